"""A batch has passed while one of its heads is still under test alone, and the branch requires that job."""

from typing import Any

import pytest

from tests.integration.sync.conftest import World
from tests.integration.sync.rules import require_checks
from tests.integration.sync.story import MAIN, UNIT, Story
from tests.integration.sync.test_landing import passing_batch, proofs
from tests.integration.sync.witness import die
from tide.domain.runs import RunState
from tide.domain.snapshot import StandingKind
from tide.sandbox.model import PullRequest

LENDING = {"context_options": {"overwrite-pending-contexts": True}}
REPORT = "@alice: The following test **failed**.\n\n<!-- test report -->"
STATUSES = r"/statuses/"
COMMENTS = r"/issues/comments/"


async def half_tested_batch(ctx: Story) -> list[PullRequest]:
    """Bring a batch as far as to land next, on a branch that requires the job that its first head still waits for."""
    require_checks(ctx, UNIT, enforce_admins=True)
    pulls = await passing_batch(ctx, "pump", "valve", "nozzle")
    assert [run.heads[0][0] for run in ctx.ci.live] == [1]
    return pulls


def shown(ctx: Story, pull: PullRequest) -> tuple[str, str]:
    """Give the state and the text of the job's status on a head."""
    status = ctx.repository().statuses[pull.head_sha][-1]
    return status.state, (status.description or "").partition("\u2001")[0]


async def test_a_pending_context_keeps_a_batch_from_landing_where_the_branch_requires_it(world: World) -> None:
    async with world() as ctx:
        pulls = await half_tested_batch(ctx)
        await ctx.sync()
        assert not any(pull.merged for pull in pulls)
        await ctx.settle()
        assert all(pull.merged for pull in pulls)


async def test_overwrite_pending_contexts_lets_the_batch_land_at_once(world: World) -> None:
    async with world(tide=LENDING) as ctx:
        pulls = await half_tested_batch(ctx)
        await ctx.sync()
        assert all(pull.merged for pull in pulls)
        assert shown(ctx, pulls[0]) == ("success", "Tested in a batch: Job ended.")
        assert [row["subject"] for row in await ctx.rows("intents") if row["kind"] == "lend"] == ["#1"]


async def test_our_reports_are_deleted_and_nobody_elses(world: World) -> None:
    async with world(tide=LENDING) as ctx:
        pulls = await half_tested_batch(ctx)
        for author, text in (("merge-bot", REPORT), ("alice", REPORT), ("merge-bot", "Welcome!")):
            ctx.forge.comment(ctx.repository(), pulls[0], text, author)
        ctx.forge.comment(ctx.repository(), pulls[1], REPORT, "merge-bot")
        await ctx.sync()
        left = [(comment.author, comment.body) for comment in pulls[0].comments]
        assert left == [("alice", REPORT), ("merge-bot", "Welcome!")]
        assert len(pulls[1].comments) == 1


async def test_a_head_whose_landing_was_refused_after_all_is_not_taken_for_tested(world: World) -> None:
    async with world(tide=LENDING) as ctx:
        pulls = await half_tested_batch(ctx)
        ctx.fault("status", method="PUT", status=405, body={"message": "No."}, times=1)
        await ctx.sync()
        assert not any(pull.merged for pull in pulls)
        assert shown(ctx, pulls[0])[0] == "success"
        for other in pulls[1:]:
            ctx.remove_label(other, "lgtm")
        ctx.clock.sandbox.forward(minutes=6)
        await ctx.sync()
        assert not pulls[0].merged
        await ctx.ci.finish()
        await ctx.sync()
        assert pulls[0].merged


@pytest.mark.parametrize(("path", "method"), [(STATUSES, "POST"), (COMMENTS, "DELETE")])
async def test_what_is_refused_stops_the_landing_and_is_told_to_the_operators(
    world: World, path: str, method: str
) -> None:
    async with world(tide=LENDING) as ctx:
        pulls = await half_tested_batch(ctx)
        ctx.forge.comment(ctx.repository(), pulls[0], REPORT, "merge-bot")
        ctx.fault("status", path, method=method, status=403, body={"message": "Resource not accessible"})
        await ctx.sync()
        assert not any(pull.merged for pull in pulls)
        assert [pool for pool, _error in ctx.witness.failures] == [MAIN]
        assert "pending contexts could not be overwritten" in (await ctx.history())[-1].error
        await ctx.sync()
        assert "pending contexts" in (await ctx.verdict(pulls[0])).summary
        assert (await ctx.standing()).kind is StandingKind.PROVEN
        ctx.sandbox.faults.clear()
        ctx.clock.sandbox.forward(minutes=6)
        await ctx.settle()
        assert all(pull.merged for pull in pulls)


async def test_what_cannot_be_written_just_now_is_written_by_the_next_look(world: World) -> None:
    async with world(tide=LENDING) as ctx:
        pulls = await half_tested_batch(ctx)
        ctx.fault("status", STATUSES, method="POST", status=502, times=1)
        await ctx.sync()
        assert not any(pull.merged for pull in pulls)
        await ctx.sync()
        assert all(pull.merged for pull in pulls)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("method", ["post_status", "delete_comment"])
async def test_a_landing_that_is_killed_while_it_lends_lands_once(world: World, method: str, when: str) -> None:
    async with world(tide=LENDING) as ctx:
        pulls = await half_tested_batch(ctx)
        ctx.forge.comment(ctx.repository(), pulls[0], REPORT, "merge-bot")
        how: dict[str, Any] = {when: die}
        ctx.tamper("code_host", method, **how)
        await ctx.sync_and_die()
        ctx.restart()
        await ctx.sync()
        assert [ctx.merges(pull) for pull in pulls] == [1, 1, 1]
        assert proofs(ctx) == []
        assert all(row["outcome"] for row in await ctx.rows("intents"))
        assert [run.state for run in ctx.ci.live] == [RunState.TRIGGERED]
