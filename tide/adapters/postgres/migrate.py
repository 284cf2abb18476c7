"""Bring a database's schema to the version of this program.

alembic's configuration is built here, so that the program needs no file of it: the revisions lie in `tide/migrations`
of an installed package, and beside the package in a checkout.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.engine import Connection

import tide
from tide.adapters.postgres.embedded import temporary
from tide.adapters.postgres.engine import (
    CONNECT_ARGUMENTS,
    Connections,
    DatabaseUrl,
    address_of,
    ask_for_password,
    statements,
    told_as_store_errors,
)
from tide.adapters.postgres.schema import metadata
from tide.domain.errors import StoreError, StoreRefused

log = logging.getLogger(__name__)

_PACKAGE = Path(tide.__file__).parent
_LOCK_KEY = 0x7469_6465  # "tide": the advisory lock of migrations
_ALEMBIC = threading.Lock()  # alembic keeps the migration that it works on in module globals


def upgrade(url: DatabaseUrl, revision: str = "head") -> str:
    """Upgrade to a revision, by default this program's own; give the revision that was reached.

    Everything happens in one transaction, under a lock that other processes wait for. Raise StoreRefused for a
    schema that is newer than this program.
    """
    with _locked(url) as (connection, config):
        _refuse_newer(connection, config)
        command.upgrade(config, revision)
        return _revision(connection)


def downgrade(url: DatabaseUrl, revision: str) -> str:
    """Go back to an older revision (`base`: to an empty database); give the revision that was reached."""
    with _locked(url) as (connection, config):
        _refuse_newer(connection, config)
        command.downgrade(config, revision)
        return _revision(connection)


def current(url: DatabaseUrl) -> str:
    """Give the revision of a database's schema, "" when there is none yet."""
    with _connection(url) as connection:
        return _revision(connection)


async def lacks_tables(connections: Connections) -> bool:
    """Tell whether a database has no schema of ours, as a new one."""
    async with statements(connections) as connection:
        found = await connection.execute(text("SELECT to_regclass('alembic_version') IS NULL"))
        return bool(found.scalar_one())


def check(url: DatabaseUrl) -> None:
    """Raise StoreError unless the schema is exactly this program's."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    with _connection(url) as connection:
        _refuse_newer(connection, _config())
        found = _revision(connection)
    if found != head:
        raise StoreError(
            f"the database's schema is at {found or 'nothing'}, this program's is {head}: run tide db upgrade"
        )


async def check_models() -> tuple[str, ...]:
    """Compare the tables that the code names with those that the migrations make; give the differences."""
    async with temporary() as url:
        upgrade(url)
        return differences(url)


def differences(url: str) -> tuple[str, ...]:
    """Compare a database's tables with those that the code names; one text for each difference."""
    with _connection(url) as connection:
        options = {"compare_type": True, "compare_server_default": True}
        found = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
    return tuple(map(str, found))


def _config() -> Config:
    inside, beside = _PACKAGE / "migrations", _PACKAGE.parent / "migrations"
    config = Config()
    config.set_main_option("script_location", str(inside if inside.is_dir() else beside).replace("%", "%%"))
    return config


@contextmanager
def _connection(url: DatabaseUrl) -> Iterator[Connection]:
    """Give a connection in a transaction that is committed at the end."""
    with told_as_store_errors():
        engine = create_engine(address_of(url), poolclass=NullPool, connect_args=CONNECT_ARGUMENTS)
        ask_for_password(engine, url)
        with engine.begin() as connection:
            yield connection


@contextmanager
def _locked(url: DatabaseUrl) -> Iterator[tuple[Connection, Config]]:
    config = _config()
    with _ALEMBIC, _connection(url) as connection:
        key = {"key": _LOCK_KEY}
        if not connection.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), key).scalar_one():
            log.warning("another process changes the database's schema: waiting for it")
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), key)
        config.attributes["connection"] = connection
        try:
            yield connection, config
        except CommandError as error:
            raise StoreError(f"database schema: {error}") from error


def _revision(connection: Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or ""


def _refuse_newer(connection: Connection, config: Config) -> None:
    """Raise StoreRefused when the database has a revision that this program has never heard of."""
    found = _revision(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found and found not in known:
        raise StoreRefused(f"the database's schema ({found}) is newer than this program: install a newer tide")
