"""GitHub's rate limits per token: points in an hour, and the secondary limits per minute (the clock is injected).

Sources: docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api and
docs.github.com/graphql/overview/rate-limits-and-node-limits-for-the-graphql-api.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

Resource = Literal["core", "graphql", "search"]
RefusalKind = Literal["primary", "secondary"]

READ_POINTS = 1
WRITE_POINTS = 5
"""What one request counts towards the secondary limit: reads and GraphQL queries 1, writes and mutations 5."""

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
UNLIMITED = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much one token may do; the defaults are GitHub's for a personal access token."""

    core: int = 5000
    graphql: int = 5000
    search: int = 30
    anonymous: int = 60
    rest_points_per_minute: int = 900
    graphql_points_per_minute: int = 2000
    content_per_minute: int = 80

    @classmethod
    def none(cls) -> Limits:
        """Return limits that nobody reaches."""
        return cls(
            core=UNLIMITED,
            graphql=UNLIMITED,
            search=UNLIMITED,
            anonymous=UNLIMITED,
            rest_points_per_minute=UNLIMITED,
            graphql_points_per_minute=UNLIMITED,
            content_per_minute=UNLIMITED,
        )


@dataclass(frozen=True)
class Standing:
    """Where a token stands in one resource's window: what the ``X-RateLimit-*`` headers say."""

    resource: Resource
    limit: int
    used: int
    reset: datetime

    @property
    def remaining(self) -> int:
        """How many points are left until ``reset``."""
        return max(0, self.limit - self.used)

    def headers(self) -> dict[str, str]:
        """Return GitHub's ``X-RateLimit-*`` headers."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Used": str(self.used),
            "X-RateLimit-Reset": str(int(self.reset.timestamp())),
            "X-RateLimit-Resource": self.resource,
        }


@dataclass(frozen=True)
class Spent:
    """The outcome of asking for points; when ``refused`` none were taken. ``retry_after`` is in seconds."""

    standing: Standing
    refused: RefusalKind | None = None
    retry_after: int | None = None


@dataclass
class _Window:
    ends: datetime
    used: int = 0


@dataclass
class RateLimits:
    """The buckets of all tokens.

    Args:
        now: the clock; aware UTC.
        limits: what applies to every token.
    """

    now: Callable[[], datetime]
    limits: Limits = field(default_factory=Limits)
    _windows: dict[tuple[str, str], _Window] = field(default_factory=dict)

    def standing(self, token: str, resource: Resource) -> Standing:
        """Return where a token (empty for anonymous) stands, without spending."""
        window = self._window(token, resource, MINUTE if resource == "search" else HOUR)
        return Standing(resource, self._limit(token, resource), window.used, window.ends)

    def spend(self, token: str, resource: Resource, points: int = 1, *, writes: bool = False) -> Spent:
        """Take points from the hourly bucket and count the request towards the secondary limit.

        Args:
            token: whose; empty for anonymous.
            resource: which bucket.
            points: primary cost; a conditional request answered 304 costs 0 (``refund`` gives back).
            writes: whether the request changes something.
        """
        standing = self.standing(token, resource)
        if standing.remaining < points:
            return Spent(standing, "primary", self._seconds_until(standing.reset))
        minute = self._window(token, f"{resource} points", MINUTE)
        weight = WRITE_POINTS if writes else READ_POINTS
        if minute.used + weight > self._points_per_minute(resource):
            return Spent(standing, "secondary", self._seconds_until(minute.ends))
        minute.used += weight
        self._window(token, resource, MINUTE if resource == "search" else HOUR).used += points
        return Spent(self.standing(token, resource))

    def spend_content(self, token: str) -> Spent | None:
        """Count a request that makes content (pulls, issues, comments, reviews); a refusal or None."""
        window = self._window(token, "content", MINUTE)
        if window.used >= self.limits.content_per_minute:
            return Spent(self.standing(token, "core"), "secondary", self._seconds_until(window.ends))
        window.used += 1
        return None

    def refund(self, token: str, resource: Resource, points: int = 1) -> Standing:
        """Give points back, as for a conditional request that was answered 304."""
        window = self._window(token, resource, HOUR)
        window.used = max(0, window.used - points)
        return self.standing(token, resource)

    def exhaust(self, token: str, resource: Resource) -> Standing:
        """Use up a token's bucket, for tests and faults."""
        self._window(token, resource, HOUR).used = self._limit(token, resource)
        return self.standing(token, resource)

    def _limit(self, token: str, resource: Resource) -> int:
        if resource == "core":
            return self.limits.core if token else self.limits.anonymous
        return self.limits.graphql if resource == "graphql" else self.limits.search

    def _points_per_minute(self, resource: Resource) -> int:
        if resource == "graphql":
            return self.limits.graphql_points_per_minute
        return self.limits.rest_points_per_minute

    def _window(self, token: str, name: str, length: timedelta) -> _Window:
        window = self._windows.get((token, name))
        if window is None or window.ends <= self.now():
            window = _Window(self.now() + length)
            self._windows[token, name] = window
        return window

    def _seconds_until(self, moment: datetime) -> int:
        return max(1, ceil((moment - self.now()).total_seconds()))
