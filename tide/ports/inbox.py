"""The webhook deliveries that were taken, and the hints that wait for the leader.

Any replica receives webhooks, and only one acts: a hint is kept until the leader takes it, so that neither a kill nor
a change of the leader loses one.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tide.domain.keys import Hint


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to us; GitHub gives an event that it delivers once more the same `id`."""

    id: str
    event: str
    received_at: datetime


class Inbox(Protocol):
    """Remembers deliveries for some days. Every call may raise a `tide.domain.errors.StoreError`."""

    async def take(self, delivery: Delivery, hint: Hint | None) -> bool:
        """Keep a delivery and, if it is the first of its id, its hint; tell whether it is the first."""
        ...

    async def waiting(self) -> tuple[tuple[int, Hint], ...]:
        """Give the hints that wait, oldest first, each with its id."""
        ...

    async def done(self, ids: Collection[int]) -> None:
        """Forget hints that were followed."""
        ...
