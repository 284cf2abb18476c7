from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.builders import NOW
from tide.adapters.postgres.engine import connected, statements, transaction
from tide.adapters.postgres.store import PostgresStore
from tide.domain.errors import StoreError


async def fail_half_way(engine: AsyncEngine) -> None:
    async with transaction(engine) as connection:
        await connection.execute(text("CREATE TABLE half_done ()"))
        await connection.execute(text("SELECT 1/0"))


async def test_a_database_that_does_not_exist_is_told_in_one_line(postgres_url: str) -> None:
    with pytest.raises(StoreError, match='"nowhere" does not exist') as caught:
        async with connected(make_url(postgres_url).set(database="nowhere")):
            pytest.fail("it does not exist")
    assert "\n" not in str(caught.value)


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
    with pytest.raises(StoreError, match="LATIN1"):
        async with connected(make_url(postgres_url).set(database="latin")):
            pytest.fail("not every title fits into it")
