"""Whoever loses the lead in the middle of something does nothing more, and the next leader finds out what was done."""

import asyncio
from datetime import timedelta

import pytest

from tests.integration.sync.conftest import World
from tests.integration.sync.story import Story
from tests.integration.sync.test_landing import passing, passing_batch
from tests.integration.sync.witness import die
from tide.domain.actions import Target
from tide.domain.errors import LeaseLost, Unavailable
from tide.domain.intents import IntentKind
from tide.domain.keys import PoolKey
from tide.domain.outcomes import Merged
from tide.domain.pulls import MergeMethod
from tide.domain.snapshot import StandingKind
from tide.sync.deeds import DEED_TIMEOUT, Deeds
from tide.sync.recovery import MERGE_MAY_COME

pytestmark = pytest.mark.on_postgres


async def lose_the_lead(ctx: Story) -> None:
    """Let another replica take the lead, as if this one had been held up for too long."""
    await ctx.lead.leases.release(ctx.lead())
    assert await ctx.lead.leases.take("another replica")


async def test_a_landing_stops_where_the_lead_is_lost_and_the_next_leader_goes_on(world: World) -> None:
    async with world() as ctx:
        pulls = await passing_batch(ctx, "pump", "valve", "nozzle")
        # The first step of the first merge is the first; this is before the second merge.
        ctx.tamper("store", "proceed", nth=2, before=lambda: lose_the_lead(ctx))
        with pytest.raises(LeaseLost):
            await ctx.sync()
        assert [pull.merged for pull in pulls] == [True, False, False]
        with pytest.raises(LeaseLost):
            await ctx.sync_.round()
        assert [pull.merged for pull in pulls] == [True, False, False]
        ctx.lead.lease = await ctx.lead.leases.take("another replica")
        ctx.restart()
        await ctx.sync()
        assert (await ctx.standing()).kind is StandingKind.UNPROVEN
        await ctx.settle()
        assert [ctx.merges(pull) for pull in pulls] == [1, 1, 1]


async def test_no_run_is_started_without_the_lead(world: World) -> None:
    async with world() as ctx:
        await ctx.open_pull("pump")
        ctx.tamper("store", "begin", before=lambda: lose_the_lead(ctx))
        with pytest.raises(LeaseLost):
            await ctx.sync()
        assert ctx.ci.all == ()


async def test_the_deeds_of_a_former_leader_are_settled_by_one_that_leads_again(world: World) -> None:
    async with world() as ctx:
        pull = await passing(ctx)
        ctx.tamper("code_host", "merge", after=die)
        await ctx.sync_and_die()
        token = ctx.lead().token
        ctx.restart()
        await ctx.sync()
        (merge,) = [row for row in await ctx.rows("intents") if row["kind"] == "merge"]
        assert (merge["token"], "all had landed as planned" in merge["outcome"]) == (token, True)
        assert ctx.merges(pull) == 1


async def test_a_merge_that_comes_late_is_waited_for(world: World) -> None:
    async with world() as ctx:
        pull = await passing(ctx)
        target = Target(pull.number, pull.head_sha, MergeMethod.MERGE)
        host = ctx.host

        async def lose_the_request() -> None:
            raise Unavailable("the connection broke")

        async def come_after_all() -> None:
            assert isinstance(await host.merge(PoolKey("acme", "rocket", "main").repository, target), Merged)

        ctx.tamper("code_host", "merge", before=lose_the_request)
        await ctx.sync()
        assert not pull.merged
        asked_at = ctx.clock.now()
        ctx.clock.meanwhile = come_after_all
        ctx.restart()
        ctx.clock.sandbox.now = asked_at
        await ctx.lead.keep()
        await ctx.sync_.round()
        assert ctx.clock.slept[-1] <= MERGE_MAY_COME.total_seconds()
        assert ctx.merges(pull) == 1
        assert (await ctx.standing()).kind is StandingKind.PROVEN
        (merge,) = [row for row in await ctx.rows("intents") if row["kind"] == "merge"]
        assert "all had landed as planned" in merge["outcome"]


async def test_a_call_that_might_outlive_the_lease_is_not_made(world: World) -> None:
    async with world() as ctx:
        deeds = Deeds(ctx.world, ctx.lead())
        ctx.clock.sandbox.now += timedelta(hours=1, seconds=1 - DEED_TIMEOUT)
        made = []

        async def call() -> None:
            made.append(1)

        with pytest.raises(LeaseLost):
            await deeds.do(call)
        await deeds.begin(IntentKind.MERGE, PoolKey("acme", "rocket", "main"), "#1", "{}")
        await deeds.do(call)
        assert made == [1]


async def test_a_call_that_gets_no_answer_in_time_is_given_up(world: World) -> None:
    async with world() as ctx:
        deeds = Deeds(ctx.world, ctx.lead(), timeout=0.01)
        with pytest.raises(Unavailable, match="no answer within"):
            await deeds.do(asyncio.Event().wait)
