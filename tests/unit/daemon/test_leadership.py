"""Who leads, in a time that the tests make."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from tests.unit.daemon.timeline import LASTS, KeptLeases, Timeline
from tide.daemon.leadership import Leadership
from tide.domain.errors import LeaseLost, TideError

PATIENCE = 10.0


@dataclass
class Replica:
    """One process that may lead; `is_acting` while it does, and `finishing` holds up its end."""

    name: str
    leases: KeptLeases
    timeline: Timeline
    is_acting: bool = False
    times_cut_short: int = 0
    errors: list[Exception] = field(default_factory=list)
    failure: Exception | None = None

    def __post_init__(self) -> None:
        self.stopping, self.finishing, self.failing = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.finishing.set()
        self.leadership = Leadership(
            self.leases, self.name, self.timeline, self.errors.append, sleep=self.timeline.sleep, grace=PATIENCE
        )

    async def act(self, stopping: asyncio.Event) -> None:
        self.is_acting = True
        try:
            if self.failure:
                raise self.failure
            await stopping.wait()
            await self.finishing.wait()
        except asyncio.CancelledError:
            self.times_cut_short += 1
            raise
        finally:
            self.is_acting = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.create_task(self.leadership.run(self.act, self.stopping))
        await self.timeline.go_on()
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait({task})

    def has_lease(self) -> bool:
        try:
            return self.leadership.lease.holder == self.name
        except LeaseLost:
            return False


@pytest.fixture
def timeline() -> Timeline:
    return Timeline()


@pytest.fixture
def leases(timeline: Timeline) -> KeptLeases:
    return KeptLeases(timeline)


@pytest.fixture
def first(leases: KeptLeases, timeline: Timeline) -> Replica:
    return Replica("first", leases, timeline)


@pytest.fixture
def second(leases: KeptLeases, timeline: Timeline) -> Replica:
    return Replica("second", leases, timeline)


async def test_one_leads_and_the_other_stands_by(first: Replica, second: Replica, timeline: Timeline) -> None:
    async with first.running(), second.running():
        for _ in range(60):
            await timeline.go_on(1)
            assert (first.is_acting, second.is_acting) == (True, False)
            assert (first.has_lease(), second.has_lease()) == (True, False)
    assert first.times_cut_short == 1  # at the end of the test


async def test_each_knows_who_leads(first: Replica, second: Replica, timeline: Timeline) -> None:
    async with first.running(), second.running():
        await timeline.go_on(60)
        mine, seen = first.leadership.role, second.leadership.role
        assert (mine.leads, seen.leads) == (True, False)
        assert mine.leader == seen.leader
        assert mine.leader
        assert mine.leader.holder == "first"
        assert mine.sees_leader(timeline.now())
        assert seen.sees_leader(timeline.now())


async def test_the_standby_leads_within_ten_seconds_of_a_kill(
    first: Replica, second: Replica, timeline: Timeline, leases: KeptLeases
) -> None:
    async with second_after_first(first, second) as killed:
        killed.cancel()
        leases.is_down = True  # nobody releases what a killed process has held
        await asyncio.wait({killed})
        leases.is_down = False
        await timeline.go_on(LASTS - 1.5)
        assert not second.is_acting
        await timeline.go_on(10 - (LASTS - 1.5))
        assert second.is_acting
        assert second.has_lease()


async def test_the_standby_leads_within_two_seconds_of_a_clean_stop(
    first: Replica, second: Replica, timeline: Timeline
) -> None:
    async with second_after_first(first, second) as stopped:
        first.stopping.set()
        await timeline.go_on(0.6)
        assert stopped.done()
        assert first.times_cut_short == 0
        assert second.is_acting


@asynccontextmanager
async def second_after_first(first: Replica, second: Replica) -> AsyncIterator[asyncio.Task[None]]:
    """Run two replicas, of which the first leads; give its task."""
    async with first.running() as task, second.running():
        await first.timeline.go_on(30)
        assert (first.is_acting, second.is_acting) == (True, False)
        yield task


async def test_the_lease_is_kept_until_the_work_at_hand_is_finished(
    first: Replica, second: Replica, timeline: Timeline
) -> None:
    async with second_after_first(first, second) as stopped:
        first.finishing.clear()
        first.stopping.set()
        await timeline.go_on(3 * LASTS)
        assert (first.is_acting, first.has_lease(), second.is_acting) == (True, True, False)
        first.finishing.set()
        await timeline.go_on(0.6)
        assert stopped.done()
        assert (first.is_acting, second.is_acting) == (False, True)


async def test_a_standby_stops_at_once(first: Replica, second: Replica, timeline: Timeline) -> None:
    async with first.running(), second.running() as task:
        second.stopping.set()
        await timeline.go_on()
        assert task.done()
        assert first.is_acting


@pytest.mark.parametrize("trouble", ["is_down", "hangs"])
async def test_a_leader_without_a_database_stops_before_its_lease_runs_out(
    first: Replica, second: Replica, timeline: Timeline, leases: KeptLeases, trouble: str
) -> None:
    async with second_after_first(first, second):
        setattr(leases, trouble, True)
        await timeline.go_on(LASTS - 2.5)
        assert first.is_acting
        assert first.has_lease()
        await timeline.go_on(1.5)
        assert not first.is_acting
        assert not first.has_lease()
        assert first.times_cut_short == 1
        assert not first.leadership.role.leads


async def test_a_leader_outlives_a_short_outage(first: Replica, timeline: Timeline, leases: KeptLeases) -> None:
    async with first.running():
        for _ in range(5):
            leases.is_down = True
            await timeline.go_on(5)
            leases.is_down = False
            await timeline.go_on(1)
        assert first.is_acting
        assert first.times_cut_short == 0
        assert first.errors


async def test_after_an_outage_somebody_leads_again(
    first: Replica, second: Replica, timeline: Timeline, leases: KeptLeases
) -> None:
    async with first.running(), second.running():
        leases.is_down = True
        await timeline.go_on(60)
        assert not any(replica.leadership.role.sees_leader(timeline.now()) for replica in (first, second))
        leases.is_down = False
        await timeline.go_on(1)
        assert first.is_acting != second.is_acting
        assert all(replica.leadership.role.sees_leader(timeline.now()) for replica in (first, second))


async def test_a_leader_whose_lease_is_gone_stops_with_the_next_renewal(
    first: Replica, timeline: Timeline, leases: KeptLeases
) -> None:
    async with first.running():
        lease = first.leadership.lease
        await leases.release(lease)
        assert await leases.take("another")
        await timeline.go_on(1)
        assert not first.is_acting
        assert not first.has_lease()
        role = first.leadership.role
        assert role.leader
        assert (role.leads, role.leader.holder) == (False, "another")


async def test_what_takes_long_to_be_cut_short_gets_no_lease_meanwhile(
    first: Replica, timeline: Timeline, leases: KeptLeases
) -> None:
    tidy, has_lease = asyncio.Event(), list[bool]()

    async def act(stopping: asyncio.Event) -> None:
        try:
            await stopping.wait()
        finally:
            has_lease.append(first.has_lease())
            await tidy.wait()
            has_lease.append(first.has_lease())

    task = asyncio.create_task(first.leadership.run(act, first.stopping))
    await timeline.go_on()
    await leases.release(first.leadership.lease)
    await timeline.go_on(30)
    tidy.set()
    await timeline.go_on()
    assert has_lease == [False, False]
    assert first.has_lease()  # it leads anew
    first.stopping.set()
    await asyncio.wait_for(task, PATIENCE)


async def test_a_failure_of_the_work_gives_up_the_lead_and_is_passed_on(
    first: Replica, second: Replica, timeline: Timeline
) -> None:
    first.failure = TideError("no more")
    async with first.running() as failed, second.running():
        await timeline.go_on(1)
        with pytest.raises(ExceptionGroup) as raised:
            await failed
        assert raised.group_contains(TideError)
        assert second.is_acting


async def test_a_database_that_is_away_at_the_start_is_waited_for(
    first: Replica, timeline: Timeline, leases: KeptLeases
) -> None:
    leases.is_down = True
    async with first.running() as task:
        await timeline.go_on(60)
        assert not task.done()
        assert first.errors
        leases.is_down = False
        await timeline.go_on(1)
        assert first.is_acting
