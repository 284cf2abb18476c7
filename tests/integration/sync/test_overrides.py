"""Statuses that say by themselves on which base they hold: the reporter's `BaseSHA:`, and sticky overrides."""

import pytest

from tests.integration.sync.conftest import World
from tests.integration.sync.story import UNIT, Story
from tests.integration.sync.test_landing import meanwhile
from tide.policy.descriptions import description_with_base
from tide.sandbox.evidence import NewStatus
from tide.sandbox.model import PullRequest

STICKY = "Overridden by bob [prow:skip-retest]"


def say(ctx: Story, pull: PullRequest, description: str, state: str = "success") -> None:
    """Set the status of the required job."""
    status = NewStatus(context=UNIT, state=state, description=description)  # type: ignore[arg-type] # a literal
    ctx.forge.create_status(ctx.repository(), pull.head_sha, status)


async def test_a_sticky_override_holds_on_every_base_and_nothing_is_run(world: World) -> None:
    async with world() as ctx:
        pulls = [await ctx.open_pull(name) for name in ("pump", "valve")]
        for pull in pulls:
            say(ctx, pull, STICKY)
        await ctx.push("main", moved="provides moved")
        await ctx.settle()
        assert all(pull.merged for pull in pulls)
        assert ctx.ci.all == ()


async def test_a_result_that_names_the_base_holds_until_the_base_moves(world: World) -> None:
    async with world() as ctx:
        first, second = [await ctx.open_pull(name) for name in ("pump", "valve")]
        for pull in (first, second):
            say(ctx, pull, description_with_base("Job succeeded.", ctx.head()))
        await ctx.sync()
        assert [first.merged, second.merged] == [True, False]
        await ctx.sync()
        assert not second.merged
        assert len(ctx.runs(second.number)) == 1
        await ctx.settle()
        assert second.merged


@pytest.mark.parametrize("state", ["success", "failure"])
async def test_an_override_that_is_taken_back_after_the_decision_stops_the_landing(world: World, state: str) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump")
        say(ctx, pull, STICKY)
        meanwhile(ctx, lambda: say(ctx, pull, "Taken back.", state))
        await ctx.sync()
        assert not pull.merged
        assert (await ctx.history())[-1].error.startswith("failed merging [1]: #1: ")
