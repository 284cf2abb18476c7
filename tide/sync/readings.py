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
class _Line:
    """One reading after the other, and those that share the next one."""

    next: _Together = field(default_factory=_Together)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True)
class Readings:
    """Reads pools by `read`, in each line one reading after the other: 500 pools cost little more than one.

    `line_of` names the line of a pool. Pools of one line are out of reach together; no line waits for another one.
    """

    read: Callable[[Collection[PoolKey]], Awaitable[Refreshed]]
    line_of: Callable[[PoolKey], str]
    _lines: dict[str, _Line] = field(default_factory=dict)

    async def of(self, pool: PoolKey) -> Refreshed:
        """Read what a pool needs; nothing of it is older than this call. Raise what `read` raises."""
        line = self._lines.setdefault(self.line_of(pool), _Line())
        mine = line.next
        mine.pools.add(pool)
        await asyncio.sleep(0)  # whoever was woken together asks together
        async with line.turn:
            # Whoever comes first reads for all, and the next one if that was cancelled.
            if mine.facts is None and mine.error is None:
                await self._read(line, mine)
        if mine.error:
            raise mine.error.with_traceback(None)  # else each of them adds to that of the others
        if mine.facts is None:
            raise AssertionError(mine)
        return mine.facts

    async def _read(self, line: _Line, together: _Together) -> None:
        if line.next is together:
            line.next = _Together()
        try:
            together.facts = await self.read(together.pools)
        except Exception as error:  # noqa: BLE001 - each of them raises it
            together.error = error
