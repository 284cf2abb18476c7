"""What was about to be done."""

from datetime import datetime

from sqlalchemy import bindparam, exists, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncEngine

from tide.adapters.documents import storable
from tide.adapters.postgres.engine import statements
from tide.adapters.postgres.keys import POOL, in_its_pool, its_pool, pool_of, pool_row
from tide.adapters.postgres.leases import in_force
from tide.adapters.postgres.schema import intents
from tide.adapters.postgres.statements import names_of
from tide.domain.errors import LeaseLost
from tide.domain.intents import Intent, IntentKind
from tide.domain.keys import PoolKey

_NO_LEASE = "another replica leads, or the lease has run out"
_INTENT_COLUMNS = (*POOL, "kind", "subject", "detail", "begun_at", "token", "latest_at")
_INTENT_FIELDS = tuple(name for name in names_of(intents) if name not in {*POOL, "kind"})
_BEGIN = (
    insert(intents)
    .from_select(
        _INTENT_COLUMNS,
        in_force().with_only_columns(
            *(bindparam(f"its_{name}", type_=intents.c[name].type) for name in _INTENT_COLUMNS)
        ),
    )
    .returning(intents.c.id)
)
_PROCEED = (
    update(intents)
    .where(intents.c.id == bindparam("its_id"), exists(select(in_force().cte("in_force"))))
    .values(latest_at=bindparam("at"))
)

_OPEN_INTENTS = select(intents).where(intents.c.ended_at.is_(None)).order_by(intents.c.id)
_OPEN_INTENTS_OF_POOL = _OPEN_INTENTS.where(in_its_pool(intents))


class PostgresIntents:
    """Keeps the deeds that were begun under a lease (tide.ports.store.intents.Intents)."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def begin(self, intent: Intent) -> int:
        """Write down a deed before it is done; give its id.

        Raises:
            LeaseLost: the intent's token is not that of the lease in force.
        """
        row = pool_row(intent.pool) | {name: getattr(intent, name) for name in _INTENT_COLUMNS if name not in POOL}
        given = {f"its_{name}": value for name, value in storable(row).items()}
        async with statements(self.engine) as connection:
            intent_id = (await connection.execute(_BEGIN, given)).scalar_one_or_none()
        if intent_id is None:
            raise LeaseLost(_NO_LEASE)
        return int(intent_id)

    async def proceed(self, intent: Intent, at: datetime) -> None:
        """Write down that the next step of a deed (by its id) is begun at `at`.

        Raises:
            LeaseLost: the intent's token is not that of the lease in force.
        """
        given = {"its_id": intent.id, "its_token": intent.token, "at": at}
        async with statements(self.engine) as connection:
            if not (await connection.execute(_PROCEED, given)).rowcount:
                raise LeaseLost(_NO_LEASE)

    async def finish(self, intent_id: int, outcome: str, at: datetime) -> None:
        """Write down what came of a deed; what was written first stays."""
        unfinished = (intents.c.id == intent_id) & intents.c.ended_at.is_(None)
        async with statements(self.engine) as connection:
            await connection.execute(update(intents).where(unfinished).values(outcome=storable(outcome), ended_at=at))

    async def open_intents(self, pool: PoolKey | None = None) -> tuple[Intent, ...]:
        """Give the deeds of a pool, or of all, whose outcome is not known, oldest first."""
        query, given = (_OPEN_INTENTS_OF_POOL, its_pool(pool)) if pool else (_OPEN_INTENTS, {})
        async with statements(self.engine) as connection:
            return tuple(map(_intent_from, (await connection.execute(query, given)).mappings()))


def _intent_from(row: RowMapping) -> Intent:
    return Intent(
        **{name: row[name] for name in _INTENT_FIELDS},
        kind=IntentKind(row["kind"]),
        pool=pool_of(row),
    )
