"""What only Postgres can refuse, or hold, of deliveries and hints."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.builders import NOW
from tide.adapters.postgres.engine import statements
from tide.adapters.postgres.inbox import PostgresInbox
from tide.domain.errors import StoreError
from tide.domain.keys import PullKey
from tide.ports.inbox import Delivery, Inbox

PUSH = Delivery("72d3162e-cc78-11e3-81ab-4c9367dc0958", "push", NOW)
PULL = PullKey("acme", "rocket", 7)


@pytest.fixture
def inbox(engine: AsyncEngine) -> Inbox:
    return PostgresInbox(engine)


async def test_a_delivery_whose_hint_cannot_be_kept_is_not_taken(inbox: Inbox, engine: AsyncEngine) -> None:
    too_big = PullKey("acme", "rocket", 2**40)
    with pytest.raises(StoreError):
        await inbox.take(PUSH, too_big)
    assert await inbox.take(PUSH, PULL)


async def test_a_hint_of_a_later_version_is_told(inbox: Inbox, engine: AsyncEngine) -> None:
    unknown = "INSERT INTO hints (kind, org, repo, received_at) VALUES ('comet', 'acme', 'rocket', now())"
    async with statements(engine) as connection:
        await connection.execute(text(unknown))
    with pytest.raises(StoreError, match="comet"):
        await inbox.waiting()
