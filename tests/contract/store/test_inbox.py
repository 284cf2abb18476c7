import asyncio
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.builders import NOW
from tide.adapters.postgres.inbox import PostgresInbox
from tide.ports.inbox import Delivery, Inbox

PUSH = Delivery("72d3162e-cc78-11e3-81ab-4c9367dc0958", "push", NOW)


@pytest.fixture
def inbox(engine: AsyncEngine) -> Inbox:
    return PostgresInbox(engine)


async def test_a_delivery_is_taken_once(inbox: Inbox) -> None:
    assert await inbox.take(PUSH)
    assert not await inbox.take(Delivery(PUSH.id, "push", NOW + timedelta(hours=1)))
    assert await inbox.take(Delivery("another", "push", NOW))


async def test_of_equal_deliveries_at_the_same_moment_one_is_taken(inbox: Inbox) -> None:
    taken = await asyncio.gather(*(inbox.take(PUSH) for _ in range(8)))
    assert taken.count(True) == 1
