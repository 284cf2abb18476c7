"""The webhook deliveries that were taken, and the hints that wait for the leader."""

from collections.abc import Collection

from tide.adapters.documents import storable
from tide.adapters.memory.tables import Tables
from tide.domain.keys import Hint
from tide.ports.inbox import Delivery


class MemoryInbox:
    """Keeps deliveries and hints (tide.ports.inbox.Inbox)."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    async def take(self, delivery: Delivery, hint: Hint | None) -> bool:
        """Keep a delivery and, if it is the first of its id, its hint; tell whether it is the first."""
        if delivery.id in self.tables.deliveries:
            return False
        self.tables.deliveries.add(delivery.id)
        if hint is not None:
            self.tables.hints[self.tables.next_id()] = storable(hint)
        return True

    async def waiting(self) -> tuple[tuple[int, Hint], ...]:
        """Give the hints that wait, oldest first, each with its id."""
        return tuple(self.tables.hints.items())

    async def done(self, ids: Collection[int]) -> None:
        """Forget hints that were followed."""
        for number in ids:
            self.tables.hints.pop(number, None)
