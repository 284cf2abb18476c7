"""`tide sandbox`."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import click

from tide.adapters.descriptors import use_all_descriptors
from tide.app.data_dir import make_usable
from tide.app.sandbox import Scenario, run_sandbox
from tide.app.signals import on_signal
from tide.cli.addresses import HttpAddress
from tide.config.loading import load
from tide.config.parsing import Parser
from tide.config.sources import ConfigPaths, read_sources
from tide.sandbox.scenarios.from_config import stage
from tide.sandbox.scenarios.story import Story
from tide.sandbox.scenarios.writing import FEWEST_IN_DEMO, demo_story


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="0 = any free port.")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where repositories and files lie; unless given, a temporary directory that goes when it ends.",
)
@click.option(
    "--scenario",
    type=click.Choice(("demo", "empty", "config")),
    default="demo",
    show_default=True,
    help="What is there: the demonstration, nothing, or pull requests in the repositories that --config-path names.",
)
@click.option(
    "--config-path",
    type=click.Path(path_type=Path),
    help="Prow's config.yaml: for --scenario config, or for the jobs of repositories to come in --scenario empty.",
)
@click.option("--job-config-path", type=click.Path(path_type=Path), help="Prow's job files, beside --config-path.")
@click.option(
    "--webhook-url",
    type=HttpAddress(may_be_empty=True),
    help="Where every event is sent, such as http://127.0.0.1:8888/hook; signed, as GitHub does it.",
)
@click.option("--pulls", type=click.IntRange(1, 5000), default=24, show_default=True, help="How many are opened.")
@click.option("--seed", type=int, default=1, show_default=True, help="Decides everything that happens.")
@click.option(
    "--spread",
    type=click.FloatRange(0),
    default=20.0,
    show_default=True,
    help="The seconds over which they are opened; what follows on that may take a little longer.",
)
@click.option(
    "--job-seconds",
    type=click.FloatRange(0),
    default=0.5,
    show_default=True,
    help="How long each job takes, on the cluster or wherever else it runs.",
)
@click.option(
    "--prow/--no-prow",
    "has_prow",
    default=True,
    show_default=True,
    help="Whether Prow runs on the cluster; it would report beside the jobs of `tide run --prowjob-backend local`.",
)
def sandbox(
    *,
    port: int,
    data_dir: Path | None,
    scenario: str,
    config_path: Path | None,
    job_config_path: Path | None,
    webhook_url: str | None,
    pulls: int,
    seed: int,
    spread: float,
    job_seconds: float,
    has_prow: bool,
) -> None:
    """Serve a simulated GitHub and a simulated Kubernetes with Prow on the loopback.

    GitHub speaks GraphQL, REST and git as the real one does. On the cluster there are ProwJobs alone; its Prow starts
    the jobs of pull requests, listens to `/test` and `/retest`, lets each ProwJob take --job-seconds, and reports. A
    job passes or fails by what the merged code says: none of its programs is run.

    The first line on standard output is JSON: {url, graphql, kubeconfig, token_file, webhook_secret_file, gitconfig}.
    With it comes the Prow configuration `config` for `tide run`, and for --scenario config also the directory
    `programs` with stand-ins for what the jobs run, to be put in PATH of `tide run --prowjob-backend local`
    (then with --no-prow here). Any non-empty token is good.

    `/_sandbox/truth` tells what really happened, `/_sandbox/faults` makes things go wrong, `/_sandbox/events` lists
    what was changed, `/_sandbox/jobs/NAME` shows what a job did.
    """
    if config_path is None and scenario == "config":
        raise click.UsageError("--scenario config needs --config-path")
    if config_path is not None and scenario == "demo":
        raise click.UsageError("--scenario demo brings its own configuration: leave out --config-path")
    if job_config_path is not None and config_path is None:
        raise click.UsageError("--job-config-path needs --config-path")
    config = load(read_sources(ConfigPaths(config_path, job_config_path)), Parser()) if config_path else None
    told = Scenario(Story((), ()), config=config, seed=seed, job_seconds=job_seconds, has_prow=has_prow)
    if scenario == "demo":
        if pulls < FEWEST_IN_DEMO:
            raise click.UsageError(f"--scenario demo needs {FEWEST_IN_DEMO} pull requests at least")
        told = replace(told, story=demo_story(pulls, seed, seconds=job_seconds, spread=spread))
    elif scenario == "config" and config:
        made = stage(config, pulls, seed, seconds=job_seconds, spread=spread)
        told = replace(told, story=made.story, stage=made)
    with _place(data_dir) as place:
        use_all_descriptors()
        asyncio.run(_run(told, place, port, webhook_url))


@contextmanager
def _place(data_dir: Path | None) -> Iterator[Path]:
    """Give the directory for all files, open to every user, as jobs may run as another one."""
    if data_dir:
        with _removed_unless_used(data_dir):
            make_usable(data_dir, mode=0o755)
            yield data_dir.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="tide-sandbox-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def _removed_unless_used(directory: Path) -> Iterator[None]:
    """Leave no directory behind that was not there before and in which nothing is."""
    was_there = directory.exists()
    try:
        yield
    finally:
        if not was_there:
            with suppress(OSError):
                directory.rmdir()


async def _run(scenario: Scenario, place: Path, port: int, webhook_url: str | None) -> None:
    stopping = asyncio.Event()
    on_signal(stopping.set)
    await run_sandbox(scenario, place, port, stopping, click.echo, webhook_url=webhook_url)
