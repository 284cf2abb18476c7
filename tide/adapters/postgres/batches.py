"""What was tested together, and what landed."""

from datetime import datetime

from sqlalchemy import Text, bindparam, func, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncEngine

from tide.adapters.documents import digest, document
from tide.adapters.postgres.engine import statements
from tide.adapters.postgres.keys import POOL, heads_from, in_its_pool, its_pool, pool_of, pool_row
from tide.adapters.postgres.schema import batches, landings
from tide.adapters.postgres.statements import insert_given, names_of, rows, upsert
from tide.domain.evidence import Batch, BatchState, Landing
from tide.domain.keys import PoolKey
from tide.domain.pulls import MergeMethod

_LANDING_COLUMNS = tuple(name for name in names_of(landings) if name != "id")
_LATEST_LANDINGS = 2000
_ADD_LANDING = insert_given(landings, _LANDING_COLUMNS).on_conflict_do_nothing()

_BATCH_KEY = (*POOL, "base_sha", "members_digest")
_BATCH_FIRST = ("members", "created_at")
_BATCH_STATE = ("contexts", "run_tree", "plan_tree", "landed_tree", "state", "reason", "ended_at")
_SAVE_BATCH = upsert(batches, (*_BATCH_KEY, *_BATCH_FIRST, *_BATCH_STATE), _BATCH_KEY, kept=_BATCH_FIRST)

_its_base = bindparam("its_base", type_=Text)
_BATCHES = select(batches).where(in_its_pool(batches), batches.c.base_sha == _its_base).order_by(batches.c.id)
_FAILED_BATCHES = (
    select(batches)
    .where(in_its_pool(batches), batches.c.state == BatchState.FAILED.value)
    .where((batches.c.base_sha == _its_base) | (batches.c.ended_at >= bindparam("since")))
    .order_by(batches.c.id)
)

# By their numbers, of which there is an index: what is wanted of them is always new.
_oldest_of_latest = select(func.max(landings.c.id) - _LATEST_LANDINGS).scalar_subquery()
_LANDINGS = select(landings).where(in_its_pool(landings), landings.c.id > _oldest_of_latest).order_by(landings.c.id)

_ABANDON = (
    update(batches)
    .where(in_its_pool(batches), batches.c.base_sha != _its_base, batches.c.state == BatchState.TESTING.value)
    .values(state=BatchState.ABANDONED.value, reason="the base has moved", ended_at=bindparam("at"))
)


class PostgresBatches:
    """Keeps batches and landings (tide.ports.store.batches.Batches)."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def save_batch(self, batch: Batch) -> None:
        """Keep a batch, known by its pool, base and members; a later state replaces an earlier one."""
        row = pool_row(batch.pool) | {
            "members_digest": digest(document(batch.members)),
            **{name: getattr(batch, name) for name in ("base_sha", *_BATCH_FIRST, *_BATCH_STATE)},
        }
        async with statements(self.engine) as connection:
            await connection.execute(_SAVE_BATCH, rows([row]))

    async def batches(self, pool: PoolKey, base_sha: str) -> tuple[Batch, ...]:
        """Give the batches that were tested on one base, oldest first."""
        async with statements(self.engine) as connection:
            found = await connection.execute(_BATCHES, its_pool(pool) | {"its_base": base_sha})
            return tuple(map(batch_from, found.mappings()))

    async def failed_batches(self, pool: PoolKey, base_sha: str, since: datetime) -> tuple[Batch, ...]:
        """Give the batches that failed on one base, or on any since a moment, oldest first."""
        async with statements(self.engine) as connection:
            found = await connection.execute(_FAILED_BATCHES, its_pool(pool) | {"its_base": base_sha, "since": since})
            return tuple(map(batch_from, found.mappings()))

    async def abandon_batches(self, pool: PoolKey, base_sha: str, at: datetime) -> None:
        """Mark the batches of a pool that are being tested on any other base as abandoned: the base has moved."""
        async with statements(self.engine) as connection:
            await connection.execute(_ABANDON, its_pool(pool) | {"its_base": base_sha, "at": at})

    async def add_landing(self, landing: Landing) -> None:
        """Keep what landed; the same landing twice is kept once."""
        names = [name for name in _LANDING_COLUMNS if name not in POOL]
        row = pool_row(landing.pool) | {name: getattr(landing, name) for name in names}
        async with statements(self.engine) as connection:
            await connection.execute(_ADD_LANDING, rows([row]))

    async def landings(self, pool: PoolKey) -> tuple[Landing, ...]:
        """Give what has landed last in a pool, oldest first: so far as it is among the latest of all pools."""
        async with statements(self.engine) as connection:
            return tuple(map(_landing_from, (await connection.execute(_LANDINGS, its_pool(pool))).mappings()))


def batch_from(row: RowMapping) -> Batch:
    """Build a batch from its row."""
    return Batch(
        **{name: row[name] for name in ("base_sha", "run_tree", "plan_tree", "landed_tree", "reason")},
        pool=pool_of(row),
        members=heads_from(row["members"]),
        contexts=tuple(row["contexts"]),
        state=BatchState(row["state"]),
        created_at=row["created_at"],
        ended_at=row["ended_at"],
    )


def _landing_from(row: RowMapping) -> Landing:
    known = {name: row[name] for name in _LANDING_COLUMNS if name not in {*POOL, "method"}}
    return Landing(**known, pool=pool_of(row), method=MergeMethod(row["method"]))
