"""Whose turn it is: one at a time in each pool, and in so many pools at once.

Whoever waits for a pool takes no place away from others. A place that becomes free goes in turn to those of a round and
to those that were asked for one by one: a pool that was hinted at does not wait for a whole round, nor does a flood of
hints hold a round up.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from tide.domain.keys import PoolKey


class Line(StrEnum):
    """The two lines in which turns wait for a place."""

    ROUND = "round"
    LOOK = "look"


@dataclass(slots=True)
class _Door:
    """The lock of a pool, and how many have it or wait for it."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


@dataclass(slots=True)
class Turns:
    """Gives turns; `most` tells how many may be had at once, at least one."""

    most: Callable[[], int]
    _doors: dict[PoolKey, _Door] = field(default_factory=dict)
    _lines: dict[Line, deque[asyncio.Future[None]]] = field(default_factory=lambda: {line: deque() for line in Line})
    _served_last: Line = Line.ROUND
    _taken: int = 0

    def is_busy(self, pool: PoolKey) -> bool:
        """Tell whether somebody has a pool, or waits for it."""
        return pool in self._doors

    @property
    def busy(self) -> frozenset[PoolKey]:
        """All pools that somebody has or waits for."""
        return frozenset(self._doors)

    @asynccontextmanager
    async def alone(self, pool: PoolKey) -> AsyncIterator[None]:
        """Be the only one in a pool; what is known of it for that is forgotten with the last who wants it."""
        door = self._doors.setdefault(pool, _Door())
        door.users += 1
        try:
            async with door.lock:
                yield
        finally:
            door.users -= 1
            if not door.users:
                del self._doors[pool]

    @asynccontextmanager
    async def place(self, line: Line) -> AsyncIterator[None]:
        """Have one of the places."""
        await self._take(line)
        try:
            yield
        finally:
            self._leave()

    async def _take(self, line: Line) -> None:
        place = asyncio.get_running_loop().create_future()
        self._lines[line].append(place)
        self._serve()
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._leave()  # it was given in the very moment
            raise

    def _leave(self) -> None:
        self._taken -= 1
        self._serve()

    def _serve(self) -> None:
        while self._taken < max(1, self.most()) and (place := self._next()):
            self._taken += 1
            place.set_result(None)

    def _next(self) -> asyncio.Future[None] | None:
        """Give who is first in the line that was not served last, else in the other one."""
        for line in sorted(Line, key=lambda one: one is self._served_last):
            waiting = self._lines[line]
            while waiting:
                place = waiting.popleft()
                if not place.cancelled():
                    self._served_last = line
                    return place
        return None
