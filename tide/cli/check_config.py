"""`tide check-config`."""

from collections.abc import Callable
from pathlib import Path

import click

from tide.cli.config_flags import CONFIG_FLAGS
from tide.config.check import report
from tide.config.sources import ConfigPaths


def _config_flags(command: Callable[..., int]) -> Callable[..., int]:
    for option in reversed(CONFIG_FLAGS):
        command = option(command)
    return command


@click.command()
@_config_flags
@click.option("--strict", is_flag=True, help="Fields that Prow does not know are errors.")
@click.option(
    "--format", "output", type=click.Choice(("text", "json")), default="text", show_default=True, help="How to print."
)
def check_config(
    *,
    config_path: Path,
    job_config_path: Path | None,
    supplemental_prow_config_dir: tuple[Path, ...],
    supplemental_suffix: str,
    merge_queue_config_path: Path | None,
    strict: bool,
    output: str,
) -> int:
    """Load the configuration as `run` would, count what is in it, and tell what is wrong.

    The exit code is 1 if there are errors.
    """
    paths = ConfigPaths(
        config_path, job_config_path, merge_queue_config_path, supplemental_prow_config_dir, supplemental_suffix
    )
    found = report(paths, strict=strict)
    click.echo(found.as_json() if output == "json" else found.as_text())
    return 0 if found.is_good else 1
