"""The webhook deliveries that were taken."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to us; GitHub gives an event that it delivers once more the same `id`."""

    id: str
    event: str
    received_at: datetime


class Inbox(Protocol):
    """Remembers deliveries for some days."""

    async def take(self, delivery: Delivery) -> bool:
        """Keep a delivery; tell whether it is the first of its id."""
        ...
