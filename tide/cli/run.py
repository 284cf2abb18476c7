"""`tide run`: the daemon."""

import asyncio
import gc
from dataclasses import fields
from itertools import combinations
from pathlib import Path
from typing import Any

import click

from tide.adapters.descriptors import use_all_descriptors
from tide.app.daemon import run_daemon
from tide.app.options import RunOptions
from tide.app.trust import is_trusted, needs_trust, remember_trust, what_jobs_may
from tide.cli.run_flags import IGNORED_FLAGS, parameter_name, run_flags


@click.command()
@run_flags
def run(**flags: Any) -> None:
    """Run the daemon: search, decide, test, merge, and show what it does and why.

    With --dry-run (the default, as in Prow) nothing outside is changed. The flags are those of Prow's tide; the ones
    that mean nothing here are taken with a warning.
    """
    _refuse(flags)
    for name, why in IGNORED_FLAGS.items():
        if flags.pop(parameter_name(name), ()):
            click.echo(f"tide: warning: --{name} is ignored: {why}", err=True)
    options = _options(flags)
    _check_trust(options, is_given=flags["i_trust_contributors"])
    use_all_descriptors()
    gc.freeze()  # what was imported stays: a collection of garbage that walks all of it takes a tenth of a second
    asyncio.run(run_daemon(options))


def _refuse(flags: dict[str, Any]) -> None:
    if flags.pop("provider") == "gerrit":
        raise click.UsageError(
            "--provider=gerrit is not served: a second merger on the same pools would be worse than none"
        )
    _check_credentials(flags)
    _check_ports(flags)
    if flags["prowjob_backend"] == "local" and flags["run_once"] and not flags["dry_run"]:
        click.echo("tide: warning: --run-once only queues jobs; `tide run` without it runs them", err=True)


def _check_credentials(flags: dict[str, Any]) -> None:
    """Refuse flags that do not say clearly who we are at GitHub (Prow: flagutil GitHubOptions.Validate)."""
    token, app, key = (flags[name] for name in ("github_token_path", "github_app_id", "github_app_private_key_path"))
    if token and (app or key):
        raise click.UsageError(
            "--github-token-path and --github-app-id exclude each other: one of them says who we are"
        )
    if bool(app) != bool(key):
        raise click.UsageError("--github-app-id and --github-app-private-key-path need each other")
    if not token and not app:
        raise click.UsageError(
            "who we are at GitHub is missing: give --github-token-path, "
            "or --github-app-id with --github-app-private-key-path"
        )


def _check_trust(options: RunOptions, *, is_given: bool) -> None:
    """Ask once whether contributors are trusted, where their jobs would be ourselves."""
    if not needs_trust(options):
        return
    if is_given:
        remember_trust(options.data_dir)
    elif not is_trusted(options.data_dir):
        raise click.UsageError(
            f"{what_jobs_may(options)}. Where that is how it should be, add --i-trust-contributors (it is remembered "
            "in --data-dir); else start it as root, which gives each job an account of its own"
        )


def _check_ports(flags: dict[str, Any]) -> None:
    for one, other in combinations(("port", "metrics_port", "health_port"), 2):
        if flags[one] and flags[one] == flags[other]:
            names = " and ".join(f"--{name.replace('_', '-')}" for name in (one, other))
            raise click.UsageError(f"{names} need different ports: both are {flags[one]}")


def _options(flags: dict[str, Any]) -> RunOptions:
    known = {field.name for field in fields(RunOptions)}
    values = {name: value for name, value in flags.items() if name in known}
    for name, value in values.items():
        if isinstance(value, Path):
            values[name] = value.absolute()
    values["supplemental_prow_config_dir"] = tuple(path.absolute() for path in flags["supplemental_prow_config_dir"])
    return RunOptions(**values)
