"""`tide db`: migrations."""

import asyncio
from pathlib import Path

import click

from tide.cli.database import database_flags


@click.group()
def db() -> None:
    """Look after the database: migrations only move it forward, one step at a time."""


@db.command()
@database_flags
def upgrade(database_url: str | None, database_password_file: Path | None, data_dir: Path) -> None:
    """Bring the schema to the newest revision."""
    from tide.app import database_at
    from tide.adapters.postgres import migrate

    with database_at(database_url, database_password_file, data_dir) as url:
        migrate.upgrade(url)
        click.echo(migrate.current(url))
