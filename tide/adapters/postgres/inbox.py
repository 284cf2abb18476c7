"""The webhook deliveries that were taken."""

from dataclasses import asdict

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from tide.adapters.postgres.engine import statements
from tide.adapters.postgres.schema import deliveries
from tide.ports.inbox import Delivery


class PostgresInbox:
    """Keeps deliveries in Postgres (tide.ports.inbox.Inbox). Every call may raise a StoreError."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def take(self, delivery: Delivery) -> bool:
        """Keep a delivery; tell whether it is the first of its id, also among those that come at the same moment."""
        statement = insert(deliveries).values(asdict(delivery)).on_conflict_do_nothing().returning(deliveries.c.id)
        async with statements(self.engine) as connection:
            return (await connection.execute(statement)).one_or_none() is not None
