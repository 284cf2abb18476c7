"""`tide check-config`."""

from pathlib import Path

import click

from tide.config.check import report
from tide.config.sources import ConfigPaths


@click.command()
@click.option("--config-path", type=click.Path(path_type=Path), required=True, help="Prow's config.yaml.")
@click.option("--job-config-path", type=click.Path(path_type=Path), help="Prow's job files: a file or a directory.")
@click.option("--merge-queue-config-path", type=click.Path(path_type=Path), help="Settings that Prow does not have.")
@click.option("--strict", is_flag=True, help="Fields that Prow does not know are errors.")
@click.option(
    "--format", "output", type=click.Choice(("text", "json")), default="text", show_default=True, help="How to print."
)
def check_config(
    *,
    config_path: Path,
    job_config_path: Path | None,
    merge_queue_config_path: Path | None,
    strict: bool,
    output: str,
) -> int:
    """Load the configuration as `run` would, count what is in it, and tell what is wrong.

    The exit code is 1 if there are errors.
    """
    found = report(ConfigPaths(config_path, job_config_path, merge_queue_config_path), strict=strict)
    click.echo(found.as_json() if output == "json" else found.as_text())
    return 0 if found.is_good else 1
