"""What was about to be done, so that a crash loses nothing."""

from datetime import datetime
from typing import Protocol

from tide.domain.intents import Intent
from tide.domain.keys import PoolKey


class Intents(Protocol):
    """The deeds that were begun under a lease, and what came of them."""

    async def begin(self, intent: Intent) -> int:
        """Write down a deed before it is done; give its id.

        Raises:
            LeaseLost: the intent's token is not that of the lease in force.
        """
        ...

    async def proceed(self, intent: Intent, at: datetime) -> None:
        """Write down that the next step of a deed (by its id) is begun at `at`.

        Raises:
            LeaseLost: the intent's token is not that of the lease in force.
        """
        ...

    async def finish(self, intent_id: int, outcome: str, at: datetime) -> None:
        """Write down what came of a deed."""
        ...

    async def open_intents(self, pool: PoolKey | None = None) -> tuple[Intent, ...]:
        """Give the deeds of a pool, or of all, whose outcome is not known, oldest first."""
        ...
