"""Two replicas and one database."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from tests.builders import NOW, POOL
from tide.adapters.clock import SystemClock
from tide.adapters.own_thread import OwnThread, own_thread
from tide.adapters.postgres.engine import Connections, connected, opened, statements
from tide.adapters.postgres.leases import PostgresLeases
from tide.adapters.postgres.store import PostgresStore
from tide.daemon.leadership import Leadership
from tide.domain.errors import LeaseLost
from tide.domain.intents import Intent, IntentKind
from tide.domain.leases import Lease

PATIENCE = 30.0
HASTE = 20  # waits between tries are so many times shorter


async def short_sleep(seconds: float) -> None:
    await asyncio.sleep(seconds / HASTE)


@dataclass
class Cluster:
    """Replicas; `terms` tells each lease under which one of them begins to act, and never do two act at once."""

    connections: Connections
    terms: asyncio.Queue[Lease] = field(default_factory=asyncio.Queue)
    acting: set[str] = field(default_factory=set)
    ended: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    @asynccontextmanager
    async def replica(self, name: str) -> AsyncIterator[asyncio.Event]:
        """Run a replica; give what stops it."""
        errors, stopping = list[Exception](), asyncio.Event()
        leases = PostgresLeases(self.connections, SystemClock(), call_seconds=PATIENCE)
        leadership = Leadership(leases, name, SystemClock(), errors.append, sleep=short_sleep)

        async def act(stopping: asyncio.Event) -> None:
            assert self.acting == set()
            self.acting.add(name)
            self.terms.put_nowait(leadership.lease)
            try:
                await stopping.wait()
            finally:
                self.acting.discard(name)
                self.ended.put_nowait(name)

        task = asyncio.create_task(leadership.run(act, stopping))
        try:
            yield stopping
        finally:
            stopping.set()
            await asyncio.wait_for(task, PATIENCE)
            assert errors == []

    async def next_term(self) -> Lease:
        return await asyncio.wait_for(self.terms.get(), PATIENCE)

    async def take_the_lead_away(self) -> Lease:
        """Let a replica that is not run here take the lead; when ours has stopped, kill that one."""
        stranger = PostgresLeases(self.connections, SystemClock(), timedelta(hours=1))
        async with statements(self.connections) as connection:
            await connection.execute(text("UPDATE leases SET holder = 'stranger'"))
        lease = await stranger.take("stranger")
        assert lease
        await asyncio.wait_for(self.ended.get(), PATIENCE)
        async with statements(self.connections) as connection:
            await connection.execute(text("UPDATE leases SET expires_at = clock_timestamp()"))
        return lease


@pytest.fixture
async def cluster(database_url: str) -> AsyncIterator[Cluster]:
    async with connected(database_url, connections=4) as connections:
        yield Cluster(connections)


async def test_the_lead_changes_when_the_leader_stops(cluster: Cluster) -> None:
    async with AsyncExitStack() as stack:
        stops = {name: await stack.enter_async_context(cluster.replica(name)) for name in ("ann", "bea")}
        first = await cluster.next_term()
        stops[first.holder].set()
        second = await cluster.next_term()
        assert {first.holder, second.holder} == {"ann", "bea"}
        assert second.token == first.token + 1


async def test_a_lead_that_was_lost_is_taken_again_when_it_is_free(cluster: Cluster) -> None:
    async with cluster.replica("ann"), cluster.replica("bea"):
        first = await cluster.next_term()
        stranger = await cluster.take_the_lead_away()
        second = await cluster.next_term()
        assert second.holder in {"ann", "bea"}
        assert first.token < stranger.token < second.token


async def test_a_leader_of_yesterday_begins_nothing(cluster: Cluster) -> None:
    store = PostgresStore(cluster.connections)
    async with cluster.replica("ann"), cluster.replica("bea"):
        first = await cluster.next_term()
        begun = Intent(IntentKind.MERGE, POOL, "#1", "", NOW, first.token)
        begun = replace(begun, id=await store.begin(begun))
        await cluster.take_the_lead_away()
        second = await cluster.next_term()
        with pytest.raises(LeaseLost):
            await store.begin(begun)
        with pytest.raises(LeaseLost):
            await store.proceed(begun, NOW)
        assert await store.open_intents(POOL) == (begun,)
        await store.proceed(replace(begun, token=second.token), NOW)


async def test_a_leader_whose_event_loop_is_held_up_keeps_its_lease(database_url: str) -> None:
    short, errors, leads = timedelta(seconds=3), list[Exception](), asyncio.Event()
    async with own_thread("lease") as beside, leases_there(beside, database_url, short) as leases:
        leadership = Leadership(leases, "ann", SystemClock(), errors.append, sleep=short_sleep, beside=beside)

        async def act(stopping: asyncio.Event) -> None:
            leads.set()
            await stopping.wait()

        stopping = asyncio.Event()
        task = asyncio.create_task(leadership.run(act, stopping))
        await asyncio.wait_for(leads.wait(), PATIENCE)
        first = leadership.lease
        hold_up_until(lambda: SystemClock().steady() > first.until + short.total_seconds())
        assert leadership.lease.token == first.token
        stopping.set()
        await asyncio.wait_for(task, PATIENCE)
        assert errors == []


def hold_up_until(is_so: Callable[[], bool]) -> None:
    """Hold up the event loop: nothing here awaits."""
    while not is_so():
        threading.Event().wait(0.01)


@asynccontextmanager
async def leases_there(beside: OwnThread, database_url: str, lasts: timedelta) -> AsyncIterator[PostgresLeases]:
    """Give leases whose connections belong to the event loop of another thread."""
    connections = opened(database_url, connections=2)
    try:
        yield PostgresLeases(connections, SystemClock(), lasts, call_seconds=PATIENCE)
    finally:
        await beside(connections.dispose())
