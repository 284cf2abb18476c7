"""`tide db`: migrations."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TypeVar

import click

from tide.adapters.postgres import migrate
from tide.adapters.postgres.engine import DatabaseUrl
from tide.app.database import any_database, existing_database
from tide.cli.database import database_flags, log_to_stderr
from tide.domain.errors import StoreError

T = TypeVar("T")


@click.group()
def db() -> None:
    """Look after the database's schema."""


@db.command()
@database_flags
def upgrade(database_url: str | None, database_password_file: Path | None, data_dir: Path) -> None:
    """Bring the schema to the newest revision."""
    click.echo(_on(any_database(database_url, database_password_file, data_dir), migrate.upgrade))


@db.command()
@click.argument("revision")
@database_flags
def downgrade(revision: str, database_url: str | None, database_password_file: Path | None, data_dir: Path) -> None:
    """Go back to REVISION; `base` empties the database."""
    found = existing_database(database_url, database_password_file, data_dir)
    click.echo(_on(found, lambda url: migrate.downgrade(url, revision)) or "empty")


@db.command()
@database_flags
def current(database_url: str | None, database_password_file: Path | None, data_dir: Path) -> None:
    """Print the revision of the schema."""
    click.echo(_on(existing_database(database_url, database_password_file, data_dir), migrate.current) or "empty")


@db.command()
@click.option("--against-models", is_flag=True, help="Compare the migrations with the tables that the code names.")
@database_flags
def check(
    *, against_models: bool, database_url: str | None, database_password_file: Path | None, data_dir: Path
) -> None:
    """Fail unless the schema is exactly this program's."""
    if against_models:
        _check_models()
        return
    _on(existing_database(database_url, database_password_file, data_dir), migrate.check)
    click.echo("the schema is up to date")


def _check_models() -> None:
    log_to_stderr()
    differences = asyncio.run(migrate.check_models())
    if differences:
        raise StoreError("the migrations do not make the tables of the code:\n" + "\n".join(differences))
    click.echo("the migrations make exactly the tables that the code names")


def _on(database: AbstractAsyncContextManager[DatabaseUrl], work: Callable[[DatabaseUrl], T]) -> T:
    """Do what blocks on a database that is open meanwhile."""

    async def run() -> T:
        async with database as url:
            return await asyncio.to_thread(work, url)

    log_to_stderr()
    return asyncio.run(run())
