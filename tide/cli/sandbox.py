"""`tide sandbox`."""

import asyncio
import signal
import tempfile
from pathlib import Path

import click

from tide.app.sandbox import Scenario, run_sandbox
from tide.config.loading import load
from tide.config.parsing import Parser
from tide.config.sources import ConfigPaths, read_sources
from tide.sandbox.scenarios.from_config import stage
from tide.sandbox.scenarios.story import Story
from tide.sandbox.scenarios.writing import demo_story

JOB_SECONDS = 0.5


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="0 = any free port.")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where repositories and files lie; a new temporary directory unless given.",
)
@click.option(
    "--scenario",
    type=click.Choice(("demo", "empty", "config")),
    default="demo",
    show_default=True,
    help="What is there: the demonstration, nothing, or pull requests in the repositories that --config-path names.",
)
@click.option("--config-path", type=click.Path(path_type=Path), help="Prow's config.yaml, for --scenario config.")
@click.option("--job-config-path", type=click.Path(path_type=Path), help="Prow's job files, for --scenario config.")
@click.option(
    "--webhook-url", help="Where every event is sent, such as http://127.0.0.1:8888/hook; signed, as GitHub does it."
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
) -> None:
    """Serve a simulated GitHub on the loopback: GraphQL, REST and git, as the real one speaks them.

    The first line on standard output is JSON: {url, graphql, token_file, webhook_secret_file, gitconfig}, and for
    --scenario config also the directory `programs` with stand-ins for what the jobs run, to be put in PATH. Any
    non-empty token is good.

    `/_sandbox/truth` tells what really happened, `/_sandbox/faults` makes things go wrong, `/_sandbox/events` lists
    what was changed.
    """
    if (scenario == "config") != (config_path is not None):
        raise click.UsageError("--scenario config and --config-path go together")
    place = data_dir.absolute() if data_dir else Path(tempfile.mkdtemp(prefix="tide-sandbox-"))
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o755)
    if scenario == "empty":
        told = Scenario(Story((), ()))
    elif config_path is None:
        told = Scenario(demo_story(pulls, seed, seconds=JOB_SECONDS, spread=spread))
    else:
        config = load(read_sources(ConfigPaths(config_path, job_config_path)), Parser())
        made = stage(config, pulls, seed, seconds=JOB_SECONDS, spread=spread)
        told = Scenario(made.story, made)
    asyncio.run(_run(told, place, port, webhook_url))


async def _run(scenario: Scenario, place: Path, port: int, webhook_url: str | None) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await run_sandbox(scenario, place, port, stopping, click.echo, webhook_url=webhook_url)
