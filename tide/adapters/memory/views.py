"""What people and machines read of the store."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable

from tide.adapters.memory.pool_views import pool_views
from tide.adapters.memory.tables import RunRow, Tables
from tide.domain.evidence import Batch
from tide.domain.keys import PoolKey, PullKey
from tide.domain.pulls import Pull
from tide.domain.records import (
    DecisionRecord,
    HistoryFilter,
    HistoryMark,
    HistoryRecord,
    HistoryState,
    PoolView,
    PullRecord,
    pool_among,
)
from tide.domain.runs import Base, Run


class MemoryViews:
    """Reads what syncs have recorded (tide.ports.views.Views)."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self._given: tuple[PoolView, ...] = ()

    async def pools(self) -> tuple[PoolView, ...]:
        """Give all pools, sorted by org, repo and branch; the same value as before where nothing has changed."""
        before = {view.pool: view for view in self._given}
        views = tuple(before[view.pool] if before.get(view.pool) == view else view for view in pool_views(self.tables))
        if views != self._given:
            self._given = views
        return self._given

    async def state(self) -> tuple[str | None, ...]:
        """Tell by a short value whether anything has changed of what the views show."""
        tables = self.tables
        shown = (tables.pools, tables.pulls, tables.verdicts, tables.standings, tables.decisions, tables.history)
        return tuple(str(table.writings) for table in (*shown, tables.runs, tables.batches))

    async def has_searched(self) -> bool:
        """Tell whether a search for what is open has ever come to its end."""
        return any(mark.query for mark in self.tables.watermarks.values())

    async def pool(self, pool: PoolKey) -> PoolView | None:
        """Give one pool, asked for in any case."""
        return pool_among(await self.pools(), pool)

    async def pull(self, pull: PullKey) -> PullRecord | None:
        """Give one pull request, also when it is merged or closed; asked for in any case."""
        alike = [key for key in self.tables.pulls if key.folded == pull.folded]
        if not alike:
            return None
        key = pull if pull in alike else alike[0]
        return PullRecord(self.tables.pulls[key].pull, self.tables.verdicts.get(key), self.tables.pull_reads[key])

    async def pulls_numbered(self, number: int, limit: int) -> tuple[Pull, ...]:
        """Give the pull requests of any repository that have a number, also merged and closed ones; open ones first."""
        found = [row.pull for row in self.tables.pulls.values() if row.pull.number == number]
        return tuple(sorted(found, key=lambda pull: (not pull.is_open, pull.key))[:limit])

    async def history_state(self) -> HistoryState:
        """Tell how many records there are, and the newest of their ids."""
        return HistoryState(len(self.tables.history), max(self.tables.history, default=0))

    async def history_after(self, newest: int, limit: int) -> tuple[HistoryRecord, ...]:
        """Give the first `limit` of the records whose ids are above `newest`, in the order of these."""
        return tuple(record for number, record in self.tables.history.items() if number > newest)[:limit]

    async def history(
        self, pool: PoolKey | None = None, limit: int = 1000, *, only: Collection[str] | None = None
    ) -> tuple[HistoryRecord, ...]:
        """Give what was done, newest first, where given `only` these actions; `limit` counts per pool."""
        told, wanted = Counter[PoolKey](), []
        for record in self._newest_first():
            if pool in {None, record.pool} and (only is None or record.action in only):
                told[record.pool] += 1
                wanted += [record] if told[record.pool] <= limit else []
        return tuple(wanted)

    async def recent_history(self, limit: int) -> tuple[HistoryRecord, ...]:
        """Give the last things done in any pool, newest first."""
        return tuple(self._newest_first()[:limit])

    async def history_page(
        self, wanted: HistoryFilter, limit: int, before: HistoryMark | None
    ) -> tuple[HistoryRecord, ...]:
        """Give what is wanted of all history, newest first, from the record at `before` on when it is given."""
        rest = (record for record in self._newest_first() if before is None or record.mark < before)
        return tuple(filter(wanted.wants, rest))[:limit]

    async def decisions(self, pool: PoolKey | None, limit: int, before: int | None) -> tuple[DecisionRecord, ...]:
        """Give decisions newest first, those with an id below `before` when it is given."""
        records = (row.record for row in reversed(self.tables.decisions.values()))
        wanted = (record for record in records if pool in {None, record.pool})
        return tuple(record for record in wanted if before is None or record.id < before)[:limit]

    async def batches(self, pool: PoolKey | None, limit: int) -> tuple[Batch, ...]:
        """Give batches, newest first."""
        newest_first = reversed(self.tables.batches.values())
        return tuple(batch for batch in newest_first if pool in {None, batch.pool})[:limit]

    async def count_runs(self) -> int:
        """Say how many runs there have been."""
        return len(self.tables.runs)

    async def live_runs(self) -> tuple[Run, ...]:
        """Give the runs that have no verdict yet, oldest first."""
        live = [row for row in self.tables.runs.values() if row.run.state.is_live]
        return tuple(row.run for row in sorted(live, key=lambda row: (row.begun_at, row.run.name)))

    async def runs_of_head(self, pull: PullKey, head_sha: str, limit: int) -> tuple[Run, ...]:
        """Give the runs of a head, alone or together with others, newest first."""
        return self._runs(lambda run: run.tests(pull, head_sha))[:limit]

    async def runs_on(self, bases: Collection[Base]) -> tuple[Run, ...]:
        """Give the runs that test something on these bases, newest first."""
        return self._runs(lambda run: run.base in bases)

    def _newest_first(self) -> list[HistoryRecord]:
        return sorted(self.tables.history.values(), key=lambda record: record.mark, reverse=True)

    def _runs(self, is_wanted: Callable[[Run], bool]) -> tuple[Run, ...]:
        found = [row for row in self.tables.runs.values() if is_wanted(row.run)]
        return tuple(row.run for row in _newest_runs_first(found))


def _newest_runs_first(rows: Iterable[RunRow]) -> list[RunRow]:
    by_name = sorted(rows, key=lambda row: row.run.name)
    return sorted(by_name, key=lambda row: (row.begun_at, row.run.attempt), reverse=True)
