"""The webhook deliveries that were taken, and the hints that wait for the leader."""

from collections.abc import Collection
from dataclasses import asdict

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncEngine

from tide.adapters.documents import storable
from tide.adapters.postgres.engine import statements, transaction
from tide.adapters.postgres.keys import pool_of, pool_row, pull_row
from tide.adapters.postgres.schema import deliveries, hints
from tide.domain.errors import StoreError
from tide.domain.keys import HeadKey, Hint, PoolKey, PullKey, RepoKey
from tide.ports.inbox import Delivery

MOST_AT_ONCE = 1000  # after a long time without a leader there may be any number

_WAITING = select(hints).order_by(hints.c.id).limit(MOST_AT_ONCE)


class PostgresInbox:
    """Keeps deliveries and hints in Postgres (tide.ports.inbox.Inbox). Every call may raise a StoreError."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def take(self, delivery: Delivery, hint: Hint | None) -> bool:
        """Keep a delivery and, if it is the first of its id, its hint; tell whether it is the first.

        Of deliveries that come at the same moment one is the first.
        """
        first = insert(deliveries).values(asdict(delivery)).on_conflict_do_nothing().returning(deliveries.c.id)
        async with transaction(self.engine) as connection:
            is_first = (await connection.execute(first)).one_or_none() is not None
            if is_first and hint is not None:
                row = _hint_row(hint) | {"received_at": delivery.received_at}
                await connection.execute(insert(hints).values(**storable(row)))
        return is_first

    async def waiting(self) -> tuple[tuple[int, Hint], ...]:
        """Give the hints that wait, oldest first, each with its id; if they are very many, the oldest of them."""
        async with statements(self.engine) as connection:
            return tuple((row["id"], _hint_from(row)) for row in (await connection.execute(_WAITING)).mappings())

    async def done(self, ids: Collection[int]) -> None:
        """Forget hints that were followed."""
        async with statements(self.engine) as connection:
            await connection.execute(delete(hints).where(hints.c.id.in_(ids)))


def _hint_row(hint: Hint) -> dict[str, object]:
    match hint:
        case RepoKey():
            return {"kind": "repo", "org": hint.org, "repo": hint.name}
        case PoolKey():
            return {"kind": "pool"} | pool_row(hint)
        case PullKey():
            return {"kind": "pull"} | pull_row(hint)
        case HeadKey():
            return {"kind": "head", "org": hint.org, "repo": hint.repo, "sha": hint.sha}


def _hint_from(row: RowMapping) -> Hint:
    org, repo = row["org"], row["repo"]
    match row["kind"]:
        case "repo":
            return RepoKey(org, repo)
        case "pool":
            return pool_of(row)
        case "pull":
            return PullKey(org, repo, row["number"])
        case "head":
            return HeadKey(org, repo, row["sha"])
        case other:
            raise StoreError(f"database: a hint of an unknown kind: {other}")
