"""The lease while its database hangs, blocks or dies."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.postgres.wire import Wire, wire_to
from tide.adapters.clock import SystemClock
from tide.adapters.postgres.engine import connected, statements, transaction
from tide.adapters.postgres.leases import PostgresLeases
from tide.domain.errors import StoreError
from tide.domain.leases import Lease

A_MOMENT = 0.2
PATIENCE = 5.0  # less than the driver takes to give up a statement by itself
LONG = 60.0


@pytest.fixture
async def wire(database_url: str) -> AsyncIterator[Wire]:
    async with wire_to(database_url) as wire:
        yield wire


@pytest.fixture
async def leases(wire: Wire) -> AsyncIterator[PostgresLeases]:
    async with connected(wire.url, connections=2) as engine:
        yield PostgresLeases(engine, SystemClock(), call_seconds=LONG)


async def gets_no_answer(leases: PostgresLeases, lease: Lease) -> None:
    """Renew a lease; the call is given up soon, though those that are answered may take long on a busy machine."""
    leases.call_seconds = A_MOMENT
    with pytest.raises(StoreError, match="no answer"):
        await leases.renew(lease)
    leases.call_seconds = LONG


async def taken(leases: PostgresLeases) -> Lease:
    lease = await leases.take("ann")
    assert lease
    return lease


async def test_no_call_waits_for_a_database_that_hangs(leases: PostgresLeases, wire: Wire) -> None:
    lease = await taken(leases)
    wire.block()
    async with asyncio.timeout(PATIENCE):
        for _ in range(5):  # more than there are connections
            await gets_no_answer(leases, lease)


async def test_after_a_hang_the_next_call_does_not_wait_for_the_old_connections(
    leases: PostgresLeases, wire: Wire
) -> None:
    lease = await taken(leases)
    wire.block()
    for _ in range(3):
        await gets_no_answer(leases, lease)
    wire.open, used = asyncio.Event(), wire.connections  # the old connections stay blocked for ever
    wire.free()
    async with asyncio.timeout(PATIENCE):
        assert (await leases.renew(lease)).token == lease.token
    assert wire.connections > used


async def test_a_blocked_row_is_not_waited_for(leases: PostgresLeases, engine: AsyncEngine) -> None:
    lease = await taken(leases)
    async with transaction(engine) as connection:
        await connection.execute(text("LOCK TABLE leases"))
        await gets_no_answer(leases, lease)
    assert (await leases.renew(lease)).until > lease.until


async def test_a_restart_of_the_database_costs_one_call(leases: PostgresLeases, engine: AsyncEngine) -> None:
    lease = await taken(leases)
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = "
    async with statements(engine) as connection:
        await connection.execute(text(f"{kill} current_database()"))
    with pytest.raises(StoreError):
        await leases.renew(lease)
    assert (await leases.renew(lease)).until > lease.until


async def test_giving_up_a_call_is_not_held_up_by_the_database(leases: PostgresLeases, wire: Wire) -> None:
    lease = await taken(leases)
    wire.block()
    renewing = asyncio.create_task(leases.renew(lease))
    await asyncio.sleep(0)
    renewing.cancel()
    async with asyncio.timeout(PATIENCE):
        await asyncio.wait({renewing})
    assert renewing.cancelled()
