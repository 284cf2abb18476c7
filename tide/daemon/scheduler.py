"""The timer: APScheduler sets the wake-ups, the loop does the work.

Its jobs only ring a bell and return at once, so that no tick is skipped for a sync that takes long.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, cast

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.util import iscoroutinefunction_partial


class Scheduler:
    """Calls functions at intervals."""

    def __init__(self) -> None:
        self._scheduler = AsyncIOScheduler(timezone="UTC")

    def every(
        self, name: str, period: timedelta, call: Callable[[], Awaitable[None] | None], *, first: datetime | None = None
    ) -> None:
        """Call `call` every `period`, the first time at `first` or one period from now.

        A coroutine function must be told from a plain one by its look: give a method or a partial, not a lambda.
        """
        # Without a limit to its lateness a tick is made also when the event loop was held up.
        extra: dict[str, Any] = {"misfire_grace_time": None, **({"next_run_time": first} if first else {})}
        timed = _let_go(call) if iscoroutinefunction_partial(call) else call
        self._scheduler.add_job(
            timed, "interval", seconds=period.total_seconds(), id=name, coalesce=True, max_instances=1, **extra
        )

    def change_period(self, name: str, period: timedelta) -> None:
        """Change how often a call is made."""
        self._scheduler.reschedule_job(name, trigger="interval", seconds=period.total_seconds())

    @contextmanager
    def running(self) -> Iterator[None]:
        """Make the calls while the block runs."""
        self._scheduler.start()
        try:
            yield
        finally:
            self._scheduler.shutdown(wait=False)


def _let_go(call: Callable[[], Awaitable[None] | None]) -> Callable[[], Awaitable[None]]:
    """Let a call end in silence when it is cut short: only the end of the block does that, and it is no error."""

    async def made() -> None:
        with suppress(asyncio.CancelledError):
            await cast("Awaitable[None]", call())

    return made
