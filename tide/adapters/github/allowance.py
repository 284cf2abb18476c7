"""How many calls an hour we allow ourselves, whatever GitHub would let us have (Prow: github/client.go, Throttle).

Whatever must not be late passes at once and is counted: reads wait until it has been made up for.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from tide.adapters.github.limits import Sleep
from tide.ports.clock import SteadyClock

HOUR = timedelta(hours=1)
STATUS_BURST = 200
# So that a round can begin where an hour's calls are few.
LEAST_SYNC_BURST = 10
# Tokens that are given back meanwhile are noticed after so many seconds.
LONGEST_NAP = 1.0
_CACHE_MODE = "X-Cache-Mode"
_FREE_MODES = frozenset({"COALESCED", "REVALIDATED"})


@dataclass(frozen=True, slots=True)
class Bucket:
    """Tokens, one for each call, that come back evenly up to `burst`; below zero where calls did not wait.

    `level` is how many there were at `at`, in steady seconds; before then none come back.
    """

    hourly: int
    burst: int
    level: float
    at: float

    @classmethod
    def full(cls, hourly: int, burst: int, now: float) -> "Bucket":
        """Give a full one; none come back while the burst would have, so that the first hour has no more either."""
        return cls(hourly, burst, burst, now + burst * HOUR.total_seconds() / hourly)

    def with_more(self, count: int, now: float) -> "Bucket":
        """Give it with so many tokens more, or fewer where `count` is below zero."""
        return replace(self, level=min(self._level(now) + count, self.burst), at=max(self.at, now))

    def wait(self, now: float) -> float:
        """Give in how many seconds there is a token, 0 when there is one."""
        lacking = max(1 - self._level(now), 0) * HOUR.total_seconds() / self.hourly
        # Not finer than a millisecond: sums of floats fall short of the token that was waited for.
        return round(lacking + max(self.at - now, 0), 3) if lacking else 0

    def _level(self, now: float) -> float:
        return min(self.level + max(now - self.at, 0) * self.hourly / HOUR.total_seconds(), self.burst)


class Allowance:
    """As many calls as GitHub lets us have."""

    async def wait(self) -> None:
        """Wait in the order of asking until a call may be made, and count it."""

    def spend(self) -> None:
        """Count a call that cannot wait."""

    def give_back(self) -> None:
        """Count a call as not made."""

    def is_spent(self) -> bool:
        """Tell whether a call would have to wait."""
        return False


class HourlyAllowance(Allowance):
    """As many calls as a bucket has tokens.

    Args:
        hourly: How many in an hour, at least 1.
        burst: How many at once, at most so many as in an hour.
        clock: Tells how much time has passed.
        sleep: Waits for some seconds.
    """

    def __init__(self, hourly: int, burst: int, clock: SteadyClock, sleep: Sleep = asyncio.sleep) -> None:
        self._bucket = Bucket.full(hourly, min(burst, hourly), clock.steady())
        self._clock = clock
        self._sleep = sleep
        self._turn = asyncio.Lock()

    async def wait(self) -> None:
        """Wait in the order of asking until a call may be made, and count it."""
        async with self._turn:
            while seconds := self._bucket.wait(self._clock.steady()):
                await self._sleep(min(seconds, LONGEST_NAP))
            self.spend()

    def spend(self) -> None:
        """Count a call that cannot wait."""
        self._bucket = self._bucket.with_more(-1, self._clock.steady())

    def give_back(self) -> None:
        """Count a call as not made."""
        self._bucket = self._bucket.with_more(+1, self._clock.steady())

    def is_spent(self) -> bool:
        """Tell whether a call would have to wait."""
        return self._bucket.wait(self._clock.steady()) > 0


def sync_allowance(hourly: int, sync_period: timedelta, clock: SteadyClock) -> Allowance:
    """Give that of --sync-hourly-tokens, where 0 is no limit: at once as many as belong to three rounds."""
    burst = max(3 * (hourly * sync_period // HOUR), LEAST_SYNC_BURST)
    return HourlyAllowance(hourly, burst, clock) if hourly else Allowance()


def status_allowance(hourly: int, clock: SteadyClock) -> Allowance:
    """Give that of --status-hourly-tokens, where 0 is no limit."""
    return HourlyAllowance(hourly, STATUS_BURST, clock) if hourly else Allowance()


def is_free(headers: Mapping[str, str]) -> bool:
    """Tell whether a caching proxy answered without a call that counts (Prow: ghproxy/ghcache, CacheModeIsFree)."""
    return headers.get(_CACHE_MODE) in _FREE_MODES
