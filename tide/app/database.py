"""The database of a command: the one that is named, or the embedded one."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import structlog

from tide.adapters.postgres import embedded, engine, migrate
from tide.adapters.postgres.engine import DatabaseUrl
from tide.domain.errors import StoreError

T = TypeVar("T")

log = structlog.get_logger(component="tide")


@asynccontextmanager
async def database(
    url: str | None,
    password_file: Path | None,
    data_dir: Path,
    *,
    is_durable: bool = True,
    hide: Callable[[str], None] = lambda _secret: None,
) -> AsyncIterator[DatabaseUrl]:
    """Give the URL of a database for as long as the block runs; start the embedded one when none is named.

    `hide` is told of the passwords before they are used.

    Raises:
        StoreError: the URL or its password file is bad, or the embedded one cannot be started.
    """
    if url is not None:
        if engine.has_password(url):
            log.warning("the database password stands in the URL: prefer --database-password-file or a pgpass file")
        named = engine.normalise_url(url)
        for secret in engine.secrets_of(named):
            hide(secret)
        yield engine.with_password_file(named, password_file, hide) if password_file else named
        return
    async with embedded.embedded(data_dir / "postgres", durable=is_durable) as own:
        yield own


@asynccontextmanager
async def any_database(url: str | None, password_file: Path | None, data_dir: Path) -> AsyncIterator[DatabaseUrl]:
    """Give the URL of a database to work on beside a daemon: the embedded one may be running already.

    Raises:
        StoreError: it cannot be used.
    """
    own = embedded.running(data_dir / "postgres") if url is None else None
    if own is not None:
        yield own
        return
    async with database(url, password_file, data_dir) as found:
        yield found


@asynccontextmanager
async def existing_database(url: str | None, password_file: Path | None, data_dir: Path) -> AsyncIterator[DatabaseUrl]:
    """Give the URL of a database that is there already; the embedded one may be running, or be started here.

    Raises:
        StoreError: there is none, or it cannot be used.
    """
    home = data_dir / "postgres"
    if url is None and not (home / "pgdata").is_dir():
        raise StoreError(f"there is no database in {home}: run `tide run` first, or give --database-url or --data-dir")
    async with any_database(url, password_file, data_dir) as found:
        yield found


async def upgraded(url: DatabaseUrl) -> None:
    """Bring a database to this program's schema; raise StoreRefused when it is newer.

    Whoever is cancelled leaves it behind: it may wait long for another process that is at the schema, and what it does
    takes effect as a whole or not at all.
    """
    revision = await _left_behind_when_cancelled(lambda: migrate.upgrade(url))
    log.info("the database schema is up to date", revision=revision)


async def _left_behind_when_cancelled(work: Callable[[], T]) -> T:
    """Do what blocks in a thread that keeps neither a task nor the process from ending."""
    done = Future[T]()

    def run() -> None:
        done.set_running_or_notify_cancel()
        try:
            done.set_result(work())
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            done.set_exception(error)

    threading.Thread(target=run, name="schema", daemon=True).start()
    return await asyncio.wrap_future(done)
