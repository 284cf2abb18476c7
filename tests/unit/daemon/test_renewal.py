"""A lease that is kept, in a time that the tests make."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.unit.daemon.timeline import LASTS, KeptLeases, Timeline
from tide.daemon.renewal import LIFE_SECONDS, Renewal


@pytest.fixture
def timeline() -> Timeline:
    return Timeline()


@pytest.fixture
def leases(timeline: Timeline) -> KeptLeases:
    return KeptLeases(timeline)


@asynccontextmanager
async def renewing(leases: KeptLeases, timeline: Timeline) -> AsyncIterator[tuple[Renewal, asyncio.Task[None]]]:
    lease = await leases.take("the test")
    assert lease
    renewal = Renewal(leases, timeline, lease, timeline.steady(), timeline.sleep)
    task = asyncio.create_task(renewal.run())
    try:
        yield renewal, task
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_a_leader_that_is_held_up_for_a_while_keeps_its_lease(leases: KeptLeases, timeline: Timeline) -> None:
    async with renewing(leases, timeline) as (renewal, _):
        await timeline.go_on(LIFE_SECONDS)
        assert renewal.lease.outlives(LASTS - 1, timeline.steady())
        assert await leases.take("another") is None


async def test_a_leader_that_shows_no_life_loses_its_lease(leases: KeptLeases, timeline: Timeline) -> None:
    async with renewing(leases, timeline) as (renewal, _):
        await timeline.go_on(LIFE_SECONDS + LASTS + 1)
        assert not renewal.lease.outlives(0, timeline.steady())
        assert await leases.take("another")


async def test_a_leader_that_comes_to_itself_in_time_goes_on(leases: KeptLeases, timeline: Timeline) -> None:
    async with renewing(leases, timeline) as (renewal, _):
        await timeline.go_on(LIFE_SECONDS + LASTS - 2)
        renewal.alive_at = timeline.steady()
        await timeline.go_on(LASTS)
        assert renewal.lease.outlives(0, timeline.steady())


async def test_one_that_was_stopped_for_longer_than_its_lease_does_not_bring_it_back(
    leases: KeptLeases, timeline: Timeline
) -> None:
    async with renewing(leases, timeline) as (renewal, task):
        timeline.seconds += LASTS + 1  # nothing of the process has run meanwhile
        renewal.alive_at = timeline.steady()
        await timeline.go_on(1)
        assert task.done()
        assert not renewal.lease.outlives(0, timeline.steady())


async def test_a_trouble_is_kept_until_it_is_over(leases: KeptLeases, timeline: Timeline) -> None:
    async with renewing(leases, timeline) as (renewal, _):
        leases.is_down = True
        await timeline.go_on(3)
        assert str(renewal.trouble) == "the database is away"
        leases.is_down = False
        await timeline.go_on(1)
        assert (renewal.trouble, renewal.renewed_at) == (None, timeline.now())
