import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.builders import NOW
from tide.adapters.postgres.engine import (
    FiledUrl,
    connected,
    normalise_url,
    statements,
    transaction,
    with_password_file,
)
from tide.adapters.postgres.migrate import current
from tide.adapters.postgres.store import PostgresStore
from tide.domain.errors import StoreError, StoreRefused


async def fail_half_way(engine: AsyncEngine) -> None:
    async with transaction(engine) as connection:
        await connection.execute(text("CREATE TABLE half_done ()"))
        await connection.execute(text("SELECT 1/0"))


async def test_a_database_that_does_not_exist_is_told_in_one_line(postgres_url: str) -> None:
    with pytest.raises(StoreRefused, match='"nowhere" does not exist') as caught:
        async with connected(make_url(postgres_url).set(database="nowhere")):
            pytest.fail("it does not exist")
    assert "\n" not in str(caught.value)


async def test_a_stranger_is_refused(postgres_url: str) -> None:
    with pytest.raises(StoreRefused, match="stranger"):
        async with connected(make_url(postgres_url).set(username="stranger")):
            pytest.fail("nobody knows them")


async def test_who_may_not_make_a_table_is_refused(bare_database_url: str) -> None:
    async with connected(bare_database_url) as engine:
        with pytest.raises(StoreRefused, match="permission denied"):
            await make_table_as_a_guest(engine)


async def make_table_as_a_guest(engine: AsyncEngine) -> None:
    async with transaction(engine) as connection:
        await connection.execute(text("SET LOCAL ROLE pg_monitor"))
        await connection.execute(text("CREATE TABLE pg_catalog.mine ()"))


@pytest.mark.parametrize("url", ["postgresql+psycopg://tide@127.0.0.1:9/tide", "postgresql+psycopg://t@host.invalid/t"])
async def test_a_server_that_is_away_may_come_back(url: str) -> None:
    with pytest.raises(StoreError) as raised:
        async with connected(url):
            pytest.fail("it is away")
    assert not isinstance(raised.value, StoreRefused)


@pytest.mark.parametrize("method", ["scram-sha-256", "reject"])
async def test_a_password_that_is_wrong_is_refused(postgres_url: str, method: str) -> None:
    async with connected(postgres_url, connections=1) as owner, guest_with_password(owner, "right", method):
        for password in ("wrong", None):
            with pytest.raises(StoreRefused):
                async with connected(make_url(postgres_url).set(username="guest", password=password)):
                    pytest.fail("it is wrong")


async def test_an_error_inside_a_transaction_undoes_all_of_it(bare_database_url: str) -> None:
    async with connected(bare_database_url) as engine:
        with pytest.raises(StoreError, match="division by zero"):
            await fail_half_way(engine)
        async with statements(engine) as connection:
            assert (await connection.execute(text("SELECT to_regclass('half_done')"))).scalar() is None


async def test_an_error_that_is_not_the_databases_passes_through(bare_database_url: str) -> None:
    async with connected(bare_database_url) as engine:
        with pytest.raises(ZeroDivisionError):
            async with transaction(engine):
                raise ZeroDivisionError


async def test_after_lost_connections_the_next_statement_works(bare_database_url: str) -> None:
    async with connected(bare_database_url, connections=2) as engine:
        with pytest.raises(StoreError):
            async with statements(engine) as connection:
                await connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        async with statements(engine) as connection:
            assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1


async def test_times_are_told_in_utc_whatever_the_server_prefers(database_url: str) -> None:
    in_berlin = make_url(database_url).update_query_dict({"options": "-c timezone=Europe/Berlin"})
    async with connected(in_berlin) as engine:
        store = PostgresStore(engine)
        await store.set_watermark("coverage", "is:pr", NOW)
        kept = await store.watermark("coverage")
    assert kept == ("is:pr", NOW)
    assert kept[1].utcoffset() == timedelta(0)


async def test_a_database_in_another_encoding_is_refused(postgres_url: str) -> None:
    async with connected(postgres_url) as engine, statements(engine) as connection:
        await connection.execute(text("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1'"))
    with pytest.raises(StoreRefused, match="LATIN1"):
        async with connected(make_url(postgres_url).set(database="latin")):
            pytest.fail("not every title fits into it")


async def run(engine: AsyncEngine, *wanted: str) -> None:
    async with statements(engine) as connection:
        for statement in wanted:
            await connection.execute(text(statement))


def replaced(path: Path, make: Callable[[str], str]) -> str:
    """Write a file anew; give what was in it."""
    before = path.read_text()
    path.write_text(make(before))
    return before


@asynccontextmanager
async def guest_with_password(owner: AsyncEngine, password: str, method: str = "scram-sha-256") -> AsyncIterator[None]:
    """Have a user `guest`, who is let in by a password, where the embedded server else knows whom it runs for."""
    async with statements(owner) as connection:
        rules = Path((await connection.execute(text("SHOW hba_file"))).scalar_one())
    await run(owner, f"CREATE ROLE guest LOGIN PASSWORD '{password}'")
    before = replaced(rules, lambda old: f"local all guest {method}\n{old}")
    try:
        await run(owner, "SELECT pg_reload_conf()")
        yield
    finally:
        replaced(rules, lambda _: before)
        await run(owner, "SELECT pg_reload_conf()", "DROP ROLE guest")


async def until_let_in(url: FiledUrl) -> None:
    """Wait until the server has read its rules again."""
    async with asyncio.timeout(60):
        while True:
            try:
                async with connected(url, connections=1):
                    return
            except StoreError:
                await asyncio.sleep(0.05)


async def test_a_password_that_is_exchanged_is_shown_by_new_connections(postgres_url: str, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("first\n")
    url = with_password_file(normalise_url(postgres_url).set(username="guest"), file)
    async with connected(postgres_url, connections=1) as owner, guest_with_password(owner, "first"):
        await until_let_in(url)
        async with connected(url, connections=1) as guest:
            await run(owner, "ALTER ROLE guest PASSWORD 'second'")
            await run(guest, "SELECT 1")  # who is in stays in
            await guest.dispose()
            with pytest.raises(StoreError, match="password authentication failed"):
                await run(guest, "SELECT 1")
            file.write_text("")
            file.write_text("second\n")
            await run(guest, "SELECT 1")
            await asyncio.to_thread(current, url)
