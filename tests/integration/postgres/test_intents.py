"""What is begun under a lease, while another one wants it."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.builders import NOW, POOL
from tide.adapters.clock import SystemClock
from tide.adapters.postgres.engine import statements, transaction
from tide.adapters.postgres.leases import PostgresLeases, in_force
from tide.adapters.postgres.store import PostgresStore
from tide.domain.intents import Intent, IntentKind
from tide.domain.leases import Lease


@pytest.fixture
def intent(lease: Lease) -> Intent:
    return Intent(IntentKind.MERGE, POOL, "#1", '{"head": "abc"}', NOW, lease.token)


async def test_the_lead_does_not_change_while_something_is_begun(
    store: PostgresStore, intent: Intent, lease: Lease, engine: AsyncEngine
) -> None:
    leases = PostgresLeases(engine, SystemClock())
    async with transaction(engine) as connection:
        await connection.execute(in_force(), {"its_token": lease.token})
        await store.begin(intent)  # others may begin at the same time
        taking = asyncio.create_task(leases.take(lease.holder))
        while not await waits_for_a_lock(engine):
            assert not taking.done()
    taken = await taking
    assert taken
    assert taken.token == lease.token + 1


async def waits_for_a_lock(engine: AsyncEngine) -> bool:
    """Tell whether a statement of this database waits for another."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with statements(engine) as connection:
        return bool((await connection.execute(waiting)).scalar_one())
