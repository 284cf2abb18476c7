"""A daemon at work: the servers, the timer and the loop."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

import structlog

from tide.adapters.http_server import serving
from tide.adapters.local_runner.runner import LocalRunner
from tide.adapters.postgres.store import PostgresStore
from tide.adapters.postgres.views import PostgresViews
from tide.adapters.prometheus.metrics import Metrics
from tide.app.options import RunOptions
from tide.app.status import StatusKeeper
from tide.config.reload import ConfigSource
from tide.daemon.loop import Loop
from tide.daemon.scheduler import Scheduler
from tide.daemon.shutdown import ended_in_time
from tide.daemon.wakeups import Wakeups
from tide.sync.sync import Sync
from tide.web.app import build_app
from tide.web.hooks import Hooks
from tide.web.last_known import LastKnown
from tide.web.probes import build_health_app, build_metrics_app

log = structlog.get_logger(component="tide")

RELOAD_PERIOD = timedelta(seconds=5)
KNOWN_PERIOD = timedelta(minutes=1)
PRUNE_PERIOD = timedelta(hours=6)
# With the servers' and the database's own time-outs this makes less than the 30 seconds that Kubernetes gives.
FINISH_SECONDS = 12.0
KEEP_RUNS = timedelta(days=7)  # as long as Prow's sinker keeps them by default


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon that is put together, not yet running."""

    options: RunOptions
    config: ConfigSource
    sync: Sync
    store: PostgresStore
    views: PostgresViews
    known: LastKnown
    read_log: Callable[[str], bytes | None]
    runner: LocalRunner
    wakeups: Wakeups
    loop: Loop
    status: StatusKeeper
    metrics: Metrics
    hooks: Hooks | None

    async def run(self, stopping: asyncio.Event, *, on_port: Callable[[int], None] = lambda _port: None) -> None:
        """Serve and sync until `stopping` is set; `on_port` is told where the page is.

        Raises:
            TideError: a port is taken.
        """
        async with self._serving() as port:
            on_port(port)
            async with AsyncExitStack() as stack:
                if not self.options.dry_run:
                    # It would go on with the jobs that an earlier run has left unfinished.
                    await stack.enter_async_context(self.runner)
                stack.enter_context(self._ticking())
                self.wakeups.look_at_all()
                if not await ended_in_time(self.loop.run(stopping), stopping, FINISH_SECONDS):
                    log.warning("the syncs at hand were cut short; the next start finds what they began")

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[int]:
        options = self.options
        app = build_app(
            self.known,
            status=self.status.now,
            read_log=self.read_log,
            metrics=self.metrics.page,
            hooks=self.hooks,
        )
        others = {
            "metrics_port": (options.metrics_port, build_metrics_app(self.status.now, self.metrics.page)),
            "health_port": (options.health_port, build_health_app(self.status.now, self.metrics.page)),
        }
        async with AsyncExitStack() as stack:
            port = await stack.enter_async_context(serving(app, options.bind, options.port))
            ports = {
                name: await stack.enter_async_context(serving(other, options.bind, wanted))
                for name, (wanted, other) in others.items()
                if wanted is not None
            }
            log.info("serving", port=port, **ports)
            yield port

    @contextmanager
    def _ticking(self) -> Iterator[None]:
        scheduler = Scheduler()
        scheduler.every("round", self.config.sync_period, self.wakeups.look_at_all)
        scheduler.every("last known", KNOWN_PERIOD, self.known.refresh, first=self.sync.world.clock.now())
        scheduler.every("prune", PRUNE_PERIOD, self._prune)
        scheduler.every("reload", RELOAD_PERIOD, partial(self._reload, scheduler))
        with scheduler.running():
            yield

    async def _reload(self, scheduler: Scheduler) -> None:
        """Take over a changed configuration, whole or not at all."""
        now, was_broken_since = self.sync.world.clock.now(), self.config.broken_since
        if await asyncio.to_thread(self.config.refresh, now):
            log.info("the configuration has changed", digest=self.config.current.digest)
            self.metrics.config_loaded(now)
            self.sync.concurrency = self.config.max_goroutines
            self.status.status = replace(self.status.status, sync_period=self.config.sync_period)
            scheduler.change_period("round", self.config.sync_period)
            self.wakeups.look_at_all()
        elif self.config.broken_since != was_broken_since and self.config.broken_since:
            self.metrics.config_refused()
            for problem in self.config.problems:
                log.error("the changed configuration cannot be used; the old one stays", problem=str(problem))

    async def _prune(self) -> None:
        await self.store.prune(self.sync.world.clock.now())
        if not self.options.dry_run:
            await self.runner.prune(KEEP_RUNS)
