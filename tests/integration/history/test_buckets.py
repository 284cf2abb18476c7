import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.builders import BASE, NOW, POOL
from tests.integration.history.bucket_server import ACCESS_KEY, REGION, SECRET_KEY, BucketServer, bucket_server
from tide.adapters.history.places import HistorySettings, stored_history
from tide.adapters.history.stored import StoredHistory
from tide.adapters.history.tide_json import history_json
from tide.domain.errors import BadAnswer, NotFound, RemoteError, Unauthorized, Unavailable
from tide.domain.records import HistoryRecord

OLD = HistoryRecord(POOL, NOW, "TRIGGER", BASE, (), tenant_ids=("",))
KEY = "acme-prow/tide/history v1.json"


@pytest.fixture
async def s3() -> AsyncIterator[BucketServer]:
    async with bucket_server(is_signed=True) as server:
        yield server


@pytest.fixture
async def gcs() -> AsyncIterator[BucketServer]:
    async with bucket_server(is_signed=False) as server:
        yield server


def in_s3(server: BucketServer, place: Path, *, bucket: str = "acme-prow", **credentials: object) -> StoredHistory:
    """Open the history as Prow's flags would: an endpoint of our own with its credentials."""
    told = {
        "region": REGION,
        "endpoint": f"127.0.0.1:{server.port}",
        "insecure": True,
        "s3_force_path_style": True,
        "access_key": ACCESS_KEY,
        "secret_key": SECRET_KEY,
    }
    path = place / "s3.json"
    path.write_text(json.dumps(told | credentials))
    settings = HistorySettings(uri=f"s3://{bucket}/tide/history%20v1.json", limit=1000, s3_credentials_file=path)
    return stored_history(settings, {})


def in_gcs(server: BucketServer, bucket: str = "acme-prow") -> StoredHistory:
    settings = HistorySettings(uri=f"gs://{bucket}/tide/history%20v1.json", limit=1000)
    return stored_history(settings, {"STORAGE_EMULATOR_HOST": f"127.0.0.1:{server.port}"})


async def test_history_is_written_to_s3_and_read_from_it(s3: BucketServer, tmp_path: Path) -> None:
    history = in_s3(s3, tmp_path)
    assert await history.news() == ()
    await history.write([OLD])
    assert (s3.objects, s3.types) == ({KEY: history_json([OLD])}, ["application/json"])
    assert await in_s3(s3, tmp_path).news() == (OLD,)


async def test_an_endpoint_of_s3_may_have_its_scheme(s3: BucketServer, tmp_path: Path) -> None:
    await in_s3(s3, tmp_path, endpoint=s3.url, insecure=False).write([OLD])
    assert list(s3.objects) == [KEY]


async def test_wrong_credentials_for_s3_are_told_without_them(s3: BucketServer, tmp_path: Path) -> None:
    history = in_s3(s3, tmp_path, secret_key="not-the-secret-key")
    with pytest.raises(Unauthorized, match=r"s3://acme-prow/tide/history%20v1\.json: it cannot be read: ") as told:
        await history.news()
    assert "not-the-secret-key" not in str(told.value)
    assert len(str(told.value).splitlines()) == 1


async def test_history_is_written_to_gcs_and_read_from_it(gcs: BucketServer) -> None:
    history = in_gcs(gcs)
    assert await history.news() == ()
    await history.write([OLD])
    assert (gcs.objects, gcs.types) == ({KEY: history_json([OLD])}, ["application/json"])
    assert await in_gcs(gcs).news() == (OLD,)


async def test_a_large_history_is_written_in_one_request(gcs: BucketServer) -> None:
    many = [HistoryRecord(POOL, NOW, "MERGE", BASE, (), "x" * 50_000) for _ in range(200)]
    await in_gcs(gcs).write(many)
    assert (gcs.requests, len(gcs.objects[KEY]) > 10_000_000) == ([f"PUT /{KEY}"], True)


async def test_a_bucket_that_does_not_exist_is_no_empty_history(gcs: BucketServer) -> None:
    history = in_gcs(gcs, "acme-prov")
    with pytest.raises(NotFound, match=r"it cannot be read: .*NoSuchBucket"):
        await history.news()
    with pytest.raises(NotFound, match=r"it cannot be written: .*NoSuchBucket"):
        await history.write([OLD])


async def test_a_bucket_that_refuses_is_no_empty_history(gcs: BucketServer) -> None:
    gcs.troubles = [403]
    with pytest.raises(Unauthorized, match="403"):
        await in_gcs(gcs).news()


async def test_a_passing_trouble_of_a_bucket_is_waited_for(gcs: BucketServer) -> None:
    gcs.objects[KEY], gcs.troubles = history_json([OLD]), [503, 500]
    assert await in_gcs(gcs).news() == (OLD,)
    assert len(gcs.requests) == 3


async def test_a_lasting_trouble_of_a_bucket_is_told_in_one_line(gcs: BucketServer) -> None:
    gcs.troubles = [503] * 9
    with pytest.raises(Unavailable, match=r"it cannot be written: .*503") as told:
        await in_gcs(gcs).write([OLD])
    assert len(str(told.value).splitlines()) == 1
    assert gcs.objects == {}


async def test_a_bucket_that_is_out_of_reach_is_told_in_one_line(tmp_path: Path) -> None:
    async with bucket_server(is_signed=True) as server:
        history = in_s3(server, tmp_path)
    with pytest.raises(Unavailable, match="it cannot be read: ") as told:
        await history.news()
    assert len(str(told.value).splitlines()) == 1


async def test_an_object_that_is_no_history_is_refused(gcs: BucketServer) -> None:
    gcs.objects[KEY] = b"<html>"
    with pytest.raises(BadAnswer, match=r"gs://acme-prow/tide/history%20v1\.json: this is no history of Tide"):
        await in_gcs(gcs).news()


async def test_credentials_for_s3_that_are_exchanged_are_used(s3: BucketServer, tmp_path: Path) -> None:
    history = in_s3(s3, tmp_path)
    await history.write([OLD])
    s3.secret_key = "another-secret-key"
    with pytest.raises(Unauthorized):
        await history.news()
    (tmp_path / "s3.json").write_text("{")  # half written: the last ones stay in use
    with pytest.raises(Unauthorized):
        await history.news()
    in_s3(s3, tmp_path, secret_key="another-secret-key")
    await history.write([OLD, OLD])
    assert s3.objects == {KEY: history_json([OLD, OLD])}


async def test_credentials_for_s3_that_are_half_written_leave_the_last_ones_in_use(
    s3: BucketServer, tmp_path: Path
) -> None:
    history = in_s3(s3, tmp_path)
    path = tmp_path / "s3.json"
    whole = path.read_text()
    path.write_text(whole[:-5])
    await history.write([OLD])
    path.unlink()
    await history.write([OLD, OLD])
    assert s3.objects == {KEY: history_json([OLD, OLD])}


async def test_a_bucket_that_leads_to_another_server_hands_on_no_credentials(s3: BucketServer, tmp_path: Path) -> None:
    async with bucket_server(is_signed=False) as stranger:
        s3.leads_to = stranger.url.replace("127.0.0.1", "localhost")
        with suppress(RemoteError):
            await in_s3(s3, tmp_path).news()
        with suppress(RemoteError):
            await in_s3(s3, tmp_path).write([OLD])
        assert s3.requests
        assert [headers for headers in stranger.headers if "authorization" in headers] == []
