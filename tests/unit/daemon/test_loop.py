import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.builders import POOL
from tide.daemon.loop import Loop
from tide.daemon.wakeups import Wakeups
from tide.domain.errors import StoreError, Unavailable
from tide.domain.keys import PoolKey

RELEASE = PoolKey("acme", "rocket", "release-1.0")
PATIENCE = 10.0
EVERYTHING = "everything"


@dataclass
class Syncs:
    """Syncs that begin when the loop wants and end when the test wants.

    `begun` tells each sync that begins; `free` lets them end by themselves.
    """

    begun: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    ended: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    errors: asyncio.Queue[Exception] = field(default_factory=asyncio.Queue)
    failures: dict[str, Exception] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    at_once: Counter[str] = field(default_factory=Counter)
    most_at_once: dict[str, int] = field(default_factory=dict)
    gates: dict[str, asyncio.Event] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.wakeups = Wakeups()
        self.stopping = asyncio.Event()
        self.loop = Loop(self.wakeups, self._round, self._look, self.errors.put_nowait)

    async def _round(self) -> None:
        await self._sync(EVERYTHING)

    async def _look(self, pool: PoolKey) -> None:
        await self._sync(str(pool))

    async def _sync(self, name: str) -> None:
        self.counts[name] += 1
        self.at_once[name] += 1
        self.most_at_once[name] = max(self.at_once[name], self.most_at_once.get(name, 0))
        self.begun.put_nowait(name)
        try:
            if name in self.gates:
                await self.gates[name].wait()
            if name in self.failures:
                raise self.failures.pop(name)
        finally:
            self.at_once[name] -= 1
            self.ended.put_nowait(name)

    def hold(self, name: object) -> asyncio.Event:
        """Let syncs of this name go on only when the event is set."""
        self.gates[str(name)] = asyncio.Event()
        return self.gates[str(name)]

    async def next(self) -> str:
        """Wait for a sync to begin and give its name."""
        return await asyncio.wait_for(self.begun.get(), PATIENCE)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        """Run the loop while the block runs, and stop it."""
        task = asyncio.create_task(self.loop.run(self.stopping))
        try:
            yield task
        finally:
            for gate in self.gates.values():
                gate.set()
            self.stopping.set()
            await asyncio.wait_for(task, PATIENCE)


async def test_signals_become_syncs() -> None:
    syncs = Syncs()
    async with syncs.running():
        syncs.wakeups.look_at_all()
        assert await syncs.next() == EVERYTHING
        syncs.wakeups.look_at(POOL)
        assert await syncs.next() == str(POOL)


async def test_what_was_asked_for_before_the_start_is_not_lost() -> None:
    syncs = Syncs()
    syncs.wakeups.look_at(POOL)
    async with syncs.running():
        assert await syncs.next() == str(POOL)


async def test_pools_are_synced_beside_each_other_and_beside_a_round() -> None:
    syncs = Syncs()
    for name in (EVERYTHING, POOL, RELEASE):
        syncs.hold(name)
    async with syncs.running():
        syncs.wakeups.look_at_all()
        syncs.wakeups.look_at(POOL)
        syncs.wakeups.look_at(RELEASE)
        assert {await syncs.next() for _ in range(3)} == {EVERYTHING, str(POOL), str(RELEASE)}


async def test_a_pool_that_is_woken_during_its_sync_is_synced_once_more() -> None:
    syncs = Syncs()
    gate = syncs.hold(POOL)
    async with syncs.running():
        syncs.wakeups.look_at(POOL)
        await syncs.next()
        for _ in range(3):
            syncs.wakeups.look_at(POOL)
            syncs.wakeups.look_at(RELEASE)  # its sync shows that the loop has taken the signals
            assert await syncs.next() == str(RELEASE)
        gate.set()
        assert await syncs.next() == str(POOL)
        syncs.wakeups.look_at(RELEASE)
        assert await syncs.next() == str(RELEASE)
    assert syncs.counts[str(POOL)] == 2
    assert syncs.most_at_once[str(POOL)] == 1


async def test_rounds_never_overlap_and_one_follows_for_all_that_were_asked_for() -> None:
    syncs = Syncs()
    gate = syncs.hold(EVERYTHING)
    async with syncs.running():
        syncs.wakeups.look_at_all()
        await syncs.next()
        for _ in range(3):
            syncs.wakeups.look_at_all()
            syncs.wakeups.look_at(POOL)
            assert await syncs.next() == str(POOL)
        gate.set()
        assert await syncs.next() == EVERYTHING
        syncs.wakeups.look_at(POOL)
        assert await syncs.next() == str(POOL)
    assert syncs.counts[EVERYTHING] == 2
    assert syncs.loop.rounds_done == 2
    assert syncs.most_at_once[EVERYTHING] == 1


async def test_a_broken_sync_is_told_and_stops_nothing() -> None:
    syncs = Syncs()
    troubles: dict[str, Exception] = {
        str(POOL): ValueError("a slip"),
        EVERYTHING: StoreError("the database is away"),
        str(RELEASE): Unavailable("the code host is away"),
    }
    async with syncs.running():
        for name, trouble in troubles.items():
            syncs.failures[name] = trouble
        syncs.wakeups.look_at_all()
        syncs.wakeups.look_at(POOL)
        syncs.wakeups.look_at(RELEASE)
        told = {await asyncio.wait_for(syncs.errors.get(), PATIENCE) for _ in range(3)}
        assert told == set(troubles.values())
        for name in troubles:
            assert await syncs.next() in troubles, name
        syncs.wakeups.look_at(POOL)
        assert await syncs.next() == str(POOL)
        syncs.wakeups.look_at_all()
        assert await syncs.next() == EVERYTHING
    assert syncs.errors.empty()


async def test_of_tasks_that_failed_together_one_error_of_each_sort_is_told() -> None:
    syncs = Syncs()
    away, slip = StoreError("the database is away"), ValueError("a slip")
    syncs.failures[EVERYTHING] = ExceptionGroup("together", [ExceptionGroup("deeper", [away]), slip])
    async with syncs.running():
        syncs.wakeups.look_at_all()
        assert [await asyncio.wait_for(syncs.errors.get(), PATIENCE) for _ in range(2)] == [away, slip]


async def test_a_pool_that_was_woken_during_a_broken_sync_is_synced_once_more() -> None:
    syncs = Syncs()
    gate = syncs.hold(POOL)
    syncs.failures[str(POOL)] = Unavailable("away")
    async with syncs.running():
        syncs.wakeups.look_at(POOL)
        await syncs.next()
        syncs.wakeups.look_at(POOL)
        syncs.wakeups.look_at(RELEASE)
        await syncs.next()
        gate.set()
        assert await syncs.next() == str(POOL)


async def test_stopping_finishes_the_syncs_at_hand_and_begins_no_other() -> None:
    syncs = Syncs()
    round_gate, pool_gate = syncs.hold(EVERYTHING), syncs.hold(POOL)
    async with syncs.running() as task:
        syncs.wakeups.look_at_all()
        syncs.wakeups.look_at(POOL)
        assert {await syncs.next(), await syncs.next()} == {EVERYTHING, str(POOL)}
        syncs.stopping.set()
        syncs.wakeups.look_at(RELEASE)
        round_gate.set()
        assert await asyncio.wait_for(syncs.ended.get(), PATIENCE) == EVERYTHING
        assert not task.done()
        pool_gate.set()
        assert await asyncio.wait_for(syncs.ended.get(), PATIENCE) == str(POOL)
        await asyncio.wait_for(task, PATIENCE)
    assert syncs.begun.empty()


async def test_a_loop_that_has_nothing_to_do_stops_at_once() -> None:
    syncs = Syncs()
    async with syncs.running() as task:
        syncs.stopping.set()
        await asyncio.wait_for(task, PATIENCE)
    assert syncs.counts == {}


async def test_a_loop_that_was_cut_short_runs_again_as_if_it_were_new() -> None:
    syncs = Syncs()
    round_gate, pool_gate = syncs.hold(EVERYTHING), syncs.hold(POOL)
    cut_short = asyncio.create_task(syncs.loop.run(syncs.stopping))
    syncs.wakeups.look_at_all()
    syncs.wakeups.look_at(POOL)
    assert {await syncs.next(), await syncs.next()} == {EVERYTHING, str(POOL)}
    cut_short.cancel()
    await asyncio.wait({cut_short})
    round_gate.set()
    pool_gate.set()
    syncs.wakeups.look_at_all()
    syncs.wakeups.look_at(POOL)
    async with syncs.running():
        assert {await syncs.next(), await syncs.next()} == {EVERYTHING, str(POOL)}
        assert syncs.begun.empty()
