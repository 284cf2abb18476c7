"""Read what pools need together: those that ask while a reading is under way share the next one."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field

from tide.domain.keys import PoolKey
from tide.sync.refresh import Refreshed


@dataclass(slots=True)
class _Together:
    """Pools that are read in one, and what came of it."""

    pools: set[PoolKey] = field(default_factory=set)
    facts: Refreshed | None = None
    error: Exception | None = None


@dataclass(slots=True)
class Readings:
    """Reads pools by `read`, one reading after the other: 500 pools that were hinted at cost little more than one."""

    read: Callable[[Collection[PoolKey]], Awaitable[Refreshed]]
    _next: _Together = field(default_factory=_Together)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def of(self, pool: PoolKey) -> Refreshed:
        """Read what a pool needs; nothing of it is older than this call. Raise what `read` raises."""
        mine = self._next
        mine.pools.add(pool)
        await asyncio.sleep(0)  # whoever was woken together asks together
        async with self._turn:
            # Whoever comes first reads for all, and the next one if that was cancelled.
            if mine.facts is None and mine.error is None:
                await self._read(mine)
        if mine.error:
            raise mine.error
        if mine.facts is None:
            raise AssertionError(mine)
        return mine.facts

    async def _read(self, together: _Together) -> None:
        if self._next is together:
            self._next = _Together()
        try:
            together.facts = await self.read(together.pools)
        except Exception as error:  # noqa: BLE001 - each of them raises it
            together.error = error
