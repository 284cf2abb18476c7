"""Time that goes on when a test wants, and a lease that is kept in it."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.builders import NOW
from tide.domain.errors import LeaseLost, StoreError
from tide.domain.leases import Leader, Lease

LASTS = 9.0
_MANY = 50  # more turns of the event loop than anything here takes to come to rest


@dataclass
class Timeline:
    """A clock, and a sleep that ends when the clock has got there."""

    seconds: float = 1000.0
    _sleepers: list[tuple[float, asyncio.Event]] = field(default_factory=list)

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def steady(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        sleeper = (self.seconds + seconds, asyncio.Event())
        self._sleepers.append(sleeper)
        try:
            await sleeper[1].wait()
        finally:
            self._sleepers.remove(sleeper)

    async def go_on(self, seconds: float = 0) -> None:
        """Let time pass, each sleeper waking at its moment, and let everything come to rest."""
        end = self.seconds + seconds
        await self._rest()
        while due := [sleeper for sleeper in self._sleepers if sleeper[0] <= end]:
            self.seconds, wake = min(due, key=lambda sleeper: sleeper[0])
            wake.set()
            await self._rest()
        self.seconds = end

    async def _rest(self) -> None:
        for _ in range(_MANY):
            await asyncio.sleep(0)


@dataclass
class KeptLeases:
    """The port `Leases` in memory. While it is down every call fails, and while it hangs none is answered."""

    clock: Timeline
    is_down: bool = False
    hangs: bool = False
    _holder: str = ""
    _token: int = 0
    _since: datetime = NOW
    _until: float = 0

    async def take(self, holder: str) -> Lease | None:
        await self._answer()
        if self._is_live() and self._holder != holder:
            return None
        self._holder, self._token, self._since = holder, self._token + 1, self.clock.now()
        return self._given(holder)

    async def renew(self, lease: Lease) -> Lease:
        await self._answer()
        if not self._is_live() or lease.token != self._token:
            raise LeaseLost("lost")
        return self._given(lease.holder)

    async def release(self, lease: Lease) -> None:
        await self._answer()
        if lease.token == self._token:
            self._until = self.clock.steady()

    async def leader(self) -> Leader | None:
        await self._answer()
        return Leader(self._holder, self._token, self._since) if self._is_live() else None

    def _given(self, holder: str) -> Lease:
        self._until = self.clock.steady() + LASTS
        return Lease(holder, self._token, self._until)

    def _is_live(self) -> bool:
        return self.clock.steady() < self._until

    async def _answer(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.is_down:
            raise StoreError("the database is away")
