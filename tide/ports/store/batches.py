"""What was tested together, and what landed."""

from datetime import datetime
from typing import Protocol

from tide.domain.evidence import Batch, Landing
from tide.domain.keys import PoolKey


class Batches(Protocol):
    """The batches with what became of them, and the landings."""

    async def save_batch(self, batch: Batch) -> None:
        """Keep a batch, known by its pool, base and members; a later state replaces an earlier one."""
        ...

    async def batches(self, pool: PoolKey, base_sha: str) -> tuple[Batch, ...]:
        """Give the batches that were tested on one base, oldest first."""
        ...

    async def failed_batches(self, pool: PoolKey, base_sha: str, since: datetime) -> tuple[Batch, ...]:
        """Give the batches that failed on one base, or on any since a moment, oldest first."""
        ...

    async def abandon_batches(self, pool: PoolKey, base_sha: str, at: datetime) -> None:
        """Mark the batches of a pool that are being tested on any other base as abandoned: the base has moved."""
        ...

    async def add_landing(self, landing: Landing) -> None:
        """Keep what landed."""
        ...

    async def landings(self, pool: PoolKey) -> tuple[Landing, ...]:
        """Give what has landed last in a pool, oldest first: thousands of landings back, all pools together."""
        ...
