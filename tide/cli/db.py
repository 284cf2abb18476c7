"""`tide db`: migrations."""

import asyncio
from pathlib import Path

import click

from tide.adapters.postgres import migrate
from tide.app.database import database
from tide.cli.database import database_flags
from tide.domain.errors import StoreError


@click.group()
def db() -> None:
    """Look after the database's schema."""


@db.command()
@database_flags
def upgrade(database_url: str | None, database_password_file: Path | None, data_dir: Path) -> None:
    """Bring the schema to the newest revision."""

    async def work() -> None:
        async with database(database_url, database_password_file, data_dir) as url:
            click.echo(await asyncio.to_thread(migrate.upgrade, url))

    asyncio.run(work())


@db.command()
@click.argument("revision")
@database_flags
def downgrade(revision: str, database_url: str | None, database_password_file: Path | None, data_dir: Path) -> None:
    """Go back to REVISION; `base` empties the database."""

    async def work() -> None:
        async with database(database_url, database_password_file, data_dir) as url:
            click.echo(await asyncio.to_thread(migrate.downgrade, url, revision))

    asyncio.run(work())


@db.command()
@database_flags
def current(database_url: str | None, database_password_file: Path | None, data_dir: Path) -> None:
    """Print the revision of the schema."""

    async def work() -> None:
        async with database(database_url, database_password_file, data_dir) as url:
            click.echo(await asyncio.to_thread(migrate.current, url) or "empty")

    asyncio.run(work())


@db.command()
@click.option("--against-models", is_flag=True, help="Compare the migrations with the tables that the code names.")
@database_flags
def check(
    *, against_models: bool, database_url: str | None, database_password_file: Path | None, data_dir: Path
) -> None:
    """Fail unless the schema is exactly this program's."""

    async def work() -> None:
        if against_models:
            differences = await migrate.check_models()
            if differences:
                raise StoreError("the migrations do not make the tables of the code:\n" + "\n".join(differences))
            click.echo("the migrations make exactly the tables that the code names")
            return
        async with database(database_url, database_password_file, data_dir) as url:
            await asyncio.to_thread(migrate.check, url)
            click.echo("the schema is up to date")

    asyncio.run(work())
