"""The loop of the status contexts: soon after a decision has changed one, and once a period in any case."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from tide.daemon.troubles import Trouble
from tide.daemon.waiting import first_of
from tide.domain.errors import TideError

log = structlog.get_logger(component="tide")

# A sync changes several pools one after the other: what it changes within this time is written together.
REST_SECONDS = 0.5


@dataclass(slots=True)
class StatusLoop:
    """Writes statuses while it runs.

    `round` writes those that are due, until what it is given says to stop; `period` is how far apart two rounds are
    when nothing rings. `on_error` is told of a round that could not be done.
    """

    round: Callable[[Callable[[], bool]], Awaitable[None]]
    period: Callable[[], timedelta]
    on_error: Callable[[Exception], None]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _rung: asyncio.Event = field(default_factory=asyncio.Event)
    _trouble: Trouble = field(default_factory=Trouble)

    def ring(self) -> None:
        """Ask for a round soon."""
        self._rung.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Write statuses; after `stopping` is set, finish the one at hand and return."""
        while not stopping.is_set():
            self._rung.clear()
            try:
                await self.round(stopping.is_set)
            except Exception as error:
                if self._trouble.is_news(error):
                    trace = None if isinstance(error, TideError) else error
                    log.warning("statuses could not be written; they wait", error=str(error), exc_info=trace)
                self.on_error(error)
            else:
                if self._trouble.is_over():
                    log.info("statuses are written again")
            await first_of(self.sleep(REST_SECONDS), stopping.wait())
            await first_of(self.sleep(self.period().total_seconds()), self._rung.wait(), stopping.wait())
