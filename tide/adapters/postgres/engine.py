"""Connections to Postgres, and its errors as ours."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from tide.domain.errors import StoreError

DatabaseUrl = URL | str
"""Where a database is; as a URL value it hides its password when it is printed."""

Connections = AsyncEngine
"""A pool of connections to one database."""

_DRIVER = "postgresql+psycopg"
_SCHEMES = frozenset({"postgres", "postgresql", _DRIVER})
_OLDEST_VERSION = 130000  # server_version_num
CONNECT_ARGUMENTS = {
    "application_name": "tide",
    "connect_timeout": 10,
    "prepare_threshold": None,  # prepared statements break behind a pooler that pools by transaction
    # A host that is gone is noticed within half a minute, whatever the system's defaults are.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
# A server that hangs hangs nobody for ever. The longest that is asked of it is to prune. Not by the server's own
# statement_timeout: it would not see to it, and poolers refuse to set it.
_PATIENCE_SECONDS = 120.0
_PATIENCE = "tide_patience"


def normalise_url(url: str, password_file: Path | None = None) -> URL:
    """Read a database URL as operators write it: `postgres://` or `postgresql://`, with libpq's parameters.

    The password may stand in a file (its first line), in the URL, in ~/.pgpass or in $PGPASSFILE; the file wins. The
    value hides the password when it is printed. Raise StoreError when it is no such URL or the file cannot be read.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise StoreError("the database URL cannot be read; it should look like postgresql://user@host/name") from error
    if parsed.drivername not in _SCHEMES:
        raise StoreError(f"the database URL begins with {parsed.drivername}://; only postgresql:// is supported")
    parsed = parsed.set(drivername=_DRIVER)
    return parsed.set(password=_first_line(password_file)) if password_file else parsed


def has_password(url: str) -> bool:
    """Tell whether a password stands in a URL, where process lists show it."""
    return normalise_url(url).password is not None


def _first_line(path: Path) -> str:
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise StoreError(f"the database password file {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        # What it says quotes the content.
        raise StoreError(f"the database password file {path} cannot be read: it is not text in UTF-8") from None
    return lines[0] if lines else ""


@asynccontextmanager
async def connected(
    url: DatabaseUrl, *, connections: int = 10, patience: float = _PATIENCE_SECONDS, is_tried: bool = False
) -> AsyncIterator[Connections]:
    """Open a pool of connections, for `statements` and `transaction`; neither lasts longer than `patience` seconds.

    With `is_tried` each connection is tried before it is used, so that the first call after a restart of the server
    does not meet one that has ended; that is another round trip.

    Raise StoreError when the server cannot be reached, refuses the user, is older than Postgres 13, or holds
    another encoding than UTF8.
    """
    engine = create_async_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_pre_ping=is_tried,
        isolation_level="AUTOCOMMIT",
        connect_args=CONNECT_ARGUMENTS,
        execution_options={_PATIENCE: patience},
    )
    try:
        await _check_server(engine)
        yield engine
    finally:
        await engine.dispose()


async def _check_server(engine: AsyncEngine) -> None:
    query = text("SELECT current_setting('server_version_num')::int, current_setting('server_encoding')")
    async with statements(engine) as connection:
        version, encoding = (await connection.execute(query)).one()
    if version < _OLDEST_VERSION:
        raise StoreError(f"Postgres 13 or newer is needed, and this is {version // 10000}")
    if encoding != "UTF8":
        raise StoreError(f"the database must be encoded in UTF8, and this one is in {encoding}")


@asynccontextmanager
async def statements(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Give a connection where each statement is a transaction of its own: one round trip instead of three."""
    with told_as_store_errors():
        async with _in_time(engine), engine.connect() as connection:
            yield connection


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Give a connection whose statements take effect together or not at all; each sees what others have committed."""
    with told_as_store_errors():
        async with _in_time(engine), engine.connect() as connection:
            await connection.execution_options(isolation_level="READ COMMITTED")
            async with connection.begin():
                yield connection


@asynccontextmanager
async def _in_time(engine: AsyncEngine) -> AsyncIterator[None]:
    patience: float = engine.get_execution_options()[_PATIENCE]
    timeout = asyncio.timeout(patience)
    try:
        async with timeout:
            yield
    except TimeoutError as error:
        if timeout.expired():
            raise StoreError(f"database: no answer within {patience:g} seconds") from error
        raise


@contextmanager
def told_as_store_errors() -> Iterator[None]:
    """Turn whatever the driver raises into a StoreError of one line, without statements, values or passwords."""
    try:
        yield
    except DBAPIError as error:
        raise StoreError(_one_line(error.orig or error)) from error
    except (SQLAlchemyError, psycopg.Error, OSError) as error:
        raise StoreError(_one_line(error)) from error


def _one_line(error: BaseException) -> str:
    """Give the first line of libpq's message; the others are hints and, for an address with several hosts, repeats."""
    primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    lines = (primary or str(error)).strip().splitlines()
    return f"database: {lines[0] if lines else type(error).__name__}"
