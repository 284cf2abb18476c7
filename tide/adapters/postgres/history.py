"""What was done to the pools."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from tide.adapters.postgres.engine import statements, transaction
from tide.adapters.postgres.keys import POOL, pool_row
from tide.adapters.postgres.schema import history
from tide.adapters.postgres.statements import insert_given, insert_missing, rows
from tide.domain.records import HistoryRecord

_HISTORY_COLUMNS = (*POOL, "time", "action", "base_sha", "targets", "error", "reason", "tenant_ids")
_ADD_HISTORY = insert_given(history, _HISTORY_COLUMNS)
# A pool is synced one action at a time: nothing else of it has the same moment. What was done for is no part of the
# name, as it may be written in another order.
_HISTORY_NAME = (*POOL, "time", "action", "base_sha")
_TAKE_OVER_HISTORY = insert_missing(history, _HISTORY_COLUMNS, _HISTORY_NAME, order=("time",)).returning(history.c.id)
_HISTORY_LOCK = 0x7469_6866  # of taking over, so that two replicas which start together do not do it twice
_TAKEN_AT_ONCE = 2000


class PostgresHistory:
    """Keeps what was done, here or elsewhere (tide.ports.store.history.History)."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def add_history(self, record: HistoryRecord) -> None:
        """Keep what was done, newest first for readers."""
        async with statements(self.engine) as connection:
            await connection.execute(_ADD_HISTORY, rows([_history_row(record)]))

    async def take_over_history(self, records: Sequence[HistoryRecord]) -> int:
        """Keep what was done elsewhere, but for the records that are here already; give how many were not."""
        count = 0
        if records:
            async with transaction(self.engine) as connection:
                await connection.execute(select(func.pg_advisory_xact_lock(_HISTORY_LOCK)))
                for start in range(0, len(records), _TAKEN_AT_ONCE):
                    part = rows(map(_history_row, records[start : start + _TAKEN_AT_ONCE]))
                    count += len((await connection.execute(_TAKE_OVER_HISTORY, part)).all())
        return count


def _history_row(record: HistoryRecord) -> dict[str, object]:
    names = [name for name in _HISTORY_COLUMNS if name not in {*POOL, "targets"}]
    row = pool_row(record.pool) | {name: getattr(record, name) for name in names}
    return row | {"targets": list(map(asdict, record.targets))}
