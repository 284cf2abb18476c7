"""Count what is asked of GitHub."""

from collections import Counter
from collections.abc import Callable
from enum import StrEnum


class CallKind(StrEnum):
    """The kinds of requests, by what they cost.

    A `REST_NOT_MODIFIED` does not count against the primary rate limit (GitHub docs: Best practices for using the
    REST API, "Use conditional requests").
    """

    REST_GET = "rest_get"
    REST_NOT_MODIFIED = "rest_not_modified"
    REST_WRITE = "rest_write"
    GRAPHQL = "graphql"


OnCall = Callable[[CallKind, int], None]
"""Told of every request: its kind, and the GraphQL points that it took (0 for REST and where none were told)."""


class Calls:
    """Requests sent so far, by kind; one that failed counts as well.

    Args:
        on_call: Told of each one, for metrics.
    """

    def __init__(self, on_call: OnCall | None = None) -> None:
        self.counts: Counter[CallKind] = Counter()
        self.points = 0
        self._on_call = on_call

    def count(self, kind: CallKind, points: int = 0) -> None:
        """Count one request."""
        self.counts[kind] += 1
        self.points += points
        if self._on_call:
            self._on_call(kind, points)
