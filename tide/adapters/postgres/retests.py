"""What somebody asked to be run again, until a run answers it."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, any_, bindparam, func, literal, select, tuple_, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.types import Text

from tide.adapters.documents import storable
from tide.adapters.postgres.engine import statements, transaction
from tide.adapters.postgres.keys import PULL, head_in, in_pull, pull_row
from tide.adapters.postgres.runs import run_from
from tide.adapters.postgres.schema import retests, runs
from tide.adapters.postgres.statements import as_json
from tide.domain.keys import PoolKey, PullKey
from tide.domain.retests import Retest
from tide.domain.runs import Run, RunKind

_IS_OPEN = retests.c.answered_at.is_(None)
_ITS_REPOSITORY = tuple_(retests.c.org, retests.c.repo) == tuple_(bindparam("its_org"), bindparam("its_repo"))
_ITS_HEADS = retests.c.head_sha == any_(bindparam("its_heads", type_=ARRAY(Text)))
_OPEN = select(retests.c.head_sha, retests.c.context).where(_IS_OPEN, _ITS_REPOSITORY, _ITS_HEADS)

# A run that was not there when it was asked for, whoever started it and however it has ended.
_ANSWER = (
    update(retests)
    .where(_IS_OPEN, _ITS_REPOSITORY, _ITS_HEADS)
    .where(tuple_(runs.c.org, runs.c.repo) == tuple_(retests.c.org, retests.c.repo), runs.c.heads == head_in(retests))
    .where(runs.c.kind == RunKind.PRESUBMIT.value, runs.c.context == retests.c.context)
    .where(runs.c.name != func.all(retests.c.seen))
    .values(run_name=runs.c.name, answered_at=bindparam("at"))
)
_ASK = (
    insert(retests)
    .on_conflict_do_nothing(index_elements=[*PULL, "head_sha", "context"], index_where=_IS_OPEN)
    .returning(retests.c.context)
)


class PostgresRetests:
    """Keeps what is asked to be run again (tide.ports.store.retests.Retests)."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def ask_again(self, pull: PullKey, head_sha: str, contexts: Collection[str], at: datetime) -> tuple[str, ...]:
        """Ask for jobs of a head to be run once more; give those that nobody was waiting for already, sorted."""
        asked = []
        async with transaction(self.engine) as connection:
            for context in sorted(contexts):
                known = select(func.coalesce(func.array_agg(runs.c.name), literal([], ARRAY(Text))))
                seen = known.where(_tests_alone(pull, head_sha), runs.c.context == context).scalar_subquery()
                row = storable(pull_row(pull) | {"head_sha": head_sha, "context": context, "asked_at": at})
                asked += (await connection.execute(_ASK.values(**row, seen=seen))).scalars().all()
        return tuple(sorted(map(str, asked)))

    async def asked_again(self, pool: PoolKey, heads: Collection[str]) -> tuple[tuple[str, str], ...]:
        """Give (head SHA, context) of what is asked for on these heads and no run has answered, sorted."""
        async with statements(self.engine) as connection:
            found = (await connection.execute(_OPEN, _where(pool, heads))).all()
        return tuple(sorted((str(sha), str(context)) for sha, context in found))

    async def answer_asked(self, pool: PoolKey, heads: Collection[str], at: datetime) -> None:
        """Write down which runs have answered what is asked for on these heads: those that came after the asking."""
        async with statements(self.engine) as connection:
            await connection.execute(_ANSWER, _where(pool, heads) | {"at": at})

    async def retests(self, pull: PullKey, head_sha: str) -> tuple[Retest, ...]:
        """Give what was ever asked for on a head, oldest first."""
        query = select(retests).where(in_pull(retests, pull), retests.c.head_sha == head_sha).order_by(retests.c.id)
        async with statements(self.engine) as connection:
            found = (await connection.execute(query)).mappings().all()
        names = ("head_sha", "context", "asked_at", "run_name")
        return tuple(Retest(pull, **{name: row[name] for name in names}) for row in found)

    async def runs_alone(self, pull: PullKey, head_sha: str) -> tuple[Run, ...]:
        """Give the runs that have tested a head alone, as last seen, sorted by name."""
        query = select(runs).where(_tests_alone(pull, head_sha)).order_by(runs.c.name, runs.c.attempt)
        async with statements(self.engine) as connection:
            return tuple(map(run_from, (await connection.execute(query)).mappings()))


def _tests_alone(pull: PullKey, head_sha: str) -> ColumnElement[bool]:
    same_repo = tuple_(runs.c.org, runs.c.repo) == tuple_(pull.org, pull.repo)
    return same_repo & (runs.c.heads == as_json([(pull.number, head_sha)])) & (runs.c.kind == RunKind.PRESUBMIT.value)


def _where(pool: PoolKey, heads: Collection[str]) -> dict[str, Any]:
    return {"its_org": pool.org, "its_repo": pool.repo, "its_heads": list(heads)}
