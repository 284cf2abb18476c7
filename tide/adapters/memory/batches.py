"""What was tested together, and what landed."""

from dataclasses import replace
from datetime import datetime

from tide.adapters.documents import storable
from tide.adapters.memory.tables import Tables
from tide.domain.evidence import Batch, BatchState, Landing
from tide.domain.keys import PoolKey


class MemoryBatches:
    """Keeps batches and landings (tide.ports.store.batches.Batches)."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    async def save_batch(self, batch: Batch) -> None:
        """Keep a batch, known by its pool, base and members; a later state replaces an earlier one."""
        key = (batch.pool, batch.base_sha, batch.members)
        known = self.tables.batches.get(key, batch)
        self.tables.batches.keep(key, storable(replace(batch, created_at=known.created_at)))

    async def batches(self, pool: PoolKey, base_sha: str) -> tuple[Batch, ...]:
        """Give the batches that were tested on one base, oldest first."""
        return tuple(one for one in _batches_of(self.tables, pool) if one.base_sha == base_sha)

    async def failed_batches(self, pool: PoolKey, base_sha: str, since: datetime) -> tuple[Batch, ...]:
        """Give the batches that failed on one base, or on any since a moment, oldest first."""
        failed = (one for one in _batches_of(self.tables, pool) if one.state is BatchState.FAILED)
        return tuple(one for one in failed if one.base_sha == base_sha or (one.ended_at and one.ended_at >= since))

    async def abandon_batches(self, pool: PoolKey, base_sha: str, at: datetime) -> None:
        """Mark the batches of a pool that are being tested on any other base as abandoned: the base has moved."""
        for key, one in list(self.tables.batches.items()):
            if one.pool == pool and one.base_sha != base_sha and one.state is BatchState.TESTING:
                abandoned = replace(one, state=BatchState.ABANDONED, reason="the base has moved", ended_at=at)
                self.tables.batches[key] = abandoned

    async def add_landing(self, landing: Landing) -> None:
        """Keep what landed; the same landing twice is kept once."""
        key = (landing.pool.repository, landing.number, landing.landed_sha)
        self.tables.landings.setdefault(key, storable(landing))

    async def landings(self, pool: PoolKey) -> tuple[Landing, ...]:
        """Give what has landed in a pool, oldest first."""
        return tuple(landing for landing in self.tables.landings.values() if landing.pool == pool)


def _batches_of(tables: Tables, pool: PoolKey) -> list[Batch]:
    return [one for one in tables.batches.values() if one.pool == pool]
