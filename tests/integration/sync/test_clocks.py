"""Our clock may be off: nothing that is asked of GitHub, or compared to what it says, rests on it."""

from datetime import timedelta

import pytest

from tests.integration.sync.conftest import World

OFF = [timedelta(minutes=10), timedelta(minutes=-10)]


@pytest.mark.parametrize("ahead", OFF, ids=["fast", "slow"])
async def test_a_new_pull_request_is_seen_in_the_next_round(world: World, ahead: timedelta) -> None:
    async with world() as ctx:
        ctx.clock.ahead = ahead
        await ctx.sync()
        pull = await ctx.open_pull("pump")
        await ctx.sync()
        assert len(ctx.runs(pull.number)) == 1
        await ctx.settle()
        assert pull.merged


@pytest.mark.parametrize("ahead", OFF, ids=["fast", "slow"])
async def test_a_label_that_is_taken_away_is_seen_in_the_next_round(world: World, ahead: timedelta) -> None:
    async with world() as ctx:
        ctx.clock.ahead = ahead
        await ctx.sync()
        pull = await ctx.open_pull("pump")
        await ctx.sync()
        ctx.remove_label(pull, "lgtm")
        await ctx.run_jobs()
        await ctx.settle()
        assert not pull.merged
        ctx.add_label(pull, "lgtm")
        await ctx.settle()
        assert pull.merged


async def test_what_a_fast_clock_passed_over_is_walked_through_again(world: World) -> None:
    async with world() as ctx:
        await ctx.sync()
        await ctx.open_pull("pump", labels=())
        (mark,) = await ctx.rows("watermarks")
        await ctx.store.set_watermark(mark["name"], mark["query"], ctx.clock.now() + timedelta(hours=1))
        ctx.clock.sandbox.forward(minutes=5)
        await ctx.sync()
        assert len(await ctx.store.open_pulls()) == 1


async def test_another_replica_whose_clock_is_slow_reads_what_is_new(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump")
        await ctx.sync()
        ctx.clock.ahead = timedelta(minutes=-10)
        ctx.restart()
        ctx.remove_label(pull, "lgtm")
        await ctx.run_jobs()
        await ctx.settle()
        assert not pull.merged
        (known,) = await ctx.store.open_pulls()
        assert known.labels == ()
