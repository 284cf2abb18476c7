import asyncio
import sys

import pytest
from sqlalchemy import create_engine, inspect, text

from tide.adapters.postgres import migrate
from tide.adapters.postgres.schema import metadata
from tide.domain.errors import StoreError, StoreRefused


def tables(url: str) -> set[str]:
    engine = create_engine(url)
    try:
        return set(inspect(engine).get_table_names()) - {"alembic_version"}
    finally:
        engine.dispose()


def execute(url: str, statement: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def test_upgrade_makes_every_table_and_downgrade_removes_them(bare_database_url: str) -> None:
    assert migrate.current(bare_database_url) == ""
    head = migrate.upgrade(bare_database_url)
    assert head == migrate.current(bare_database_url) != ""
    assert tables(bare_database_url) == set(metadata.tables)

    assert migrate.downgrade(bare_database_url, "base") == ""
    assert tables(bare_database_url) == set()

    assert migrate.upgrade(bare_database_url) == head
    assert tables(bare_database_url) == set(metadata.tables)


def test_upgrade_is_idempotent(bare_database_url: str) -> None:
    assert migrate.upgrade(bare_database_url) == migrate.upgrade(bare_database_url)


def test_check_wants_the_schema_of_this_program(bare_database_url: str) -> None:
    with pytest.raises(StoreError, match="tide db upgrade"):
        migrate.check(bare_database_url)
    migrate.upgrade(bare_database_url)
    migrate.check(bare_database_url)


def test_a_schema_from_the_future_is_refused(bare_database_url: str) -> None:
    migrate.upgrade(bare_database_url)
    execute(bare_database_url, "UPDATE alembic_version SET version_num = '9999'")
    for use in (migrate.upgrade, migrate.check):
        with pytest.raises(StoreRefused, match=r"9999.*newer than this program"):
            use(bare_database_url)
    assert migrate.current(bare_database_url) == "9999"


def test_an_unknown_revision_is_told_in_one_line(bare_database_url: str) -> None:
    with pytest.raises(StoreError, match="nowhere") as caught:
        migrate.upgrade(bare_database_url, "nowhere")
    assert "\n" not in str(caught.value)


def test_a_failing_upgrade_leaves_nothing_behind(bare_database_url: str) -> None:
    execute(bare_database_url, "CREATE TABLE pools (stranger int)")
    with pytest.raises(StoreError, match="pools"):
        migrate.upgrade(bare_database_url)
    assert tables(bare_database_url) == {"pools"}


async def test_several_processes_may_upgrade_at_once(bare_database_url: str) -> None:
    program = "import sys; from tide.adapters.postgres.migrate import upgrade; print(upgrade(sys.argv[1]))"
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, bare_database_url, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    ]
    told = [await process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    head = migrate.current(bare_database_url)
    assert [out.decode().strip() for out, _ in told] == [head] * 3


async def test_the_code_names_the_tables_that_the_migrations_make() -> None:
    assert await migrate.check_models() == ()


def test_a_difference_between_code_and_migrations_is_found(bare_database_url: str) -> None:
    migrate.upgrade(bare_database_url)
    execute(bare_database_url, "ALTER TABLE pulls DROP COLUMN milestone")
    assert any("milestone" in difference for difference in migrate.differences(bare_database_url))


def test_an_older_process_goes_on_writing_after_the_upgrade(bare_database_url: str) -> None:
    migrate.upgrade(bare_database_url)
    execute(
        bare_database_url,
        "INSERT INTO intents (kind, org, repo, branch, subject, detail, begun_at)"
        " VALUES ('merge', 'acme', 'rocket', 'main', '#1', '', now())",
    )
    execute(bare_database_url, "INSERT INTO deliveries VALUES ('1', 'push', now())")


def test_a_downgrade_keeps_what_the_older_version_knows(bare_database_url: str) -> None:
    migrate.upgrade(bare_database_url)
    execute(
        bare_database_url,
        "INSERT INTO intents (kind, org, repo, branch, subject, begun_at, token, latest_at)"
        " VALUES ('merge', 'acme', 'rocket', 'main', '#1', now(), 7, now())",
    )
    assert migrate.downgrade(bare_database_url, "0001") == "0001"
    assert "leases" not in tables(bare_database_url)
    migrate.upgrade(bare_database_url)
    engine = create_engine(bare_database_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT subject, token FROM intents")).one() == ("#1", 0)
    engine.dispose()
