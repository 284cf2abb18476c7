"""All pools as people and machines read them, read again only as far as they have changed.

A pool that has none of its pull requests left stays as long as there is a history of it, or something is known against
its branch.

The page is asked for again and again, and thousands of pull requests take half a second to be read. Every row of
Postgres names the transaction that wrote it (`xmin`), and no two rows that differ were written by the same one to the
same place; so the numbers and the names of the writers tell whether anything has changed, and which rows have.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Table, Text, and_, bindparam, cast, func, select
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tide.adapters.documents import parsed
from tide.adapters.fresh import Fresh
from tide.adapters.postgres.engine import statements
from tide.adapters.postgres.keys import POOL, PULL, key_in, pool_of, pull_row
from tide.adapters.postgres.mirror import SELECT_PULLS, pull_from
from tide.adapters.postgres.schema import decisions, history, pools, pulls, standings, verdicts
from tide.adapters.postgres.standings import standing_from
from tide.adapters.postgres.statements import given, rows, writer
from tide.domain.decisions import Verdict
from tide.domain.keys import PoolKey, PullKey
from tide.domain.pulls import Blocker, Pull
from tide.domain.records import PoolView
from tide.domain.snapshot import PROVEN, StandingKind

_PLACES = ("passing", "pending", "missing")
_LISTS = (*_PLACES, "batch_pending", "targets")
_ROWS_AT_ONCE = 200  # so many take a few milliseconds of the event loop


def writers(table: Table) -> ColumnElement[str]:
    """Tell how many rows there are and who wrote them, in a short text."""
    return func.concat(func.count(), ":", func.sum(func.hashint8extended(cast(writer(table), BigInteger), 0)))


_SHOWN = pools.outerjoin(decisions, decisions.c.id == pools.c.decision_id)
SIGNS = (
    *(select(writers(table)).select_from(table).scalar_subquery() for table in (pools, pulls, verdicts, standings)),
    select(writers(decisions)).select_from(_SHOWN).scalar_subquery(),
    select(cast(func.max(history.c.id), Text)).scalar_subquery(),
)
"""What differs, column by column, as soon as any pool looks otherwise."""
_STATE = select(*SIGNS)
_POOLS = (
    select(
        *pools.c,
        *(decisions.c[name] for name in ("action", "reason", "targets", "is_dry_run", "last_seen")),
        *(standings.c[name] for name in ("kind", "contexts", "since")),
        standings.c.reason.label("standing_reason"),
    )
    .select_from(_SHOWN.outerjoin(standings, key_in(standings, POOL) == key_in(pools, POOL)))
    .where(pools.c.dropped_at.is_(None))
)
_SUSPECT = select(standings).where(standings.c.kind != StandingKind.PROVEN.value)
_of_pool = [history.c[name] for name in POOL]
_PAST = (
    select(*_of_pool, func.max(history.c.id).label("newest"))
    .where(history.c.id > bindparam("read"))
    .group_by(*_of_pool)
)
_OF_VERDICT = key_in(verdicts, PULL) == key_in(pulls, PULL)
_SIGNS = select(*(pulls.c[name] for name in PULL), writer(pulls).label("pull"), writer(verdicts).label("verdict"))
_OPEN_SIGNS = _SIGNS.select_from(pulls.outerjoin(verdicts, _OF_VERDICT)).where(pulls.c.is_open)
_named = given(pulls, PULL)
_IS_NAMED = and_(*(pulls.c[name] == _named.c[name] for name in PULL))
_NAMED_SIGNS = _SIGNS.select_from(_named.join(pulls, _IS_NAMED).outerjoin(verdicts, _OF_VERDICT))
_NAMED_PULLS = SELECT_PULLS.add_columns(
    cast(verdicts.c.verdict, Text).label("verdict"), writer(pulls).label("sign"), writer(verdicts).label("its_sign")
).select_from(_named.join(pulls, _IS_NAMED).outerjoin(verdicts, _OF_VERDICT))

_Sign = tuple[str, str | None]


class _Known(NamedTuple):
    """A pull request as a row told it, with the verdict; `sign` names who wrote the two."""

    sign: _Sign
    pull: Pull
    verdict: Verdict | None


@dataclass(slots=True)
class PoolReader:
    """Reads the pools, for all who ask at the same time together; may raise a StoreError."""

    engine: AsyncEngine
    _known: dict[PullKey, _Known] = field(default_factory=dict)
    _given: tuple[PoolView, ...] = ()
    _past: set[PoolKey] = field(default_factory=set)
    _past_read: int = 0
    _views: Fresh[tuple[str, ...], tuple[PoolView, ...]] = field(init=False)

    def __post_init__(self) -> None:
        self._views = Fresh(self._state, self._read)

    async def pools(self) -> tuple[PoolView, ...]:
        """Give all pools, sorted by org, repo and branch; the same value as before where nothing has changed."""
        return await self._views.get()

    async def _state(self) -> tuple[str, ...]:
        async with statements(self.engine) as connection:
            return tuple((await connection.execute(_STATE)).one())

    async def _read(self, _state: tuple[str, ...]) -> tuple[PoolView, ...]:
        async with statements(self.engine) as connection:
            found = (await connection.execute(_POOLS)).mappings().all()
            signs = _signs((await connection.execute(_OPEN_SIGNS)).all())
            named = {PullKey(row["org"], row["repo"], number) for row in found for number in _numbers(row)}
            gone = rows(map(pull_row, named - signs.keys()))
            of_gone = _signs((await connection.execute(_NAMED_SIGNS, gone)).all())
            await self._learn(connection, signs | of_gone)
            at_rest = await self._at_rest(connection, {pool_of(row) for row in found})
        shown = await asyncio.to_thread(_all_views, found, signs.keys(), self._known)
        views = sorted([*shown, *at_rest], key=lambda view: view.pool)
        before = {view.pool: view for view in self._given}
        # Those that have not changed are the same values as before: what is made of them can be kept.
        self._given = tuple(before[view.pool] if before.get(view.pool) == view else view for view in views)
        return self._given

    async def _at_rest(self, connection: AsyncConnection, shown: AbstractSet[PoolKey]) -> list[PoolView]:
        """Give those that are not shown for their pull requests, and have a history or a bad standing."""
        for row in (await connection.execute(_PAST, {"read": self._past_read})).mappings().all():
            self._past.add(pool_of(row))
            self._past_read = max(self._past_read, row["newest"])
        suspect = {pool_of(row): standing_from(dict(row)) for row in (await connection.execute(_SUSPECT)).mappings()}
        return [PoolView.at_rest(pool, suspect.get(pool, PROVEN)) for pool in (self._past | suspect.keys()) - shown]

    async def _learn(self, connection: AsyncConnection, signs: Mapping[PullKey, _Sign]) -> None:
        """Read what is not known as it is now, and forget what nothing names any more.

        What has been read stays when the rest is cut short, so that the next one goes on from there.
        """
        # A new one: a thread may still read the one before.
        known = self._known = {key: one for key, one in self._known.items() if signs.get(key) == one.sign}
        news = [key for key in signs if key not in known]
        for start in range(0, len(news), _ROWS_AT_ONCE):
            some = rows(map(pull_row, news[start : start + _ROWS_AT_ONCE]))
            read = (await connection.execute(_NAMED_PULLS, some)).mappings().all()
            known |= await asyncio.to_thread(_known_from, read)


def _signs(found: Iterable[Sequence[Any]]) -> dict[PullKey, _Sign]:
    return {PullKey(org, repo, number): (pull, verdict) for org, repo, number, pull, verdict in found}


def _known_from(read: Iterable[RowMapping]) -> dict[PullKey, _Known]:
    known = (
        _Known(
            (row["sign"], row["its_sign"]),
            pull_from(row),
            parsed(Verdict, row["verdict"]) if row["verdict"] else None,
        )
        for row in read
    )
    return {one.pull.key: one for one in known}


def _all_views(
    found: Iterable[RowMapping], open_keys: Iterable[PullKey], known: Mapping[PullKey, _Known]
) -> tuple[PoolView, ...]:
    by_pool: dict[PoolKey, list[_Known]] = {}
    for key in open_keys:
        if key in known:
            by_pool.setdefault(known[key].pull.pool, []).append(known[key])
    return tuple(_pool_view(row, by_pool.get(pool_of(row), []), known) for row in found)


def _pool_view(row: RowMapping, opened: Iterable[_Known], known: Mapping[PullKey, _Known]) -> PoolView:
    pool = pool_of(row)
    ordered = sorted(opened, key=lambda one: one.pull.number)
    placed = set(chain.from_iterable(row[name] for name in _PLACES))

    def listed(name: str) -> tuple[Pull, ...]:
        keys = (PullKey(pool.org, pool.repo, number) for number in row[name] or ())
        return tuple(known[key].pull for key in keys if key in known)

    return PoolView(
        pool=pool,
        base_sha=row["base_sha"],
        action=row["action"] or "",
        reason=row["reason"] or "",
        **{name: listed(name) for name in (*_PLACES, "batch_pending")},
        outside=tuple(one.pull for one in ordered if one.pull.number not in placed),
        target=listed("targets"),
        verdicts=tuple(one.verdict for one in ordered if one.verdict),
        blockers=tuple(Blocker(**blocker | {"branches": tuple(blocker["branches"])}) for blocker in row["blockers"]),
        standing=standing_from({**row, "reason": row["standing_reason"]}) if row["kind"] else PROVEN,
        error=row["error"],
        tenant_ids=tuple(row["tenant_ids"]),
        is_dry_run=bool(row["is_dry_run"]),
        synced_at=row["last_seen"],
    )


def _numbers(row: RowMapping) -> Iterable[int]:
    return chain.from_iterable(row[name] or () for name in _LISTS)
