"""Signals to look again. They carry no state: two for one pool are one, and none is lost while its sync runs."""

import asyncio
from dataclasses import dataclass, field

from tide.domain.keys import PoolKey


@dataclass(frozen=True, slots=True)
class Signal:
    """What to look at: these pools, or with `is_round` everything."""

    is_round: bool
    pools: frozenset[PoolKey] = frozenset()


@dataclass(slots=True)
class Wakeups:
    """Collects signals until the loop takes them."""

    _is_round: bool = False
    _pools: set[PoolKey] = field(default_factory=set)
    _rung: asyncio.Event = field(default_factory=asyncio.Event)

    def look_at_all(self) -> None:
        """Ask for a whole round."""
        self._is_round = True
        self._rung.set()

    def look_at(self, pool: PoolKey) -> None:
        """Ask for one pool."""
        self._pools.add(pool)
        self._rung.set()

    async def take(self) -> Signal:
        """Wait for a signal and take all that have come."""
        await self._rung.wait()
        signal = Signal(self._is_round, frozenset(self._pools))
        self._is_round, self._pools = False, set()
        self._rung.clear()
        return signal
