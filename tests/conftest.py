"""Fixtures that many suites share: a real Postgres, started once per test session (one per xdist worker)."""

import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import psycopg
import pytest
import pytest_asyncio
from psycopg import sql
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from tide.adapters.clock import SystemClock
from tide.adapters.postgres.embedded import temporary
from tide.adapters.postgres.engine import opened
from tide.adapters.postgres.leases import PostgresLeases
from tide.adapters.postgres.migrate import upgrade
from tide.adapters.postgres.schema import metadata
from tide.adapters.postgres.store import PostgresStore
from tide.adapters.postgres.views import PostgresViews
from tide.domain.leases import Lease

_EMPTY = sql.SQL("; ").join(
    sql.SQL("DELETE FROM {}").format(sql.Identifier(table.name)) for table in reversed(metadata.sorted_tables)
)
_OTHERS = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()"""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_url() -> AsyncIterator[str]:
    """A running server: the URL of its maintenance database, from which others are made."""
    async with temporary() as url:
        yield url


@pytest.fixture(scope="session")
def shared_database_url(postgres_url: str) -> str:
    """A database with all tables, made once; use `database_url`, which is empty at the start of each test."""
    return _create(postgres_url, "tide_shared", migrated=True)


@pytest.fixture
def database_url(shared_database_url: str) -> str:
    """A database with all tables and no rows; whoever is still connected from an earlier test is thrown out."""
    with _connect(shared_database_url) as connection:
        connection.execute(_OTHERS)
        connection.execute(_EMPTY)
    return shared_database_url


@pytest.fixture(scope="session")
def shared_engine(shared_database_url: str) -> AsyncEngine:
    """What statements are compiled for, once for all tests; it has no connections between them."""
    return opened(shared_database_url)


@pytest.fixture
async def engine(database_url: str, shared_engine: AsyncEngine) -> AsyncIterator[AsyncEngine]:
    """Connections to `database_url`."""
    yield shared_engine
    await shared_engine.dispose()


@pytest.fixture
def store(engine: AsyncEngine) -> PostgresStore:
    """The store over an empty database."""
    return PostgresStore(engine)


@pytest.fixture
async def lease(engine: AsyncEngine) -> Lease:
    """The lead over the same database, for longer than any test takes; intents need its token."""
    lease = await PostgresLeases(engine, SystemClock(), timedelta(hours=1), call_seconds=60).take("the test")
    assert lease
    return lease


@pytest.fixture
def views(engine: AsyncEngine) -> PostgresViews:
    """What is read of the same database."""
    return PostgresViews(engine)


@pytest.fixture
def bare_database_url(postgres_url: str) -> Iterator[str]:
    """A new database without any table, dropped at the end."""
    name = f"bare_{uuid.uuid4().hex}"
    yield _create(postgres_url, name, migrated=False)
    with _connect(postgres_url) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _create(postgres_url: str, name: str, *, migrated: bool) -> str:
    with _connect(postgres_url) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    url = make_url(postgres_url).set(database=name)
    if migrated:
        upgrade(url)
    return url.render_as_string()


def _connect(url: str) -> psycopg.Connection[tuple[object, ...]]:
    parsed: URL = make_url(url).set(drivername="postgresql")
    return psycopg.connect(parsed.render_as_string(hide_password=False), autocommit=True)
