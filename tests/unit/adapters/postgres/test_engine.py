from pathlib import Path

import pytest

from tide.adapters.postgres.engine import connected, has_password, normalise_url, with_password_file
from tide.domain.errors import StoreError


@pytest.mark.parametrize(
    "written",
    ["postgres://tide@db/queue", "postgresql://tide@db/queue", "postgresql+psycopg://tide@db/queue"],
)
def test_the_usual_spellings_are_understood(written: str) -> None:
    assert normalise_url(written).render_as_string() == "postgresql+psycopg://tide@db/queue"


def test_parameters_and_hosts_of_libpq_are_passed_on() -> None:
    url = normalise_url("postgresql:///queue?host=/run/postgresql&sslmode=require")
    assert (url.host, url.database, dict(url.query)) == (
        None,
        "queue",
        {"host": "/run/postgresql", "sslmode": "require"},
    )


def test_only_the_first_line_of_a_password_file_counts(tmp_path: Path) -> None:
    secret, hidden = tmp_path / "password", list[str]()
    secret.write_text("s3cr:t/@\n\n")
    url = with_password_file(normalise_url("postgresql://tide:other@db/queue"), secret, hidden.append)
    assert (url.password.value(), hidden) == ("s3cr:t/@", ["s3cr:t/@"])
    assert "s3cr" not in f"{url} {url!r}"
    assert "other" not in f"{url} {url!r}"


def test_a_password_that_is_written_as_a_parameter_is_one() -> None:
    url = normalise_url("postgresql://tide@db/queue?password=hunter2&sslmode=require")
    assert (url.password, dict(url.query)) == ("hunter2", {"sslmode": "require"})
    assert "hunter2" not in f"{url} {url!r}"
    assert has_password("postgresql://tide@db/queue?password=hunter2")
    assert has_password("postgresql://tide@db/queue?sslkey=/key&sslpassword=hunter2")


def test_a_password_in_the_url_is_noticed() -> None:
    assert has_password("postgres://tide:secret@db/queue")
    assert not has_password("postgres://tide@db/queue")


@pytest.mark.parametrize(
    "written", ["mysql://tide:secret@db/queue", "secret", "", "postgresql://tide:secret@db:port/queue"]
)
def test_other_urls_are_refused_without_telling_the_password(written: str) -> None:
    with pytest.raises(StoreError) as caught:
        normalise_url(written)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unreadable_password_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nowhere"):
        with_password_file(normalise_url("postgresql://tide@db/queue"), tmp_path / "nowhere")


async def test_an_unreachable_database_is_told_in_one_line_without_the_password() -> None:
    url = normalise_url("postgresql://tide:hunter2@127.0.0.1:1/queue")
    with pytest.raises(StoreError, match="refused") as caught:
        async with connected(url):
            pytest.fail("nothing listens there")
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)
