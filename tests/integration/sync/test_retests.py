"""`tide retest`: what failed is run again when somebody asks for it, and only then."""

from tests.integration.sync.conftest import World
from tests.integration.sync.story import MAIN, Story
from tide.domain.pulls import ContextState
from tide.domain.runs import RunState
from tide.ports.code_host import StatusPost
from tide.sandbox.model import PullRequest
from tide.web.text import retest_lines

NO_TRIGGER = {"*": {"trigger": False}}


async def red(ctx: Story, context: str = "unit") -> PullRequest:
    """Open a pull request on which somebody's job has failed."""
    pull = await ctx.open_pull("pump")
    status = StatusPost(context, ContextState.FAILURE, "Job failed.")
    await ctx.world.code_host.post_status(MAIN.repository, pull.head_sha, status)
    await ctx.settle()
    return pull


async def asked(ctx: Story, pull: PullRequest) -> list[str]:
    """Run `tide retest`; give what it says, without the SHA."""
    found = await ctx.retest(pull)
    lines = retest_lines(found.record, found.jobs, found.new, found.retests)
    return [line.replace(pull.head_sha[:7], "it") for line in lines]


async def test_without_first_runs_of_ours_what_failed_is_run_again_and_told(world: World) -> None:
    async with world(queue=NO_TRIGGER) as ctx:
        pull = await red(ctx)
        assert ctx.ci.all == ()
        assert await asked(ctx, pull) == ["unit is asked for again on it: it has failed"]
        (again,) = await asked(ctx, pull)
        assert "unit on it was asked for" in again
        assert "and has not begun yet" in again
        await ctx.sync()
        assert await asked(ctx, pull) == ["unit is under way on it: triggered, attempt 1"]
        await ctx.settle()
        assert pull.merged
        assert await asked(ctx, pull) == ["it is not open, so nothing is run on it"]


async def test_what_no_job_reports_is_told_and_left_alone(world: World) -> None:
    async with world(queue=NO_TRIGGER) as ctx:
        pull = await red(ctx, "cla")
        assert await asked(ctx, pull) == [
            "no job of it has failed, so there is nothing to run again",
            "cla has failed on it, and no job reports it: whoever does must run it again",
        ]


async def test_a_pending_status_without_a_run_is_run_again_at_once_when_it_is_asked_for(world: World) -> None:
    async with world(queue=NO_TRIGGER) as ctx:
        pull = await ctx.open_pull("pump")
        status = StatusPost("unit", ContextState.PENDING, "Job triggered.")
        await ctx.world.code_host.post_status(MAIN.repository, pull.head_sha, status)
        await ctx.sync()
        assert await asked(ctx, pull) == ["unit is asked for again on it: the job ended, its report is missing"]
        await ctx.settle()
        assert pull.merged


async def test_it_is_run_once_for_each_asking(world: World) -> None:
    async with world(queue=NO_TRIGGER) as ctx:
        pull = await red(ctx)
        for count in (1, 2):
            await ctx.retest(pull)
            for _ in range(3):
                await ctx.sync()
                await ctx.ci.finish(state=RunState.FAILURE)
            assert len(ctx.runs(pull.number)) == count


async def test_what_was_asked_for_outlives_the_process(world: World) -> None:
    async with world(queue=NO_TRIGGER) as ctx:
        pull = await red(ctx)
        await ctx.retest(pull)
        ctx.restart()
        await ctx.settle()
        assert pull.merged


async def test_an_emptied_database_starts_no_failed_job_again(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump")
        await ctx.sync()
        await ctx.ci.finish(state=RunState.FAILURE)
        await ctx.settle()
        await ctx.backend.empty()
        ctx.restart()
        await ctx.settle()
        await ctx.push("main", moved="provides moved")
        await ctx.settle()
        assert len(ctx.runs(pull.number)) == 1


async def test_a_failed_retest_of_ours_is_not_repeated_unasked(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump")
        status = StatusPost("unit", ContextState.SUCCESS, "Job succeeded.")
        await ctx.world.code_host.post_status(MAIN.repository, pull.head_sha, status)
        await ctx.sync()
        await ctx.ci.finish(state=RunState.FAILURE)
        await ctx.settle()
        await ctx.push("main", moved="provides moved")
        await ctx.settle()
        assert not pull.merged
        assert len(ctx.runs(pull.number)) == 1
