"""Connections to Postgres, and its errors as ours."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import event, text
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from tide.adapters.kept_file import KeptFile
from tide.domain.errors import StoreError, StoreRefused, Unauthorized


@dataclass(frozen=True, slots=True)
class FiledUrl:
    """Where a database is whose password stands in a file: read for each connection, as it may be replaced."""

    url: URL
    password: KeptFile[str]


DatabaseUrl = FiledUrl | URL | str
"""Where a database is; but for the plain text it hides its password when it is printed."""

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
# By SQLSTATE (Postgres docs: "PostgreSQL Error Codes"): an invalid authorization, no such database, no permission.
_REFUSALS = ("28", "3D000", "42501")
# libpq gives no SQLSTATE of what a server says before it lets us in. One that speaks another language is waited for.
_REFUSED_AT_THE_DOOR = re.compile(
    r"authentication failed for user|no password supplied|no pg_hba\.conf entry|pg_hba\.conf rejects"
    r"|permission denied for database|(?:role|database) \".*\" does not exist|is not permitted to log in"
    r"|no such (?:user|database)"
)
# A server that hangs hangs nobody for ever. The longest that is asked of it is to prune. Not by the server's own
# statement_timeout: it would not see to it, and poolers refuse to set it.
_PATIENCE_SECONDS = 120.0
_PATIENCE = "tide_patience"


def normalise_url(url: str) -> URL:
    """Read a database URL as operators write it: `postgres://` or `postgresql://`, with libpq's parameters.

    The value hides the password when it is printed, also one that is written as a parameter. Raise StoreError when it
    is no such URL.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise StoreError("the database URL cannot be read; it should look like postgresql://user@host/name") from error
    if parsed.drivername not in _SCHEMES:
        raise StoreError(f"the database URL begins with {parsed.drivername}://; only postgresql:// is supported")
    written = parsed.query.get("password")
    if isinstance(written, str):
        parsed = parsed.set(password=parsed.password or written).difference_update_query(["password"])
    return parsed.set(drivername=_DRIVER)


def has_password(url: str) -> bool:
    """Tell whether a password stands in a URL, where process lists show it."""
    return bool(secrets_of(normalise_url(url)))


def secrets_of(url: URL) -> tuple[str, ...]:
    """Give what must not be shown of a URL: the password, and the passphrase of the key for TLS."""
    passphrase = url.query.get("sslpassword")
    return tuple(secret for secret in (url.password, passphrase) if isinstance(secret, str) and secret)


def with_password_file(url: URL, path: Path, hide: Callable[[str], None] = lambda _secret: None) -> FiledUrl:
    """Take the password from a file, its first line, in the place of one in the URL.

    `hide` is told of each password before it is used. Raise StoreError when the file cannot be read now; when it cannot
    be read later, the last password stays in use.
    """

    def read(content: bytes) -> str:
        lines = content.decode().splitlines()
        password = lines[0] if lines else ""
        hide(password)
        return password

    file = KeptFile(path, "database password", read)
    try:
        file.value()
    except Unauthorized as error:
        raise StoreError(str(error)) from None
    return FiledUrl(url, file)


def address_of(url: DatabaseUrl) -> URL | str:
    """Give where a database is, as SQLAlchemy takes it; see `ask_for_password` for the rest."""
    return url.url if isinstance(url, FiledUrl) else url


def ask_for_password(engine: Engine, url: DatabaseUrl) -> None:
    """Let each new connection of an engine read the password anew."""
    if not isinstance(url, FiledUrl):
        return  # libpq itself reads its own files for each connection: ~/.pgpass, sslrootcert, sslcert and sslkey

    @event.listens_for(engine, "do_connect")
    def read(_dialect: object, _record: object, _arguments: object, parameters: MutableMapping[str, Any]) -> None:
        parameters["password"] = url.password.value()


@asynccontextmanager
async def connected(
    url: DatabaseUrl, *, connections: int = 10, patience: float = _PATIENCE_SECONDS, is_tried: bool = False
) -> AsyncIterator[Connections]:
    """Open a pool of connections to a server that is there and will do; see `opened` and `check_server`."""
    engine = opened(url, connections=connections, patience=patience, is_tried=is_tried)
    try:
        await check_server(engine)
        yield engine
    finally:
        await engine.dispose()


def opened(
    url: DatabaseUrl, *, connections: int = 10, patience: float = _PATIENCE_SECONDS, is_tried: bool = False
) -> Connections:
    """Give a pool of connections, for `statements` and `transaction`; neither lasts longer than `patience` seconds.

    Nothing is connected to yet. With `is_tried` each connection is tried before it is used, so that the first call
    after a restart of the server does not meet one that has ended; that is another round trip. Whoever opens it
    disposes of it.
    """
    engine = create_async_engine(
        address_of(url),
        pool_size=connections,
        max_overflow=0,
        pool_pre_ping=is_tried,
        isolation_level="AUTOCOMMIT",
        connect_args=CONNECT_ARGUMENTS,
        execution_options={_PATIENCE: patience},
    )
    ask_for_password(engine.sync_engine, url)
    return engine


async def check_server(engine: Connections) -> None:
    """Look whether the server will do.

    Raise StoreError when it cannot be reached, and StoreRefused when it refuses the user, is older than Postgres 13, or
    holds another encoding than UTF8.
    """
    query = text("SELECT current_setting('server_version_num')::int, current_setting('server_encoding')")
    async with statements(engine) as connection:
        version, encoding = (await connection.execute(query)).one()
    if version < _OLDEST_VERSION:
        raise StoreRefused(f"Postgres 13 or newer is needed, and this is {version // 10000}")
    if encoding != "UTF8":
        raise StoreRefused(f"the database must be encoded in UTF8, and this one is in {encoding}")


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
    """Turn what the driver raises into a StoreError (or StoreRefused) of one line, free of statements and secrets."""
    try:
        yield
    except DBAPIError as error:
        raise _store_error(error.orig or error) from error
    except (SQLAlchemyError, psycopg.Error, OSError) as error:
        raise _store_error(error) from error


def _store_error(error: BaseException) -> StoreError:
    code = error.sqlstate if isinstance(error, psycopg.Error) else None
    is_refusal = code.startswith(_REFUSALS) if code else bool(_REFUSED_AT_THE_DOOR.search(str(error)))
    return (StoreRefused if is_refusal else StoreError)(_one_line(error))


def _one_line(error: BaseException) -> str:
    """Give the first line of libpq's message; the others are hints and, for an address with several hosts, repeats."""
    primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    lines = (primary or str(error)).strip().splitlines()
    return f"database: {lines[0] if lines else type(error).__name__}"
