"""All that a sync remembers, in Postgres."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from tide.adapters.postgres import retention
from tide.adapters.postgres.batches import PostgresBatches
from tide.adapters.postgres.decisions import PostgresDecisions
from tide.adapters.postgres.history import PostgresHistory
from tide.adapters.postgres.intents import PostgresIntents
from tide.adapters.postgres.marks import PostgresMarks
from tide.adapters.postgres.mirror import PostgresMirror
from tide.adapters.postgres.retests import PostgresRetests
from tide.adapters.postgres.runs import PostgresRuns
from tide.adapters.postgres.standings import PostgresStandings
from tide.adapters.postgres.statuses import PostgresStatuses


class PostgresStore(
    PostgresMirror,
    PostgresRuns,
    PostgresBatches,
    PostgresStandings,
    PostgresIntents,
    PostgresDecisions,
    PostgresHistory,
    PostgresRetests,
    PostgresStatuses,
    PostgresMarks,
):
    """Keeps everything in Postgres (tide.ports.store.Store). Every call may raise a StoreError."""

    async def prune(
        self,
        now: datetime,
        keep: timedelta = retention.KEEP,
        *,
        history_per_pool: int = retention.HISTORY_PER_POOL,
    ) -> Mapping[str, int]:
        """Delete what is older than `keep` and no longer needed; give how many rows went, by table.

        The newest `history_per_pool` records of each pool stay, however old.
        """
        return await retention.prune(self.engine, now, keep, history_per_pool)
