"""A daemon, put together and not running, whose syncs are measured one by one.

The simulated GitHub and Postgres run in processes of their own, so that what is told of `tide` is its own. A minute
passes between two rounds by the clock that the syncs see.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import event, text

from tests.bench.big_forge import JOBS, LABELS, ORGS, Size
from tests.bench.meters import Spent, cpu_of_family, measured
from tide.adapters.clock import SystemClock
from tide.adapters.github.calls import CallKind
from tide.adapters.github.code_host import GitHub
from tide.adapters.postgres.embedded import embedded
from tide.adapters.postgres.engine import connected
from tide.app.assembly import assembled
from tide.app.options import RunOptions
from tide.app.running import Daemon
from tide.domain.keys import Hint, PoolKey

POINTS, STATEMENTS = "points", "statements"


@dataclass(slots=True)
class Minutes:
    """The time, and the minutes that were put forward; leases go by the machine's."""

    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return SystemClock().now() + self.ahead

    def steady(self) -> float:
        return SystemClock().steady()

    def forward(self) -> None:
        self.ahead += timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Storage:
    """The size of a database, and how much of its write-ahead log was written; in bytes."""

    database: int
    log: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What a sync took, and how many calls to GitHub by kind, points and SQL statements."""

    spent: Spent
    counts: Counter[str]


@dataclass(slots=True)
class MeasuredDaemon:
    """The daemon; `postmaster` is the process id of its database at `url`."""

    daemon: Daemon
    url: str
    postmaster: int
    clock: Minutes = field(default_factory=Minutes)
    woken: set[PoolKey] = field(default_factory=set)
    _statements: int = 0

    def __post_init__(self) -> None:
        """Put the clock in, and count statements."""
        daemon = self.daemon
        daemon.sync.world = replace(daemon.sync.world, clock=self.clock)
        daemon.statuses.world = replace(daemon.statuses.world, clock=self.clock, sleep=_at_once)
        daemon.sync.wake = self.woken.add
        self.host.graph.clock = self.clock
        event.listen(daemon.store.engine.sync_engine, "before_cursor_execute", self._count)

    @property
    def host(self) -> GitHub:
        """GitHub, as the syncs ask it."""
        host = self.daemon.sync.world.code_host
        if not isinstance(host, GitHub):
            raise TypeError(host)
        return host

    async def round(self) -> Cost:
        """Sync everything once."""
        with self._measured() as cost:
            await self.daemon.sync.round()
        self._end()
        return cost

    async def follow(self, hints: Collection[Hint]) -> Cost:
        """Follow hints, and look again at all that they wake, as the loop does."""
        with self._measured() as cost:
            await self.daemon.sync.look_near(hints)
            await self.look_again()
        self._end()
        return cost

    async def look_again(self) -> None:
        """Look again at all pools that were woken."""
        while self.woken:
            woken = sorted(self.woken)
            self.woken.clear()
            await asyncio.gather(*map(self.daemon.sync.look_again, woken))

    def _end(self) -> None:
        if self.daemon.sync.errors:
            raise RuntimeError(f"the sync failed: {self.daemon.sync.errors}")
        self.clock.forward()

    @contextmanager
    def _measured(self) -> Iterator[Cost]:
        before, counts = self._counted(), Counter[str]()
        with measured(partial(cpu_of_family, self.postmaster)) as spent:
            yield Cost(spent, counts)
        counts += self._counted() - before

    def _counted(self) -> Counter[str]:
        calls = self.host.calls
        kinds = {kind.value: calls.counts[kind] for kind in CallKind}
        return Counter({**kinds, POINTS: calls.points, STATEMENTS: self._statements})

    def _count(self, *_: object) -> None:
        self._statements += 1

    async def storage(self) -> Storage:
        """Look how big the database is."""
        return Storage(*await self._ask("SELECT pg_database_size(current_database()), pg_current_wal_lsn() - '0/0'"))

    async def tell_postgres(self, command: str) -> None:
        """Send a command of maintenance."""
        async with connected(self.url, connections=1) as engine, engine.connect() as connection:
            await connection.execute(text(command))

    async def _ask(self, query: str) -> tuple[int, ...]:
        async with connected(self.url, connections=1) as engine, engine.connect() as connection:
            return tuple(map(int, (await connection.execute(text(query))).one()))


async def _at_once(_seconds: float) -> None:
    """Wait for nothing: what is measured is work."""


@asynccontextmanager
async def measured_daemon(directory: Path, forge: dict[str, str], size: Size) -> AsyncIterator[MeasuredDaemon]:
    """Give one over a simulated GitHub, with a database of its own."""
    database = directory / "postgres"
    async with embedded(database) as url:
        postmaster = int((database / "pgdata" / "postmaster.pid").read_text().split()[0])
        async with assembled(_options(directory, forge, url, size)) as daemon:
            yield MeasuredDaemon(daemon, url, postmaster)


async def leading(one: MeasuredDaemon, work: Callable[[], Awaitable[None]]) -> None:
    """Do this while it leads."""

    async def lead(_stopping: asyncio.Event) -> None:
        await work()

    await one.daemon.leadership.run(lead, asyncio.Event())


def written_config(directory: Path, size: Size) -> Path:
    """Write the configuration of a big forge."""
    config = {
        "tide": {
            "sync_period": "1m",
            "blocker_label": "tide/merge-blocker",
            "queries": [{"orgs": list(ORGS), "labels": list(LABELS), "missingLabels": ["hold"]}],
        },
        "presubmits": {f"{org}/{name}": [_job(job) for job in JOBS] for org, name in size.repos},
    }
    path = directory / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def _options(directory: Path, forge: dict[str, str], database_url: str, size: Size) -> RunOptions:
    return RunOptions(
        config_path=written_config(directory, size),
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
