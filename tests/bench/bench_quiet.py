"""What syncs of 200 pools and 800 pull requests take when nothing has changed, or little has.

Everything is known before: the pools were decided, their statuses written, and what changed by that was read. The
first table is of rounds. The second is of webhooks about reports of jobs: such as say what was known, and such as say
something else without any difference to what may merge. The last one is of a whole process, from its start to its
first decision, with a database of its own.
"""

import asyncio
import logging
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import structlog

from tests.bench.big_forge import Size, big_forge
from tests.bench.measured_daemon import (
    POINTS,
    STATEMENTS,
    Cost,
    MeasuredDaemon,
    leading,
    measured_daemon,
    written_config,
)
from tests.bench.meters import cpu_of_family
from tests.bench.tables import Row, show
from tests.programs import TIDE, started
from tide.domain.keys import HeadKey
from tide.domain.pulls import ContextState, Pull
from tide.ports.code_host import StatusPost

SIZE = Size(repos_per_org=50, pulls_per_repo=4)
QUIET, CHANGED, REPORTS = 5, 10, 50
AIM_CPU = "< 2 s"


def main() -> None:
    """Print what the syncs take."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory(prefix="tide-bench-") as name:
        directory = Path(name)
        directory.chmod(0o711)  # as root, the database's user has to get through
        with big_forge(directory / "forge", SIZE) as forge:
            asyncio.run(_measure(directory, forge))
            fresh = directory / "fresh"
            fresh.mkdir()
            _measure_start(fresh, forge)


async def _measure(directory: Path, forge: dict[str, str]) -> None:
    async with measured_daemon(directory, forge, SIZE) as bench:
        await leading(bench, lambda: _measure_syncs(bench))


async def _measure_syncs(bench: MeasuredDaemon) -> None:
    await bench.round()
    await bench.daemon.statuses.round()
    for _ in range(3):  # what the statuses have changed is read once, and settles
        await bench.round()
    quiet = [await bench.round() for _ in range(QUIET)]
    pulls = await bench.daemon.store.open_pulls()
    # One of each pool that counts: the first of each repository may be one whose job still runs.
    heads = [pull for pull in pulls if pull.key.number == pulls[0].key.number]
    await _report(bench, heads[:CHANGED], "Something else.")
    changed = await bench.round()
    await bench.round()
    same = await bench.follow(_hints(heads[:REPORTS]))
    await _report(bench, heads[:REPORTS], "Anything else.")
    other = await bench.follow(_hints(heads[:REPORTS]))
    _show(f"rounds of {SIZE.pools} pools and {SIZE.pulls} pull requests", [
        (f"nothing new (median of {QUIET})", sorted(quiet, key=lambda one: one.spent.cpu)[QUIET // 2]),
        (f"{CHANGED} of {SIZE.pools} pools changed", changed),
    ])  # fmt: skip
    _show(f"{REPORTS} webhooks at once, each about another pool", [
        ("reports that say what was known", same),
        ("reports that say something else", other),
    ])  # fmt: skip


def _hints(pulls: Sequence[Pull]) -> list[HeadKey]:
    return [HeadKey(pull.key.org, pull.key.repo, pull.head_sha) for pull in pulls]


async def _report(bench: MeasuredDaemon, pulls: Sequence[Pull], said: str) -> None:
    """Let a job that failed say something else: the pull request waits on, but what is known of it has changed."""
    for pull in pulls:
        bad = next(one for one in pull.contexts if one.state in {ContextState.FAILURE, ContextState.PENDING})
        status = StatusPost(bad.name, bad.state, said, bad.target_url)
        await bench.host.post_status(pull.key.repository, pull.head_sha, status)


def _show(title: str, costs: Sequence[tuple[str, Cost]]) -> None:
    rows = []
    for what, cost in costs:
        rows += [
            Row(f"{what}: CPU", f"{cost.spent.cpu:.2f} s", AIM_CPU),
            Row("  CPU of Postgres", f"{cost.spent.others_cpu:.2f} s"),
            Row("  SQL statements", str(cost.counts[STATEMENTS])),
            Row("  points of GraphQL", str(cost.counts[POINTS])),
            Row("  calls of GraphQL", str(cost.counts["graphql"])),
            Row("  REST reads (304 among them)", str(cost.counts["rest_get"] + cost.counts["rest_not_modified"])),
        ]
    show(title, rows)


def _measure_start(directory: Path, forge: dict[str, str]) -> None:
    """Start `tide run`, and measure what it takes until its page shows the first decision."""
    flags = (
        f"--config-path={written_config(directory, SIZE)}",
        f"--data-dir={directory / 'data'}",
        f"--github-endpoint={forge['url']}",
        f"--github-graphql-endpoint={forge['graphql']}",
        f"--github-host={forge['url']}",
        f"--github-token-path={forge['token_file']}",
        "--dry-run=false",
        "--prowjob-backend=local",
        "--port=0",
    )
    began = time.perf_counter()
    with started([*TIDE, "run", *flags], directory, "run") as program, httpx.Client(timeout=30) as browser:
        port = program.serving()["port"]
        program.wait_for(lambda: _has_decided(browser, port), "decision")
        wall, cpu = time.perf_counter() - began, cpu_of_family(program.process.pid)
        program.end()
    show(
        f"from the start of a process to its first decision: {SIZE.pools} pools, embedded Postgres, empty database",
        [Row("CPU, with what it has started and seen end", f"{cpu:.2f} s"), Row("wall", f"{wall:.2f} s")],
    )


def _has_decided(browser: httpx.Client, port: int) -> bool:
    answer = browser.get(f"http://127.0.0.1:{port}/api/v1/pools")
    return answer.is_success and bool(answer.json()["items"])


if __name__ == "__main__":
    main()
