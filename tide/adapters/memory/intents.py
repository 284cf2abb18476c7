"""What was about to be done."""

from dataclasses import replace
from datetime import datetime

from tide.adapters.documents import storable
from tide.adapters.memory.leases import check_in_force
from tide.adapters.memory.tables import Tables
from tide.domain.errors import LeaseLost
from tide.domain.intents import Intent
from tide.domain.keys import PoolKey


class MemoryIntents:
    """Keeps the deeds that were begun under a lease (tide.ports.store.intents.Intents)."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    async def begin(self, intent: Intent) -> int:
        """Write down a deed before it is done; give its id.

        Raises:
            LeaseLost: the intent's token is not that of the lease in force.
        """
        check_in_force(self.tables, intent.token)
        begun = replace(intent, id=self.tables.next_id(), outcome="", ended_at=None)
        self.tables.intents[begun.id] = storable(begun)
        return begun.id

    async def proceed(self, intent: Intent, at: datetime) -> None:
        """Write down that the next step of a deed (by its id) is begun at `at`.

        Raises:
            LeaseLost: the intent's token is not that of the lease in force.
        """
        check_in_force(self.tables, intent.token)
        if intent.id not in self.tables.intents:
            raise LeaseLost("there is no such intent any more")
        self.tables.intents[intent.id] = replace(self.tables.intents[intent.id], latest_at=at)

    async def finish(self, intent_id: int, outcome: str, at: datetime) -> None:
        """Write down what came of a deed; what was written first stays."""
        known = self.tables.intents.get(intent_id)
        if known and known.ended_at is None:
            self.tables.intents[intent_id] = replace(known, outcome=storable(outcome), ended_at=at)

    async def open_intents(self, pool: PoolKey | None = None) -> tuple[Intent, ...]:
        """Give the deeds of a pool, or of all, whose outcome is not known, oldest first."""
        unfinished = (intent for intent in self.tables.intents.values() if intent.ended_at is None)
        return tuple(intent for intent in unfinished if pool in {None, intent.pool})
