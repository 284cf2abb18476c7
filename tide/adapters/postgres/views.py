"""What people and machines read of the store."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, Table, Text, cast, func, select, tuple_
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tide.adapters.postgres.documents import parsed
from tide.adapters.postgres.engine import statements
from tide.adapters.postgres.keys import POOL, PULL, in_pool, pool_of
from tide.adapters.postgres.ledger import LIVE_STATES, batch_from, run_from, standing_from
from tide.adapters.postgres.mirror import SELECT_PULLS, pull_from
from tide.adapters.postgres.schema import (
    batches,
    decisions,
    history,
    pools,
    pull_reads,
    pulls,
    runs,
    standings,
    verdicts,
)
from tide.domain.decisions import Verdict
from tide.domain.evidence import Batch
from tide.domain.keys import PoolKey, PullKey
from tide.domain.pulls import Blocker, Pull
from tide.domain.records import (
    DecisionRecord,
    HistoryFilter,
    HistoryMark,
    HistoryRecord,
    HistoryTarget,
    PoolView,
    PullRecord,
)
from tide.domain.runs import Run
from tide.domain.snapshot import PROVEN

T = TypeVar("T")
_PLACES = ("passing", "pending", "missing")
_LISTS = (*_PLACES, "batch_pending", "targets")
_DECISION_COLUMNS = ("action", "reason", "targets", "is_dry_run")
_RECORD_COLUMNS = ("id", "snapshot_digest", *_DECISION_COLUMNS, "first_seen", "last_seen", "outcome")


def _key(table: Table, names: Sequence[str]) -> ColumnElement[Any]:
    return tuple_(*(table.c[name] for name in names))


_STATES = (
    select(
        *pools.c,
        *(decisions.c[name] for name in (*_DECISION_COLUMNS, "last_seen")),
        *(standings.c[name] for name in ("kind", "contexts", "since")),
        standings.c.reason.label("standing_reason"),
    )
    .outerjoin(decisions, decisions.c.id == pools.c.decision_id)
    .outerjoin(standings, _key(standings, POOL) == _key(pools, POOL))
    .where(pools.c.dropped_at.is_(None))
)
_NEWEST_FIRST = (history.c.time.desc(), history.c.id.desc())


class PostgresViews:
    """Reads what syncs have recorded (tide.ports.views.Views). Every call may raise a StoreError."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def pools(self) -> tuple[PoolView, ...]:
        """Give all pools, sorted by org, repo and branch."""
        async with statements(self.engine) as connection:
            views = await _pool_views(connection, _STATES, pulls.c.is_open)
        return tuple(sorted(views, key=lambda view: view.pool))

    async def pool(self, pool: PoolKey) -> PoolView | None:
        """Give one pool."""
        its_pulls = pulls.c.is_open & (
            _key(pulls, ("org", "repo", "base_branch")) == (pool.org, pool.repo, pool.branch)
        )
        async with statements(self.engine) as connection:
            views = await _pool_views(connection, _STATES.where(in_pool(pools, pool)), its_pulls)
        return next(iter(views), None)

    async def pull(self, pull: PullKey) -> PullRecord | None:
        """Give one pull request, also when it is merged or closed."""
        query = (
            SELECT_PULLS.add_columns(cast(verdicts.c.verdict, Text).label("verdict"), pull_reads.c.read_at)
            .outerjoin(verdicts, _key(verdicts, PULL) == _key(pulls, PULL))
            .join(pull_reads, _key(pull_reads, PULL) == _key(pulls, PULL))
            .where(_key(pulls, PULL) == (pull.org, pull.repo, pull.number))
        )
        async with statements(self.engine) as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        if row is None:
            return None
        verdict = parsed(Verdict, row["verdict"]) if row["verdict"] else None
        return PullRecord(pull_from(row), verdict, row["read_at"])

    async def history(self, pool: PoolKey | None = None, limit: int = 1000) -> tuple[HistoryRecord, ...]:
        """Give what was done, newest first; `limit` counts per pool."""
        rank = func.row_number().over(partition_by=[history.c[name] for name in POOL], order_by=_NEWEST_FIRST)
        ranked = select(history.c.id, rank.label("rank"))
        newest = (ranked.where(in_pool(history, pool)) if pool else ranked).subquery()
        query = select(history).join(newest, newest.c.id == history.c.id).where(newest.c.rank <= limit)
        return await self._all(query.order_by(*_NEWEST_FIRST), _history_from)

    async def recent_history(self, limit: int) -> tuple[HistoryRecord, ...]:
        """Give the last things done in any pool, newest first."""
        return await self._all(select(history).order_by(*_NEWEST_FIRST).limit(limit), _history_from)

    async def history_page(
        self, wanted: HistoryFilter, limit: int, before: HistoryMark | None
    ) -> tuple[HistoryRecord, ...]:
        """Give what is wanted of all history, newest first, from the record at `before` on when it is given."""
        query = select(history).where(*_wanted(wanted)).order_by(*_NEWEST_FIRST).limit(limit)
        if before is not None:
            query = query.where(_key(history, ("time", "id")) < (before.time, before.id))
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

    async def _all(self, query: Select[Any], build: Callable[[RowMapping], T]) -> tuple[T, ...]:
        async with statements(self.engine) as connection:
            return tuple(map(build, (await connection.execute(query)).mappings()))


async def _pool_views(
    connection: AsyncConnection, states: Select[Any], its_pulls: ColumnElement[bool]
) -> list[PoolView]:
    """Build the pools that `states` selects; `its_pulls` selects their open pull requests."""
    found = (await connection.execute(states)).mappings().all()
    open_pulls = await _pulls(connection, its_pulls)
    named = {PullKey(row["org"], row["repo"], number) for row in found for number in _numbers(row)}
    gone = named - open_pulls.keys()
    others = await _pulls(connection, _key(pulls, PULL).in_([(key.org, key.repo, key.number) for key in gone]))
    judged = await _verdicts(connection, its_pulls)
    by_pool: dict[PoolKey, list[Pull]] = {}
    for pull in open_pulls.values():
        by_pool.setdefault(pull.pool, []).append(pull)
    return [_pool_view(row, by_pool.get(pool_of(row), []), open_pulls | others, judged) for row in found]


async def _pulls(connection: AsyncConnection, which: ColumnElement[bool]) -> dict[PullKey, Pull]:
    rows = (await connection.execute(SELECT_PULLS.where(which))).mappings()
    return {pull.key: pull for pull in map(pull_from, rows)}


async def _verdicts(connection: AsyncConnection, its_pulls: ColumnElement[bool]) -> dict[PullKey, Verdict]:
    as_text = cast(verdicts.c.verdict, Text)
    query = select(as_text).join(pulls, _key(pulls, PULL) == _key(verdicts, PULL)).where(its_pulls)
    found = (await connection.execute(query)).scalars()
    return {verdict.pull: verdict for verdict in parsed(list[Verdict], f"[{','.join(found)}]")}


def _pool_view(
    row: RowMapping, open_pulls: Iterable[Pull], known: Mapping[PullKey, Pull], judged: Mapping[PullKey, Verdict]
) -> PoolView:
    pool = pool_of(row)
    ordered = sorted(open_pulls, key=lambda pull: pull.number)
    placed = set(chain.from_iterable(row[name] for name in _PLACES))

    def listed(name: str) -> tuple[Pull, ...]:
        keys = (PullKey(pool.org, pool.repo, number) for number in row[name] or ())
        return tuple(known[key] for key in keys if key in known)

    return PoolView(
        pool=pool,
        base_sha=row["base_sha"],
        action=row["action"] or "",
        reason=row["reason"] or "",
        **{name: listed(name) for name in (*_PLACES, "batch_pending")},
        outside=tuple(pull for pull in ordered if pull.number not in placed),
        target=listed("targets"),
        verdicts=tuple(judged[pull.key] for pull in ordered if pull.key in judged),
        blockers=tuple(Blocker(**blocker | {"branches": tuple(blocker["branches"])}) for blocker in row["blockers"]),
        standing=standing_from({**row, "reason": row["standing_reason"]}) if row["kind"] else PROVEN,
        error=row["error"],
        tenant_ids=tuple(row["tenant_ids"]),
        is_dry_run=bool(row["is_dry_run"]),
        synced_at=row["last_seen"],
    )


def _numbers(row: RowMapping) -> Iterable[int]:
    return chain.from_iterable(row[name] or () for name in _LISTS)


def _wanted(wanted: HistoryFilter) -> Iterable[ColumnElement[bool]]:
    columns = history.c
    if wanted.repo is not None:
        yield _key(history, ("org", "repo")) == (wanted.repo.org, wanted.repo.name)
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
        targets=tuple(HistoryTarget(**target) for target in row["targets"]),
        tenant_ids=tuple(row["tenant_ids"]),
    )


def _decision_from(row: RowMapping) -> DecisionRecord:
    return DecisionRecord(
        pool=pool_of(row), **{name: row[name] for name in _RECORD_COLUMNS} | {"targets": tuple(row["targets"])}
    )
