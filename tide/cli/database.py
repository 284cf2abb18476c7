"""What all commands that use a database share: the flags that say where it is, and where warnings go."""

import functools
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from tide.adapters.logs import Redactor, configure_logging

F = TypeVar("F", bound=Callable[..., Any])


def default_data_dir() -> Path:
    """Give where the embedded database and the git copies lie unless told otherwise."""
    if os.geteuid() == 0:
        return Path("/var/lib/tide")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "tide"


def database_flags(command: F) -> F:
    """Add --database-url, --database-password-file and --data-dir; refuse a password for no database."""

    @functools.wraps(command)
    def checked(*arguments: Any, **flags: Any) -> Any:
        if flags["database_password_file"] and not flags["database_url"]:
            raise click.UsageError("--database-password-file needs --database-url")
        return command(*arguments, **flags)

    result = cast("F", checked)
    for option in (
        click.option(
            "--data-dir",
            type=click.Path(path_type=Path, file_okay=False),
            default=default_data_dir,
            show_default="/var/lib/tide as root, else the user's data directory",
            help="Where the embedded Postgres and the local git copies lie.",
        ),
        click.option(
            "--database-password-file",
            type=click.Path(path_type=Path, dir_okay=False),
            help="A file with the password for --database-url.",
        ),
        click.option(
            "--database-url",
            envvar="TIDE_DATABASE_URL",
            show_envvar=True,
            help="postgresql://user@host/name; without it Postgres is embedded under --data-dir.",
        ),
    ):
        result = option(result)
    return result


def log_to_stderr() -> None:
    """Send warnings to standard error: standard output carries the result alone."""
    configure_logging("console", sys.stderr, Redactor(), logging.WARNING)
