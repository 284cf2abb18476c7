"""`tide demo`."""

import asyncio
import logging
import sys
from pathlib import Path

import click

from tide.adapters.descriptors import use_all_descriptors
from tide.adapters.logs import Redactor, configure_logging
from tide.app.demo import Demo, Result, as_json, as_table
from tide.app.signals import cancel_this_task, on_signal
from tide.sandbox.scenarios.trace import read_trace, trace_story
from tide.sandbox.scenarios.writing import demo_story

JOB_SECONDS = 2.0
SPREAD_SECONDS = 10.0


@click.command()
@click.option(
    "--pulls",
    type=click.IntRange(7, 500),
    default=24,
    show_default=True,
    help="How many are opened; something is wrong with 7 of them, unless they come from a --trace.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Decides who writes what, and in which order.")
@click.option("--port", type=click.IntRange(0, 65535), default=8888, show_default=True, help="The page; 0 = any free.")
@click.option(
    "--trace",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A CSV of recorded merges: its first --pulls rows, their rhythm scaled to one minute.",
)
@click.option(
    "--strategy",
    type=click.Choice(("tide", "gate")),
    default="tide",
    show_default=True,
    help="Which rules decide; gate is not available yet.",
)
@click.option(
    "--format",
    "output",
    type=click.Choice(("table", "json")),
    default="table",
    show_default=True,
    help="How the result is printed; progress goes to standard error.",
)
@click.option("--local-jobs", type=click.IntRange(1), default=4, show_default=True, help="Jobs that run at a time.")
@click.option("--keep-running", is_flag=True, help="Serve on after the end, until Ctrl-C.")
def demo(
    *,
    pulls: int,
    seed: int,
    port: int,
    trace: Path | None,
    strategy: str,
    output: str,
    local_jobs: int,
    keep_running: bool,
) -> int:
    """Run the daemon with everything embedded: a simulated GitHub, Postgres, and jobs that run for real.

    Contributors open pull requests, good ones and others; the daemon tests them together and merges them. It ends by
    itself when no pull request can change without a human. The exit code is 1 if a branch was ever red or a good pull
    request was left behind.
    """
    if strategy == "gate":
        raise click.BadParameter("gate is not available yet", param_hint="--strategy")
    story = (
        trace_story(read_trace(trace, pulls), seed, seconds=JOB_SECONDS)
        if trace
        else demo_story(pulls, seed, seconds=JOB_SECONDS, spread=SPREAD_SECONDS)
    )
    configure_logging("console", sys.stderr, Redactor(), logging.WARNING)
    use_all_descriptors()
    shown = as_json if output == "json" else as_table
    progress = Demo(story, lambda line: click.echo(line, err=True), lambda result: click.echo(shown(result)))
    result = asyncio.run(_run(progress, port, local_jobs, keep_running=keep_running))
    return 0 if result.is_good else 1


async def _run(progress: Demo, port: int, local_jobs: int, *, keep_running: bool) -> Result:
    stop = asyncio.Event()
    on_signal(cancel_this_task())
    try:
        return await progress.run(
            port, local_jobs, stop, on_begin=lambda: on_signal(stop.set), keep_running=keep_running
        )
    except asyncio.CancelledError:
        # Nothing but a signal cancels us, and that before there is anything to show.
        raise click.Abort from None
