"""Keep within GitHub's rate limits.

GitHub docs: Rate limits for the REST API, "Exceeding the rate limit"; Rate limits and query limits for the GraphQL API.
A refused request was not carried out, so that asking again after the pause is safe for reads; writes are given back to
the caller, whose right to act may have ended by then.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Literal, NamedTuple

from tide.domain.errors import RateLimited
from tide.ports.clock import Clock

Sleep = Callable[[float], Awaitable[None]]
Resource = Literal["rest", "graphql"]

REFUSALS = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS})
# GitHub docs: without any header that says how long, wait at least a minute.
SHORTEST_BLIND_PAUSE = timedelta(minutes=1)
# A primary limit is an hour's; whatever claims to be longer is not believed.
LONGEST_PAUSE = timedelta(hours=1, minutes=5)
_TELLTALES = ("rate limit", "abuse detection")


def pause_asked(status: int, headers: Mapping[str, str], text: str, now: datetime) -> datetime | None:
    """Tell until when an answer asks us to wait.

    Args:
        status: The HTTP status; 200 for a GraphQL answer whose errors speak of a limit.
        headers: The answer's headers, under names in any case.
        text: GitHub's message.
        now: The present, aware.

    Returns:
        The time when to ask again, one second to be sure included (Prow: github/client.go, requestRetry), or None
        when the answer is about something else.
    """
    until = _told(headers, now)
    is_limit = status == HTTPStatus.TOO_MANY_REQUESTS or any(tale in text.lower() for tale in _TELLTALES)
    if until is None:
        return now + SHORTEST_BLIND_PAUSE if is_limit else None
    return min(max(until, now) + timedelta(seconds=1), now + LONGEST_PAUSE)


def exhausted_until(headers: Mapping[str, str]) -> datetime | None:
    """Tell until when there is nothing left of the primary limit, None while there is."""
    if headers.get("X-RateLimit-Remaining") != "0":
        return None
    return _moment(headers.get("X-RateLimit-Reset", ""))


def _told(headers: Mapping[str, str], now: datetime) -> datetime | None:
    if after := headers.get("Retry-After", ""):
        return now + timedelta(seconds=min(int(after), 86400)) if after.isdecimal() else http_date(after)
    return exhausted_until(headers)


def _moment(epoch: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(epoch), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def http_date(text: str) -> datetime | None:
    """Read a moment in a header; None when it is none."""
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How patient we are.

    `longest_wait` is how long a read may wait for a limit before the caller is told (Prow: 2 minutes).
    `write_spacing` is the least time between two writes; GitHub's best practices ask for a second where many are
    made. `concurrency` is how many requests may be under way at once; GitHub refuses more than 100.
    """

    longest_wait: timedelta = timedelta(minutes=2)
    write_spacing: timedelta = timedelta(0)
    concurrency: int = 20


class Budget(NamedTuple):
    """What GitHub limits by itself: each API for each owner of tokens (GitHub docs: Rate limits for GitHub Apps)."""

    owner: str
    resource: Resource


class _Turns:
    """Whose turn it is to write: one after the other, at a distance."""

    def __init__(self) -> None:
        self.gate = asyncio.Lock()
        self.next: datetime | None = None


class Governor:
    """Holds requests back while GitHub wants none.

    Args:
        clock: Tells GitHub's time, to which its limits refer.
        sleep: Waits for some seconds.
        pace: How patient to be.
    """

    def __init__(self, clock: Clock, sleep: Sleep, pace: Pace) -> None:
        self._clock = clock
        self._sleep = sleep
        self._pace = pace
        self._paused: dict[Budget, datetime] = {}
        self._turns: dict[str, _Turns] = {}
        self.room = asyncio.Semaphore(pace.concurrency)

    def pause(self, budget: Budget, until: datetime) -> None:
        """Let no request that draws on a budget through until then."""
        now = self._clock.now()
        self._paused = {paused: end for paused, end in self._paused.items() if end > now}
        self._paused[budget] = max(until, self._paused.get(budget, until))

    def is_worth_waiting(self, until: datetime) -> bool:
        """Tell whether a read should wait until then rather than fail."""
        return until - self._clock.now() <= self._pace.longest_wait

    async def admit_read(self, budget: Budget) -> None:
        """Wait until a read may be sent; raise RateLimited when that would take too long."""
        while (until := self._paused.get(budget)) and until > self._clock.now():
            if not self.is_worth_waiting(until):
                raise self._limited(until)
            await self._sleep((until - self._clock.now()).total_seconds())

    async def admit_write(self, budget: Budget) -> None:
        """Wait for this write's turn; raise RateLimited at once during a pause."""
        until = self._paused.get(budget)
        if until and until > self._clock.now():
            raise self._limited(until)
        if self._pace.write_spacing:
            await self._take_turn(self._turns.setdefault(budget.owner, _Turns()))

    async def _take_turn(self, turns: _Turns) -> None:
        async with turns.gate:
            now = self._clock.now()
            turn = max(now, turns.next or now)
            if turn > now:
                await self._sleep((turn - now).total_seconds())
            # Only now: whoever gives up while waiting has not written.
            turns.next = turn + self._pace.write_spacing

    def refuse(self, budget: Budget, status: int, headers: Mapping[str, str], text: str) -> None:
        """Raise RateLimited, and remember the pause, when an answer asks for one; return when it does not."""
        until = pause_asked(status, headers, text, self._clock.now())
        if until:
            self.pause(budget, until)
            raise self._limited(until)

    def note(self, budget: Budget, headers: Mapping[str, str]) -> None:
        """Remember a pause when an answer took the last point of the hour."""
        until = exhausted_until(headers)
        if until and until > self._clock.now():
            self.pause(budget, min(until + timedelta(seconds=1), self._clock.now() + LONGEST_PAUSE))

    @staticmethod
    def _limited(until: datetime) -> RateLimited:
        return RateLimited(f"GitHub's rate limit is reached, asking again at {until:%H:%M:%S} UTC", until)
