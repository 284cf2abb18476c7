"""The loop: takes signals and syncs; rounds one after the other, pools beside each other."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from tide.daemon.troubles import Trouble
from tide.daemon.wakeups import Signal, Wakeups
from tide.domain.errors import StoreError, TideError
from tide.domain.keys import PoolKey

log = structlog.get_logger(component="tide")


@dataclass(slots=True)
class Loop:
    """Turns signals into syncs until it is told to stop.

    `round` syncs everything, `look_again` one pool. A pool that is woken while it is being synced is synced once more
    afterwards. `on_error` is told of a sync that could not be done at all.
    """

    wakeups: Wakeups
    round: Callable[[], Awaitable[None]]
    look_again: Callable[[PoolKey], Awaitable[None]]
    on_error: Callable[[Exception], None]
    rounds_done: int = 0
    _looking: set[PoolKey] = field(default_factory=set)
    _again: set[PoolKey] = field(default_factory=set)
    _is_rounding: bool = False
    _round_again: bool = False
    _trouble: Trouble = field(default_factory=Trouble)

    async def run(self, stopping: asyncio.Event) -> None:
        """Serve signals; after `stopping` is set, finish the syncs at hand and return.

        It may be cancelled, and run again later: what was cut short then is as if it had never been begun.
        """
        self._looking, self._again, self._is_rounding, self._round_again = set(), set(), False, False
        async with asyncio.TaskGroup() as group:
            while signal := await self._next(stopping):
                self._start(group, signal)

    async def _next(self, stopping: asyncio.Event) -> Signal | None:
        """Wait for a signal; give None as soon as `stopping` is set."""
        taking, stopped = asyncio.create_task(self.wakeups.take()), asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait({taking, stopped}, return_when=asyncio.FIRST_COMPLETED)
            return None if stopping.is_set() else taking.result()
        finally:
            taking.cancel()
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

    async def _round(self) -> None:
        if await self._guarded(self.round()) and self._trouble.is_over():
            log.info("syncs go well again")
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

    async def _guarded(self, sync: Awaitable[None]) -> bool:
        """Let no broken sync stop the loop; tell whether it went well."""
        is_well = False
        try:
            await sync
            is_well = True
        except* TideError as group:
            self._tell(_first_of(group))
        except* Exception as group:  # noqa: BLE001 - whatever it is, it is logged, and the loop goes on
            self._tell(_first_of(group), trace=group)
        return is_well

    def _tell(self, error: Exception, trace: BaseException | None = None) -> None:
        # That the database fails is logged by whoever is told of it, once for all.
        if not isinstance(error, StoreError) and self._trouble.is_news(error):
            log.error("a sync failed", error=str(error) or repr(error), exc_info=trace)
        self.on_error(error)


def _first_of(group: ExceptionGroup[Exception]) -> Exception:
    """Give the first error of a group, however deep its tasks were nested."""
    first: Exception = group
    while isinstance(first, ExceptionGroup):
        first = first.exceptions[0]
    return first
