"""A database that goes away and comes back, under programs that keep their connections."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import text

from tests.builders import NOW, POOL, make_pull, make_snapshot
from tests.unit.web.kept import StandingClock
from tide.adapters.clock import SystemClock
from tide.adapters.postgres.embedded import embedded, running
from tide.adapters.postgres.engine import connected, statements, transaction
from tide.adapters.postgres.leases import PostgresLeases
from tide.adapters.postgres.migrate import upgrade
from tide.adapters.postgres.store import PostgresStore
from tide.adapters.postgres.views import PostgresViews
from tide.app.status import StatusKeeper
from tide.daemon.loop import Loop
from tide.daemon.wakeups import Wakeups
from tide.domain.actions import Wait
from tide.domain.decisions import Decision
from tide.domain.errors import StoreError
from tide.web.last_known import LastKnown
from tide.web.status import DaemonStatus, Role, RoleKind

T = TypeVar("T")
PATIENCE = 90.0
SOON = 0.05


@pytest.fixture
def home() -> Iterator[Path]:
    """A directory that the server's user may go through, which pytest's tmp_path is not."""
    directory = Path(tempfile.mkdtemp(prefix="tide-test-"))
    directory.chmod(0o755)
    yield directory / "data"
    shutil.rmtree(directory)


def postmaster(home: Path) -> int:
    return int((home / "pgdata" / "postmaster.pid").read_text().split()[0])


async def in_the_end(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask as often as it takes; every refusal on the way must be a StoreError."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await ask()
            except StoreError:
                await asyncio.sleep(SOON)


async def successor(home: Path, killed: int) -> None:
    """Wait until another server takes connections."""

    async def find() -> None:
        with suppress(FileNotFoundError):
            if running(home) and postmaster(home) != killed:
                return
        raise StoreError("not yet")

    await in_the_end(find)


async def test_an_embedded_server_that_is_killed_is_started_again_with_its_data(home: Path) -> None:
    async with embedded(home) as url:
        await asyncio.to_thread(upgrade, url)
        async with connected(url, connections=2) as engine:
            store = PostgresStore(engine)
            for number in (1, 2):
                await store.save_pulls([make_pull(number)], NOW)
                killed = postmaster(home)
                os.kill(killed, signal.SIGKILL)
                await successor(home, killed)
                await in_the_end(store.open_pulls)
            assert [pull.number for pull in await store.open_pulls()] == [1, 2]


async def test_a_server_that_cannot_start_is_tried_again_until_it_can(home: Path) -> None:
    async with embedded(home, durable=False) as url:
        settings = home / "pgdata" / "postgresql.conf"
        right, killed = settings.read_text(), postmaster(home)
        settings.write_text("work_mem = nonsense\n")
        os.kill(killed, signal.SIGKILL)

        async def refusal() -> None:
            if "nonsense" not in (home / "postgres.log").read_text():
                raise StoreError("not yet")

        await in_the_end(refusal)
        settings.write_text(right)
        await successor(home, killed)
        async with connected(url):
            pass


async def test_a_stop_while_the_server_is_started_again_leaves_none_behind(home: Path) -> None:
    async with embedded(home, durable=False):
        os.kill(postmaster(home), signal.SIGKILL)
    async with embedded(home, durable=False) as url, connected(url):
        pass


async def test_a_statement_that_hangs_is_given_up_and_its_connection_too(postgres_url: str) -> None:
    async with connected(postgres_url, connections=1, patience=1) as engine:
        for open_one in (statements, transaction):
            with pytest.raises(StoreError, match=r"no answer within 1 seconds"):
                async with open_one(engine) as connection:
                    await connection.execute(text("SELECT pg_sleep(60)"))
            async with statements(engine) as connection:
                assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1


class Replica:
    """As much of a daemon as the database matters to: its loop, its status, and what the page reads."""

    def __init__(self, store: PostgresStore, views: PostgresViews) -> None:
        self.store = store
        self.status = StatusKeeper(
            StandingClock(), DaemonStatus("0.1.0", timedelta(minutes=1), role=Role(RoleKind.LEADER))
        )
        self.known = LastKnown(views, StandingClock(), self.status.database_read)
        self.loop = Loop(Wakeups(), self.round, self.look_again, self.status.sync_failed)
        self.decision = Decision(POOL, make_snapshot().base_sha, Wait("why"))

    async def round(self) -> None:
        self.status.pools_vanished(frozenset(await self.store.marks()))
        await self.store.record_decision(make_snapshot(), self.decision)
        self.status.decided(self.decision)
        self.status.synced("sync", timedelta())

    async def look_again(self, _pool: object) -> None:
        raise NotImplementedError

    async def rounds(self, count: int) -> None:
        """Let the loop make some rounds more."""
        stopping, until = asyncio.Event(), self.loop.rounds_done + count
        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
            group.create_task(self.loop.run(stopping))
            while self.loop.rounds_done < until:
                self.loop.wakeups.look_at_all()
                await asyncio.sleep(SOON)
            stopping.set()


async def test_a_daemon_goes_on_by_itself_after_its_database_was_restarted(home: Path) -> None:
    async with AsyncExitStack() as server:
        url = await server.enter_async_context(embedded(home, durable=False))
        await asyncio.to_thread(upgrade, url)
        async with connected(url, connections=2) as engine:
            daemon = Replica(PostgresStore(engine), PostgresViews(engine))
            await daemon.rounds(1)
            assert daemon.status.now().obstacles == ()
            pools = await daemon.known.reading().pools()
            await server.aclose()
            await daemon.rounds(2)
            assert daemon.status.now().obstacles == ("the database cannot be reached",)
            views = daemon.known.reading()
            assert (await views.pools(), views.as_of) == (pools, NOW)
            assert await server.enter_async_context(embedded(home, durable=False)) == url
            await daemon.rounds(3)
            views = daemon.known.reading()
            assert (await views.pools(), views.as_of) == (pools, None)
            assert daemon.status.now().outages == ()


async def test_a_lease_is_renewed_over_a_restart_that_nobody_has_noticed(home: Path) -> None:
    async with AsyncExitStack() as server:
        url = await server.enter_async_context(embedded(home, durable=False))
        await asyncio.to_thread(upgrade, url)
        async with connected(url, connections=4, is_tried=True) as engine:
            leases = PostgresLeases(engine, SystemClock(), timedelta(hours=1), call_seconds=PATIENCE)
            lease = await leases.take("the test")
            assert lease
            await server.aclose()
            assert await server.enter_async_context(embedded(home, durable=False)) == url
            assert (await leases.renew(lease)).token == lease.token
