"""What people and machines read of the store."""

import asyncio
from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, Text, and_, cast, exists, func, select, tuple_
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncEngine

from tide.adapters.documents import parsed
from tide.adapters.postgres.batches import batch_from
from tide.adapters.postgres.engine import statements
from tide.adapters.postgres.keys import POOL, PULL, in_pool, in_pull, key_in, pool_of, pool_row
from tide.adapters.postgres.mirror import SELECT_PULLS, pull_from
from tide.adapters.postgres.pool_views import SIGNS, PoolReader, writers
from tide.adapters.postgres.runs import LIVE_STATES, run_from
from tide.adapters.postgres.schema import (
    batches,
    decisions,
    history,
    pull_reads,
    pulls,
    runs,
    verdicts,
    watermarks,
)
from tide.adapters.postgres.statements import as_json, given, rows, writer
from tide.domain.decisions import Verdict
from tide.domain.evidence import Batch
from tide.domain.keys import PoolKey, PullKey
from tide.domain.pulls import Pull
from tide.domain.records import (
    DecisionRecord,
    HistoryFilter,
    HistoryMark,
    HistoryRecord,
    HistoryState,
    HistoryTarget,
    PoolView,
    PullRecord,
    pool_among,
)
from tide.domain.runs import Base, Run

T = TypeVar("T")
_FEW = 50
_MOST_RUNS, _MOST_BATCHES = 2000, 200
_DECISION_COLUMNS = ("action", "reason", "targets", "is_dry_run")
_RECORD_COLUMNS = ("id", "snapshot_digest", *_DECISION_COLUMNS, "first_seen", "last_seen", "outcome", "rules_version")


_folded_pull = tuple_(func.lower(pulls.c.org), func.lower(pulls.c.repo), pulls.c.number)
_RECORDS = select(
    *(column for column in history.c if column.name != "targets"),
    cast(history.c.targets, Text).label("targets"),  # as text: it is parsed straight into domain values
)
_NEWEST_FIRST = (history.c.time.desc(), history.c.id.desc())
_NEWEST_RUNS_FIRST = (func.coalesce(runs.c.started_at, runs.c.saved_at).desc(), runs.c.attempt.desc(), runs.c.name)
_bases = given(runs, (*POOL, "base_sha"))
_RUNS_ON = (
    select(runs)
    .join(_bases, and_(*(runs.c[name] == _bases.c[name] for name in (*POOL, "base_sha"))))
    .order_by(*_NEWEST_RUNS_FIRST)
    .limit(_MOST_RUNS)
)


_NEWEST_BATCHES = (
    select(writer(batches).label("writer"))
    .select_from(batches)
    .order_by(batches.c.id.desc())
    .limit(_MOST_BATCHES)
    .subquery()
)
_STATE = select(
    *SIGNS,
    select(writers(runs)).where(runs.c.state.in_(LIVE_STATES)).scalar_subquery(),
    select(func.string_agg(_NEWEST_BATCHES.c.writer, ":")).scalar_subquery(),
)


class PostgresViews:
    """Reads what syncs have recorded (tide.ports.views.Views). Every call may raise a StoreError."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._pools = PoolReader(engine)

    async def pools(self) -> tuple[PoolView, ...]:
        """Give all pools, sorted by org, repo and branch; the same value as before where nothing has changed."""
        return await self._pools.pools()

    async def state(self) -> tuple[str | None, ...]:
        """Tell by a short value whether anything has changed of the pools, their live runs, newest batches and history.

        A run that has ended is none of the live ones any more.
        """
        async with statements(self.engine) as connection:
            return tuple((await connection.execute(_STATE)).one())

    async def has_searched(self) -> bool:
        """Tell whether a search for what is open has ever come to its end."""
        ended = select(exists(select(watermarks).where(watermarks.c.query != "")))
        async with statements(self.engine) as connection:
            return bool((await connection.execute(ended)).scalar_one())

    async def pool(self, pool: PoolKey) -> PoolView | None:
        """Give one pool, asked for in any case."""
        return pool_among(await self.pools(), pool)

    async def pull(self, pull: PullKey) -> PullRecord | None:
        """Give one pull request, also when it is merged or closed; asked for in any case."""
        query = (
            SELECT_PULLS.add_columns(cast(verdicts.c.verdict, Text).label("verdict"), pull_reads.c.read_at)
            .outerjoin(verdicts, key_in(verdicts, PULL) == key_in(pulls, PULL))
            .join(pull_reads, key_in(pull_reads, PULL) == key_in(pulls, PULL))
        )
        as_spelled = query.where(in_pull(pulls, pull))
        async with statements(self.engine) as connection:
            row = (await connection.execute(as_spelled)).mappings().one_or_none()
            if row is None:  # the index knows names only as they are spelled
                alike = query.where(_folded_pull == (pull.folded.org, pull.folded.repo, pull.number)).limit(1)
                row = (await connection.execute(alike)).mappings().one_or_none()
        if row is None:
            return None
        verdict = parsed(Verdict, row["verdict"]) if row["verdict"] else None
        return PullRecord(pull_from(row), verdict, row["read_at"])

    async def pulls_numbered(self, number: int, limit: int) -> tuple[Pull, ...]:
        """Give the pull requests of any repository that have a number, also merged and closed ones; open ones first."""
        order = (pulls.c.is_open.desc(), pulls.c.org, pulls.c.repo)
        return await self._all(SELECT_PULLS.where(pulls.c.number == number).order_by(*order).limit(limit), pull_from)

    async def history_state(self) -> HistoryState:
        """Tell how many records there are, and the newest of their ids."""
        query = select(func.count(), func.coalesce(func.max(history.c.id), 0))
        async with statements(self.engine) as connection:
            return HistoryState(*(await connection.execute(query)).one())

    async def history_after(self, newest: int, limit: int) -> tuple[HistoryRecord, ...]:
        """Give the first `limit` of the records whose ids are above `newest`, in the order of these."""
        query = _RECORDS.where(history.c.id > newest).order_by(history.c.id).limit(limit)
        return await self._all(query, _history_from)

    async def history(
        self, pool: PoolKey | None = None, limit: int = 1000, *, only: Collection[str] | None = None
    ) -> tuple[HistoryRecord, ...]:
        """Give what was done, newest first, where given `only` these actions; `limit` counts per pool."""
        rank = func.row_number().over(partition_by=[history.c[name] for name in POOL], order_by=_NEWEST_FIRST)
        ranked = select(history.c.id, rank.label("rank"))
        if pool is not None:
            ranked = ranked.where(in_pool(history, pool))
        if only is not None:
            ranked = ranked.where(history.c.action.in_(sorted(only)))
        newest = ranked.subquery()
        query = _RECORDS.join(newest, newest.c.id == history.c.id).where(newest.c.rank <= limit)
        return await self._all(query.order_by(*_NEWEST_FIRST), _history_from)

    async def recent_history(self, limit: int) -> tuple[HistoryRecord, ...]:
        """Give the last things done in any pool, newest first."""
        return await self._all(_RECORDS.order_by(*_NEWEST_FIRST).limit(limit), _history_from)

    async def history_page(
        self, wanted: HistoryFilter, limit: int, before: HistoryMark | None
    ) -> tuple[HistoryRecord, ...]:
        """Give what is wanted of all history, newest first, from the record at `before` on when it is given."""
        query = _RECORDS.where(*_wanted(wanted)).order_by(*_NEWEST_FIRST).limit(limit)
        if before is not None:
            query = query.where(key_in(history, ("time", "id")) < (before.time, before.id))
        return await self._all(query, _history_from)

    async def decisions(self, pool: PoolKey | None, limit: int, before: int | None) -> tuple[DecisionRecord, ...]:
        """Give decisions newest first, those with an id below `before` when it is given."""
        columns = [decisions.c[name] for name in (*POOL, *_RECORD_COLUMNS)]
        query = select(*columns).order_by(decisions.c.id.desc()).limit(limit)
        if pool is not None:
            query = query.where(in_pool(decisions, pool))
        if before is not None:
            query = query.where(decisions.c.id < before)
        return await self._all(query, _decision_from)

    async def batches(self, pool: PoolKey | None, limit: int) -> tuple[Batch, ...]:
        """Give batches, newest first."""
        query = select(batches).order_by(batches.c.id.desc()).limit(limit)
        return await self._all(query.where(in_pool(batches, pool)) if pool else query, batch_from)

    async def count_runs(self) -> int:
        """Say how many runs there have been."""
        (count,) = await self._all(select(func.count().label("runs")).select_from(runs), lambda row: int(row["runs"]))
        return count

    async def live_runs(self) -> tuple[Run, ...]:
        """Give the runs that have no verdict yet, oldest first."""
        oldest_first = (func.coalesce(runs.c.started_at, runs.c.saved_at), runs.c.name)
        return await self._all(select(runs).where(runs.c.state.in_(LIVE_STATES)).order_by(*oldest_first), run_from)

    async def runs_of_head(self, pull: PullKey, head_sha: str, limit: int) -> tuple[Run, ...]:
        """Give the runs of a head, alone or together with others, newest first."""
        head = as_json([(pull.number, head_sha)])
        query = select(runs).where(key_in(runs, ("org", "repo")) == (pull.org, pull.repo), runs.c.heads.contains(head))
        return await self._all(query.order_by(*_NEWEST_RUNS_FIRST).limit(limit), run_from)

    async def runs_on(self, bases: Collection[Base]) -> tuple[Run, ...]:
        """Give the runs that test something on these bases, newest first."""
        if not bases:
            return ()
        wanted = [pool_row(base.pool) | {"base_sha": base.sha} for base in set(bases)]
        async with statements(self.engine) as connection:
            found = (await connection.execute(_RUNS_ON, rows(wanted))).mappings().all()
        return _built(found, run_from)

    async def _all(self, query: Select[Any], build: Callable[[RowMapping], T]) -> tuple[T, ...]:
        async with statements(self.engine) as connection:
            found = (await connection.execute(query)).mappings().all()
        # Thousands of records take long to be built.
        return await asyncio.to_thread(_built, found, build) if len(found) > _FEW else _built(found, build)


def _built(found: Iterable[RowMapping], build: Callable[[RowMapping], T]) -> tuple[T, ...]:
    return tuple(map(build, found))


def _wanted(wanted: HistoryFilter) -> Iterable[ColumnElement[bool]]:
    columns = history.c
    if wanted.repo is not None:
        yield key_in(history, ("org", "repo")) == (wanted.repo.org, wanted.repo.name)
    if wanted.branch is not None:
        yield columns.branch == wanted.branch
    if wanted.pull is not None:
        yield columns.targets.contains([{"number": wanted.pull}])
    if wanted.author is not None:
        yield columns.targets.contains([{"author": wanted.author}])
    if wanted.action is not None:
        yield columns.action == wanted.action
    if wanted.has_failed is not None:
        yield (columns.error != "") if wanted.has_failed else (columns.error == "")


def _history_from(row: RowMapping) -> HistoryRecord:
    return HistoryRecord(
        pool=pool_of(row),
        **{name: row[name] for name in ("id", "time", "action", "base_sha", "error", "reason")},
        targets=parsed(tuple[HistoryTarget, ...], row["targets"]),
        tenant_ids=tuple(row["tenant_ids"]),
    )


def _decision_from(row: RowMapping) -> DecisionRecord:
    return DecisionRecord(
        pool=pool_of(row), **{name: row[name] for name in _RECORD_COLUMNS} | {"targets": tuple(row["targets"])}
    )
