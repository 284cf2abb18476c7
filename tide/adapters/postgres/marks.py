"""Marks of the pools, by which it is seen that nothing stored about them has changed."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import (
    FromClause,
    LargeBinary,
    Select,
    Table,
    Text,
    and_,
    case,
    exists,
    func,
    literal,
    select,
)
from sqlalchemy import cast as as_type
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncEngine

from tide.adapters.postgres.engine import statements
from tide.adapters.postgres.keys import POOL, pool_row
from tide.adapters.postgres.runs import LIVE_STATES
from tide.adapters.postgres.schema import batches, intents, pools, pulls, retests, runs, standings
from tide.adapters.postgres.statements import given, rows, writer
from tide.domain.evidence import BatchState
from tide.domain.intents import IntentKind
from tide.domain.keys import PoolKey
from tide.domain.runs import Purpose

_PULLS_POOL = tuple(pulls.c[name] for name in ("org", "repo", "base_branch"))


def _marks(only: FromClause | None) -> Select[Any]:
    pull = as_type(pulls.c.number, Text).concat(":").concat(writer(pulls))
    listed = func.string_agg(pull, aggregate_order_by(literal(","), pulls.c.number))
    of_pulls = select(*_PULLS_POOL, listed.label("pulls")).where(pulls.c.is_open).group_by(*_PULLS_POOL)
    if only is not None:
        is_wanted = and_(*(only.c[name] == here for name, here in zip(POOL, _PULLS_POOL, strict=True)))
        of_pulls = of_pulls.where(exists(select(only.c.org).where(is_wanted)))
    known = of_pulls.cte("known")
    key = dict(zip(POOL, (known.c[column.name] for column in _PULLS_POOL), strict=True))

    def is_there(table: Table) -> Any:
        return and_(*(table.c[name] == column for name, column in key.items()))

    is_busy = (
        exists(select(runs.c.name).where(is_there(runs), runs.c.state.in_(LIVE_STATES)))
        | exists(
            select(intents.c.id).where(
                is_there(intents), intents.c.ended_at.is_(None), intents.c.kind != IntentKind.STATUS.value
            )
        )
        | exists(select(batches.c.id).where(is_there(batches), batches.c.state == BatchState.TESTING.value))
    )
    standing = select(writer(standings)).where(is_there(standings)).scalar_subquery()
    first_runs = (
        select(as_type(func.count(), Text))
        .where(is_there(runs), runs.c.purpose == Purpose.FIRST.value)
        .scalar_subquery()
    )
    asked_again = (
        select(as_type(func.max(retests.c.id), Text))
        .where(retests.c.org == key["org"], retests.c.repo == key["repo"])
        .scalar_subquery()
    )
    all_of_it = func.concat_ws("|", known.c.pulls, standing, first_runs, asked_again)
    digest = func.encode(func.sha256(func.convert_to(all_of_it, "UTF8"), type_=LargeBinary), "hex")
    return select(*key.values(), case((is_busy, ""), else_=digest))


_ALL = _marks(None)
_SOME = _marks(given(pools, POOL))


class PostgresMarks:
    """Tells whether anything stored about pools has changed (tide.ports.store.marks.Marks)."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def marks(self, pools: Collection[PoolKey] | None = None) -> Mapping[PoolKey, str]:
        """Give the marks of those of these pools that have an open pull request, of all such without any given."""
        query, parameters = (_ALL, {}) if pools is None else (_SOME, rows(map(pool_row, pools)))
        async with statements(self.engine) as connection:
            found = await connection.execute(query, parameters)
            return {PoolKey(org, repo, branch): mark for org, repo, branch, mark in found}
