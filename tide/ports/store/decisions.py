"""What was decided, and what the pools look like since."""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from tide.domain.decisions import Decision
from tide.domain.keys import PoolKey
from tide.domain.outcomes import Outcome
from tide.domain.snapshot import Snapshot


class Decisions(Protocol):
    """Decisions with the snapshots they rest on, their outcomes, and the pools as the last ones show them."""

    async def record_decision(self, snapshot: Snapshot, decision: Decision) -> int:
        """Keep a decision with the snapshot it rests on and show it as the pool's state; give the decision's id.

        An equal decision on an equal snapshot (but for the time) only moves `last_seen`.
        """
        ...

    async def recorded(self, decision_id: int) -> tuple[Snapshot, Decision]:
        """Give a decision with the snapshot it rests on, as of the moment it was first taken; for replaying it.

        Raises:
            NotFound: there is no such decision.
            Unreadable: this program cannot read it.
        """
        ...

    async def seen_again(self, decisions: Collection[int], at: datetime) -> frozenset[int]:
        """Move `last_seen` of those of these decisions (ids) that their pools show, without an error; give them."""
        ...

    async def record_outcome(self, decision_id: int, outcome: Outcome) -> None:
        """Keep what came of a decision, and what it was done for."""
        ...

    async def record_foreseen(self, decision_id: int, outcome: Outcome) -> None:
        """Keep what would be done after a decision, and what for."""
        ...

    async def record_failure(self, pool: PoolKey, error: str, at: datetime) -> None:
        """Show that a pool could not be decided; its last known state stays."""
        ...

    async def drop_pools(self, keep: Collection[PoolKey], at: datetime) -> None:
        """Stop showing all pools but these."""
        ...
