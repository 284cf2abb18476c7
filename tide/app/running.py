"""A daemon at work: the servers, the timer and the loop."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

import structlog

from tide.adapters.descriptors import limits_of_page, limits_of_probes
from tide.adapters.http_server import serving
from tide.adapters.postgres.store import PostgresStore
from tide.adapters.postgres.views import PostgresViews
from tide.adapters.prometheus.metrics import Metrics
from tide.app.backends import Backend
from tide.app.options import RunOptions
from tide.app.starting import Start
from tide.app.status import StatusKeeper
from tide.config.reload import ConfigSource
from tide.daemon.hints import HintFollower
from tide.daemon.history import HistoryKeeper
from tide.daemon.leadership import GRACE_SECONDS, Leadership
from tide.daemon.loop import Loop
from tide.daemon.scheduler import Scheduler
from tide.daemon.shutdown import ended_in_time
from tide.daemon.status_loop import StatusLoop
from tide.daemon.waiting import first_of
from tide.daemon.wakeups import Wakeups
from tide.domain.errors import StoreEmptied, StoreError
from tide.sync.statuses import Statuses
from tide.sync.sync import Sync
from tide.web.app import build_app
from tide.web.hooks import Hooks
from tide.web.last_known import LastKnown
from tide.web.probes import build_health_app, build_metrics_app

log = structlog.get_logger(component="tide")

RELOAD_PERIOD = timedelta(seconds=5)
OUTAGES_PERIOD = timedelta(seconds=5)
KNOWN_PERIOD = timedelta(minutes=1)
TABLES_SECONDS = 2.0
_EVERYWHERE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - to find the page, not to bind to
PRUNE_PERIOD = timedelta(hours=6)
LAST_WRITE = timedelta(seconds=8)  # of the history file, within the grace that a leader has


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon that is put together, not yet running."""

    options: RunOptions
    start: Start
    config: ConfigSource
    sync: Sync
    store: PostgresStore
    views: PostgresViews
    known: LastKnown
    backend: Backend
    wakeups: Wakeups
    loop: Loop
    hints: HintFollower
    statuses: Statuses
    status_loop: StatusLoop
    leadership: Leadership
    history: HistoryKeeper | None
    status: StatusKeeper
    metrics: Metrics
    hooks: Hooks | None
    lacks_tables: Callable[[], Awaitable[bool]]

    async def run(self, stopping: asyncio.Event, *, on_port: Callable[[int], None] = lambda _port: None) -> None:
        """Serve, and sync while this process leads, until `stopping` is set; `on_port` is told where the page is.

        It stands by as soon as there is a database, and leads when all is there that its start needs.

        Raises:
            TideError: a port is taken.
            ExceptionGroup: of a TideError where the start met what waiting does not mend, of StoreEmptied where the
                database was emptied meanwhile.
        """
        async with self._serving() as port:
            on_port(port)
            with self._ticking() as scheduler:
                async with asyncio.TaskGroup() as group:
                    beside = [group.create_task(self.start.patiently())]
                    await first_of(self.start.store.reached.wait(), stopping.wait())
                    if not stopping.is_set():
                        scheduler.every(
                            "last known", KNOWN_PERIOD, self.known.refresh, first=self.sync.world.clock.now()
                        )
                        beside.append(group.create_task(self._watch_tables()))
                        await self._work(stopping)
                    for task in beside:
                        task.cancel()

    async def once(self) -> None:
        """Sync everything once, as soon as this process leads; a dry run need not wait for that.

        Raises:
            StoreError: the database was out of reach.
        """
        if self.options.dry_run:
            await self._round()
        else:
            await self.leadership.run(lambda _stopping: self._round(), asyncio.Event())

    async def _work(self, stopping: asyncio.Event) -> None:
        if self.options.dry_run:
            await first_of(self.start.done(), stopping.wait())
            await ended_in_time(self._sync(stopping), stopping, GRACE_SECONDS)
        else:
            await self.leadership.run(self._lead, stopping)

    async def _watch_tables(self) -> None:
        """Look for the tables of the database again and again; raise StoreEmptied when they are gone."""
        while True:
            await asyncio.sleep(TABLES_SECONDS)
            try:
                is_emptied = await self.lacks_tables()
            except StoreError:
                continue  # those who need it tell of it
            if is_emptied:
                raise StoreEmptied("the database has been emptied")

    async def _keep_history(self) -> None:
        if self.history and self.leadership.role.leads:
            await self.history.keep()

    async def _round(self) -> None:
        await self.sync.round()
        await self.statuses.round()
        await self._keep_history()

    async def _lead(self, stopping: asyncio.Event) -> None:
        async with self.backend.working():
            await self._sync(stopping)
        if self.history:
            await self.history.keep(LAST_WRITE)

    async def _sync(self, stopping: asyncio.Event) -> None:
        """Sync everything now, and from then on whatever the timer and the hints are about."""
        self.wakeups.look_at_all()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.loop.run(stopping))
            group.create_task(self.status_loop.run(stopping))
            # The hints of a database are the leader's to follow.
            if not self.options.dry_run:
                group.create_task(self.hints.run(stopping))

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[int]:
        options = self.options
        app = build_app(
            self.known,
            status=self.status.now,
            read_log=self.backend.read_log,
            metrics=self.metrics.page,
            hooks=self.hooks,
            history_per_pool=self.options.max_records_per_pool,
        )
        others = {
            "metrics_port": (options.metrics_port, build_metrics_app(self.status.now, self.metrics.page)),
            "health_port": (options.health_port, build_health_app(self.status.now, self.metrics.page)),
        }
        async with AsyncExitStack() as stack:
            page = serving(app, options.bind, options.port, "--port", limits=limits_of_page())
            port = await stack.enter_async_context(page)
            ports = {
                name: await stack.enter_async_context(
                    serving(other, options.bind, wanted, f"--{name.replace('_', '-')}", limits=limits_of_probes())
                )
                for name, (wanted, other) in others.items()
                if wanted is not None
            }
            log.info("serving", page=self._page(port), port=port, **ports)
            yield port

    def _page(self, port: int) -> str:
        """Give where a browser finds the page."""
        bound = self.options.bind
        host = "localhost" if bound in _EVERYWHERE else bound
        return self.options.public_url or f"http://{f'[{host}]' if ':' in host else host}:{port}/"

    @contextmanager
    def _ticking(self) -> Iterator[Scheduler]:
        scheduler = Scheduler()
        scheduler.every("round", self.config.sync_period, self.wakeups.look_at_all)
        scheduler.every("history", self.config.sync_period, self._keep_history)
        scheduler.every("prune", PRUNE_PERIOD, self._prune)
        scheduler.every("outages", OUTAGES_PERIOD, self.status.log_ends)
        scheduler.every("reload", RELOAD_PERIOD, partial(self._reload, scheduler))
        scheduler.every("names", RELOAD_PERIOD, self._compare_names)
        with scheduler.running():
            yield scheduler

    async def _reload(self, scheduler: Scheduler) -> None:
        """Take over a changed configuration, whole or not at all."""
        now, was_broken_since = self.sync.world.clock.now(), self.config.broken_since
        if await asyncio.to_thread(self.config.refresh, now):
            log.info("the configuration has changed", digest=self.config.current.digest)
            self.metrics.config_loaded(now)
            self.sync.concurrency = self.config.max_goroutines
            self.status.status = replace(self.status.status, sync_period=self.config.sync_period)
            for name in ("round", "history"):
                scheduler.change_period(name, self.config.sync_period)
            self.wakeups.look_at_all()
        elif self.config.broken_since != was_broken_since and self.config.broken_since:
            self.metrics.config_refused()
            for problem in self.config.problems:
                log.error("the changed configuration cannot be used; the old one stays", problem=str(problem))

    async def _compare_names(self) -> None:
        """Tell names that the configuration writes otherwise than GitHub does, as far as their pools are known."""
        await asyncio.to_thread(self.config.compare_names, self.status.repositories)

    async def _prune(self) -> None:
        if self.leadership.role.leads:
            await self.store.prune(self.sync.world.clock.now(), history_per_pool=self.options.max_records_per_pool)
            await self.backend.prune()
