"""The loop: takes signals and syncs; rounds one after the other, pools beside each other."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field

import structlog

from tide.daemon.wakeups import Signal, Wakeups
from tide.domain.errors import TideError
from tide.domain.keys import Hint, PoolKey

log = structlog.get_logger(component="tide")


async def _leave_to_the_next_round(_hints: Collection[Hint]) -> None:
    pass


async def _go_on_at_once() -> None:
    pass


@dataclass(slots=True)
class Loop:
    """Turns signals into syncs until it is told to stop.

    `round` syncs everything, `look_again` one pool, `look_near` wakes the pools that hints are about. A pool that is
    woken while it is being synced is synced once more afterwards. `on_error` is told of a sync that could not be done
    at all. `rest` waits after hints were followed: those that come meanwhile are followed together, so that a burst
    of them costs two syncs of a pool and not one for each.
    """

    wakeups: Wakeups
    round: Callable[[], Awaitable[None]]
    look_again: Callable[[PoolKey], Awaitable[None]]
    on_error: Callable[[Exception], None]
    look_near: Callable[[Collection[Hint]], Awaitable[None]] = _leave_to_the_next_round
    rest: Callable[[], Awaitable[None]] = _go_on_at_once
    rounds_done: int = 0
    _looking: set[PoolKey] = field(default_factory=set)
    _again: set[PoolKey] = field(default_factory=set)
    _is_rounding: bool = False
    _round_again: bool = False
    _hints: set[Hint] = field(default_factory=set)
    _is_following: bool = False

    async def run(self, stopping: asyncio.Event) -> None:
        """Serve signals; after `stopping` is set, finish the syncs at hand and return."""
        stopped = asyncio.create_task(stopping.wait())
        async with asyncio.TaskGroup() as group:
            while True:
                taking = asyncio.create_task(self.wakeups.take())
                await asyncio.wait({taking, stopped}, return_when=asyncio.FIRST_COMPLETED)
                if stopping.is_set():
                    taking.cancel()
                    break
                self._start(group, taking.result())
        stopped.cancel()

    def _start(self, group: asyncio.TaskGroup, signal: Signal) -> None:
        if signal.is_round:
            if self._is_rounding:
                self._round_again = True
            else:
                self._is_rounding = True
                group.create_task(self._round())
        for pool in signal.pools:
            if pool in self._looking:
                self._again.add(pool)
            else:
                self._looking.add(pool)
                group.create_task(self._look(pool))
        self._hints |= signal.hints
        if self._hints and not self._is_following:
            self._is_following = True
            group.create_task(self._follow())

    async def _round(self) -> None:
        await self._guarded(self.round())
        self.rounds_done += 1
        self._is_rounding = False
        if self._round_again:
            self._round_again = False
            self.wakeups.look_at_all()

    async def _look(self, pool: PoolKey) -> None:
        await self._guarded(self.look_again(pool))
        self._looking.discard(pool)
        if pool in self._again:
            self._again.discard(pool)
            self.wakeups.look_at(pool)

    async def _follow(self) -> None:
        """Follow hints until there are no more."""
        while self._hints:
            hints, self._hints = self._hints, set()
            await self._guarded(self.look_near(hints))
            await self.rest()
        self._is_following = False

    async def _guarded(self, sync: Awaitable[None]) -> None:
        """Let no broken sync stop the loop."""
        try:
            await sync
        except* TideError as group:
            self._tell(_first_of(group))
        except* Exception as group:
            log.exception("a sync failed", exc_info=group)
            self._tell(_first_of(group))

    def _tell(self, error: Exception) -> None:
        log.error("a sync failed", error=str(error) or repr(error))
        self.on_error(error)


def _first_of(group: ExceptionGroup[Exception]) -> Exception:
    """Give the first error of a group, however deep its tasks were nested."""
    first: Exception = group
    while isinstance(first, ExceptionGroup):
        first = first.exceptions[0]
    return first
