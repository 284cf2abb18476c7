"""Marks of the pools, by which it is seen that nothing kept about them has changed."""

from collections.abc import Collection, Mapping

from tide.adapters.memory.tables import Tables
from tide.domain.evidence import BatchState
from tide.domain.intents import IntentKind
from tide.domain.keys import PoolKey
from tide.domain.runs import Purpose


class MemoryMarks:
    """Tells whether anything kept about pools has changed (tide.ports.store.marks.Marks)."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    async def marks(self, pools: Collection[PoolKey] | None = None) -> Mapping[PoolKey, str]:
        """Give the marks of those of these pools that have an open pull request, of all such without any given."""
        known = {row.pull.pool for row in self.tables.pulls.values() if row.pull.is_open}
        busy = _busy(self.tables)
        return {
            pool: "" if pool in busy else _mark(self.tables, pool) for pool in known if pools is None or pool in pools
        }


def _busy(tables: Tables) -> set[PoolKey]:
    live = {row.run.pool for row in tables.runs.values() if row.run.state.is_live}
    tested = {batch.pool for batch in tables.batches.values() if batch.state is BatchState.TESTING}
    begun = (intent for intent in tables.intents.values() if intent.ended_at is None)
    return live | tested | {intent.pool for intent in begun if intent.kind is not IntentKind.STATUS}


def _mark(tables: Tables, pool: PoolKey) -> str:
    opened = (key for key, row in tables.pulls.items() if row.pull.is_open and row.pull.pool == pool)
    pulls = [f"{key.number}:{tables.pulls.versions[key]}" for key in sorted(opened)]
    runs = (row.run for row in tables.runs.values())
    first = sum(run.pool == pool and run.purpose is Purpose.FIRST for run in runs)
    asked = [number for number, row in tables.retests.items() if row.retest.pull.repository == pool.repository]
    return f"{','.join(pulls)}|{tables.standings.versions.get(pool)}|{first}|{max(asked, default=0)}"
