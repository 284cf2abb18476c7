import psycopg
import pytest
from sqlalchemy.engine import make_url

from tests.integration.cli.conftest import Tide


@pytest.fixture
def url(bare_database_url: str) -> str:
    return make_url(bare_database_url).set(drivername="postgresql").render_as_string()


def test_a_database_is_brought_up_and_down_and_checked(tide: Tide, url: str) -> None:
    flag = f"--database-url={url}"
    assert tide("db", "current", flag).out == "empty\n"
    unready = tide("db", "check", flag)
    assert (unready.code, unready.out, len(unready.errors)) == (1, "", 1)
    up = tide("db", "upgrade", flag)
    assert (up.code, up.err) == (0, "")
    assert tide("db", "current", flag).out == up.out
    assert tide("db", "check", flag).out == "the schema is up to date\n"
    assert tide("db", "upgrade", flag).out == up.out
    assert tide("db", "downgrade", "base", flag).out == "empty\n"
    assert tide("db", "current", flag).out == "empty\n"


def test_an_unknown_revision_is_told(tide: Tide, url: str) -> None:
    told = tide("db", "downgrade", "nonsense", f"--database-url={url}")
    assert told.code == 1
    assert len(told.errors) == 1
    assert "nonsense" in told.errors[0]


@pytest.mark.parametrize("command", [("db", "check"), ("db", "upgrade"), ("db", "downgrade", "base"), ("pools",)])
def test_a_schema_newer_than_the_program_is_left_alone(tide: Tide, url: str, command: tuple[str, ...]) -> None:
    make_newer(tide, url)
    told = tide(*command, f"--database-url={url}")
    assert (told.code, told.out) == (1, "")
    assert len(told.errors) == 1
    assert "newer than this program" in told.errors[0]


def test_the_daemon_refuses_a_schema_newer_than_itself(tide: Tide, run_once: Tide, url: str) -> None:
    make_newer(tide, url)
    told = run_once(f"--database-url={url}")
    assert told.code == 1
    assert len(told.errors) == 1
    assert "newer than this program" in told.errors[0]


def make_newer(tide: Tide, url: str) -> None:
    assert tide("db", "upgrade", f"--database-url={url}").code == 0
    with psycopg.connect(url) as database:
        database.execute("UPDATE alembic_version SET version_num = 'ff99'")


def test_the_lists_of_an_empty_database_are_empty(tide: Tide, database_url: str) -> None:
    for command in ("pools", "history", "decisions"):
        told = tide(command, f"--database-url={database_url}", "--format=json")
        assert (told.code, told.err) == (0, "")
        assert '"items": []' in told.out
        assert tide(command, f"--database-url={database_url}").code == 0


def test_looking_leaves_an_older_schema_as_it_is(tide: Tide, url: str) -> None:
    flag = f"--database-url={url}"
    told = tide("pools", flag)
    assert (told.code, told.out, len(told.errors)) == (1, "", 1)
    assert "tide db upgrade" in told.errors[0]
    assert tide("db", "current", flag).out == "empty\n"
