"""The timer: APScheduler sets the wake-ups, the loop does the work.

Its jobs only ring a bell and return at once, so that no tick is skipped for a sync that takes long.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from inspect import isawaitable
from typing import Any

from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler


class _Executor(AsyncIOExecutor):  # type: ignore[misc] # it has no types
    """Tells of no call that is cut short before it begins: only the end does that, and it is no error."""

    def _run_job_error(self, job_id: str, exc: BaseException, traceback: Any = None) -> None:
        if isinstance(exc, asyncio.CancelledError):
            self._run_job_success(job_id, [])
        else:
            super()._run_job_error(job_id, exc, traceback)


class Scheduler:
    """Calls functions at intervals, on the event loop."""

    def __init__(self) -> None:
        self._scheduler = AsyncIOScheduler(timezone="UTC", executors={"default": _Executor()})

    def every(
        self, name: str, period: timedelta, call: Callable[[], Awaitable[None] | None], *, first: datetime | None = None
    ) -> None:
        """Call `call` every `period`, the first time at `first` or one period from now; what it gives is awaited."""
        # Without a limit to its lateness a tick is made also when the event loop was held up.
        extra: dict[str, Any] = {"misfire_grace_time": None, **({"next_run_time": first} if first else {})}
        self._scheduler.add_job(
            _on_loop(call), "interval", seconds=period.total_seconds(), id=name, coalesce=True, max_instances=1, **extra
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


def _on_loop(call: Callable[[], Awaitable[None] | None]) -> Callable[[], Awaitable[None]]:
    """Make a coroutine function of any: APScheduler makes other calls in threads, where nothing may ring a bell.

    A call ends in silence when it is cut short: only the end of the block does that.
    """

    async def made() -> None:
        told = call()
        if isawaitable(told):
            with suppress(asyncio.CancelledError):  # it is told as an error else
                await told

    return made
