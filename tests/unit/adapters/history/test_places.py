import json
from pathlib import Path

import pytest

from tide.adapters.history.credentials import s3_credentials
from tide.adapters.history.local_file import LocalFile
from tide.adapters.history.places import HistorySettings, stored_history
from tide.domain.errors import ConfigError


@pytest.mark.parametrize("uri", ["/var/tide/history.json", "file:///var/tide/history.json"])
def test_a_path_is_a_file_here(uri: str) -> None:
    place = stored_history(HistorySettings(uri=uri, limit=1), {}).place
    assert place == LocalFile(Path("/var/tide/history.json"))


def test_a_path_is_taken_as_it_stands() -> None:
    place = stored_history(HistorySettings(uri="100%25 sure#1.json", limit=1), {}).place
    assert place == LocalFile(Path.cwd() / "100%25 sure#1.json")


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("gs://acme-prow", "names no object in a bucket, as gs://BUCKET/FILE.json would"),
        ("gs:///history.json", "names no object in a bucket"),
        ("s3://acme-prow/tide/", "names no object in a bucket"),
        ("azure://acme/history.json", "azure:// is none of what is known: a file, gs:// and s3://"),
    ],
)
def test_an_address_that_names_no_file_is_refused(uri: str, why: str) -> None:
    with pytest.raises(ConfigError, match=f"--history-uri: .*{why}"):
        stored_history(HistorySettings(uri=uri, limit=1), {})


def test_credentials_of_google_that_are_not_there_are_refused(tmp_path: Path) -> None:
    settings = HistorySettings(uri="gs://acme-prow/h.json", limit=1, gcs_credentials_file=tmp_path / "key.json")
    with pytest.raises(ConfigError, match=r"key\.json: --gcs-credentials-file: there is no such file"):
        stored_history(settings, {})


def test_credentials_of_google_that_are_none_are_refused_without_telling_them(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.write_text('{"private_key": "geheim"}')
    settings = HistorySettings(uri="gs://acme-prow/h.json", limit=1, gcs_credentials_file=path)
    with pytest.raises(ConfigError, match="--history-uri: ") as told:
        stored_history(settings, {})
    assert "geheim" not in str(told.value)


def test_the_secret_for_s3_is_hidden_from_logs(tmp_path: Path) -> None:
    path, hidden = tmp_path / "s3.json", list[str]()
    path.write_text(json.dumps({"region": "eu-west-3", "access_key": "AKIDEXAMPLE", "secret_key": "geheim"}))
    settings = HistorySettings(uri="s3://acme-prow/h.json", limit=1, s3_credentials_file=path)
    assert "geheim" not in repr(stored_history(settings, {}, hidden.append))
    assert hidden == ["geheim"]


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({}, ""),
        ({"insecure": True}, ""),
        ({"endpoint": "minio:9000"}, "https://minio:9000"),
        ({"endpoint": "minio:9000", "insecure": True}, "http://minio:9000"),
        ({"endpoint": "http://minio:9000"}, "http://minio:9000"),
        ({"endpoint": "https://minio:9000", "insecure": True}, "https://minio:9000"),
    ],
)
def test_the_endpoint_of_s3_is_read_as_prow_reads_it(tmp_path: Path, fields: dict[str, object], url: str) -> None:
    path = tmp_path / "s3.json"
    path.write_text(json.dumps(fields))
    assert s3_credentials(path).url == url


@pytest.mark.parametrize("content", ["", "[]", '{"secret_key": ["geheim"]}', '{"secret_key": "geheim"'])
def test_credentials_for_s3_of_another_form_are_refused_without_telling_them(tmp_path: Path, content: str) -> None:
    path = tmp_path / "s3.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match=r"s3\.json: ") as told:
        s3_credentials(path)
    assert "geheim" not in str(told.value)


def test_credentials_for_s3_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"s3\.json: --s3-credentials-file: No such file"):
        s3_credentials(tmp_path / "s3.json")
