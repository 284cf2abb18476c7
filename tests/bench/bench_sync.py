"""What one sync of 2,000 pull requests in 100 pools takes, and how a database of that size grows with nothing new.

The simulated GitHub runs in a process of its own and Postgres in its own, so that the CPU and the memory told are
those of `tide` alone. Every job runs always, so that git is not asked which files changed. The first sync finds an
empty database. Each later one finds nothing new, a minute later by the clock that the syncs see; the growth over an
hour is that of HOUR such syncs in proportion.
"""

import asyncio
import json
import logging
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import structlog
import yaml
from sqlalchemy import text

from tests.bench.big_forge import JOBS, LABELS, ORGS, POOLS, PULLS, REPOS
from tests.bench.meters import MB, Spent, cpu_of_family, measured, peak_memory
from tests.bench.tables import Row, show
from tide.adapters.clock import SystemClock
from tide.adapters.github.calls import CallKind, Calls
from tide.adapters.github.code_host import GitHub
from tide.adapters.postgres.embedded import embedded
from tide.adapters.postgres.engine import connected
from tide.app.assembly import assembled
from tide.app.options import RunOptions
from tide.app.running import Daemon
from tide.domain.records import PoolView

HOUR = 60  # syncs, at a sync_period of 1m
STEADY, CHECKPOINT_EVERY = 10, 5  # syncs; Postgres makes a checkpoint every five minutes, and logs whole pages after it
AIM_CPU, AIM_MEMORY, AIM_GROWTH = "< 5 s", "< 250 MB", "< 1 MB"


@dataclass(slots=True)
class _Minutes:
    """The time, and the minutes that were put forward."""

    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return SystemClock().now() + self.ahead

    def steady(self) -> float:
        return SystemClock().steady() + self.ahead.total_seconds()

    def forward(self) -> None:
        self.ahead += timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class _Size:
    """The size of a database, and how much of its write-ahead log was written; in bytes."""

    database: int
    log: int


class _Bench:
    """A daemon, put together and not running, whose rounds are measured one by one."""

    def __init__(self, daemon: Daemon, url: str, postmaster: int) -> None:
        self.daemon, self.url = daemon, url
        self.postgres_cpu = partial(cpu_of_family, postmaster)
        self.clock = _Minutes()
        daemon.sync.world = replace(daemon.sync.world, clock=self.clock)
        host = daemon.sync.world.code_host
        self.calls = host.calls if isinstance(host, GitHub) else Calls()

    async def round(self) -> tuple[Spent, Counter[str]]:
        """Sync everything once; give what it took, and the calls to GitHub by kind, their points among them."""
        before = self._asked()
        with measured(self.postgres_cpu) as spent:
            await self.daemon.sync.round()
        if self.daemon.sync.errors:
            raise RuntimeError(f"the sync failed: {self.daemon.sync.errors}")
        self.clock.forward()
        return spent, self._asked() - before

    def _asked(self) -> Counter[str]:
        return Counter({**{kind.value: self.calls.counts[kind] for kind in CallKind}, "points": self.calls.points})

    async def size(self) -> _Size:
        """Look how big the database is."""
        return _Size(*await self._ask("SELECT pg_database_size(current_database()), pg_current_wal_lsn() - '0/0'"))

    async def tell_postgres(self, command: str) -> None:
        """Send a command of maintenance."""
        async with connected(self.url, connections=1) as engine, engine.connect() as connection:
            await connection.execute(text(command))

    async def _ask(self, query: str) -> tuple[int, ...]:
        async with connected(self.url, connections=1) as engine, engine.connect() as connection:
            return tuple(map(int, (await connection.execute(text(query))).one()))


def main() -> None:
    """Print what the first sync and a steady one take, and the growth of the database."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory(prefix="tide-bench-") as name:
        directory = Path(name)
        directory.chmod(0o711)  # as root, the database's user has to get through
        with _big_forge(directory / "forge") as forge:
            asyncio.run(_measure(directory, forge))


@contextmanager
def _big_forge(directory: Path) -> Iterator[dict[str, str]]:
    directory.mkdir()
    command = [sys.executable, "-m", "tests.bench.big_forge", str(directory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the simulated GitHub has no pipes")
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()


async def _measure(directory: Path, forge: dict[str, str]) -> None:
    database = directory / "postgres"
    async with embedded(database) as url:
        postmaster = int((database / "pgdata" / "postmaster.pid").read_text().split()[0])
        async with assembled(_options(directory, forge, url)) as daemon:
            bench = _Bench(daemon, url, postmaster)
            await daemon.leadership.run(lambda _stopping: _measure_syncs(bench), asyncio.Event())


async def _measure_syncs(bench: _Bench) -> None:
    idle = peak_memory()
    first, first_calls = await bench.round()
    first_peak = peak_memory()
    await bench.round()  # reads once more what the first sync saw change
    await bench.tell_postgres("VACUUM ANALYZE")  # it soon does by itself, and what it notes then is no growth
    before = await bench.size()
    rounds = [await _steady(bench, number) for number in range(STEADY)]
    after = await bench.size()
    _check(await bench.daemon.views.pools())
    _show_sync(
        f"first sync: {PULLS} pull requests, {POOLS} pools, empty database", (first, first_calls), first_peak, idle
    )
    spent, calls = sorted(rounds, key=lambda one: one[0].cpu)[len(rounds) // 2]
    _show_sync(f"steady sync: nothing new (median of {STEADY})", (spent, calls), peak_memory(), idle)
    _show_growth(before, after)


async def _steady(bench: _Bench, number: int) -> tuple[Spent, Counter[str]]:
    if number % CHECKPOINT_EVERY == 0:
        await bench.tell_postgres("CHECKPOINT")
    return await bench.round()


def _check(pools: tuple[PoolView, ...]) -> None:
    """Make sure that the syncs did what is measured."""
    decided = [
        pool for pool in pools if pool.action == "WAIT" and not pool.error and len(pool.verdicts) * POOLS == PULLS
    ]
    if len(decided) != POOLS:
        raise RuntimeError(f"{len(decided)} of {POOLS} pools were decided as expected: {pools[:1]}")


def _options(directory: Path, forge: dict[str, str], database_url: str) -> RunOptions:
    config = {
        "tide": {
            "sync_period": "1m",
            "blocker_label": "tide/merge-blocker",
            "queries": [{"orgs": list(ORGS), "labels": list(LABELS), "missingLabels": ["hold"]}],
        },
        "presubmits": {f"{org}/{name}": [_job(job) for job in JOBS] for org, name in REPOS},
    }
    path = directory / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    return RunOptions(
        config_path=path,
        data_dir=directory / "data",
        database_url=database_url,
        dry_run=False,
        github_endpoint=(forge["url"],),
        github_graphql_endpoint=forge["graphql"],
        github_host=forge["url"],
        github_token_path=Path(forge["token_file"]),
    )


def _job(name: str) -> dict[str, Any]:
    spec = {"containers": [{"image": "localhost/test", "command": ["make", name]}]}
    return {"name": name, "always_run": True, "spec": spec}


def _show_sync(title: str, result: tuple[Spent, Counter[str]], peak: int, idle: int) -> None:
    spent, calls = result
    kinds = ("graphql", "rest_get", "rest_not_modified", "rest_write")
    show(
        title,
        [
            Row("CPU", f"{spent.cpu:.2f} s", AIM_CPU),
            Row("wall", f"{spent.wall:.2f} s"),
            Row("CPU of Postgres", f"{spent.others_cpu:.2f} s"),
            Row(f"peak memory ({idle / MB:.0f} MB before the first)", f"{peak / MB:.0f} MB", AIM_MEMORY),
            *(Row(f"calls to GitHub: {kind}", str(calls[kind])) for kind in kinds),
            Row("points of GraphQL", str(calls["points"])),
        ],
    )


def _show_growth(before: _Size, after: _Size) -> None:
    hourly = HOUR / STEADY / MB
    show(
        f"database with nothing new, from {STEADY} syncs to one hour",
        [
            Row("size", f"{before.database / MB:.1f} MB"),
            Row("growth in an hour", f"{(after.database - before.database) * hourly:.2f} MB", AIM_GROWTH),
            Row("write-ahead log in an hour (recycled)", f"{(after.log - before.log) * hourly:.1f} MB"),
        ],
    )


if __name__ == "__main__":
    main()
