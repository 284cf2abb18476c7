"""A job ended and its report is missing: its pending status keeps nobody waiting for ever."""

from tests.integration.sync.conftest import World
from tests.integration.sync.rules import require_checks
from tests.integration.sync.story import MAIN, ROCKET, UNIT, Story, job
from tide.domain.pulls import ContextState
from tide.domain.runs import Candidate, Head, RunKind
from tide.ports.code_host import StatusPost
from tide.sandbox.model import PullRequest


async def passed_without_report(ctx: Story) -> PullRequest:
    """Have a first run pass and its report get lost."""
    pull = await ctx.open_pull("pump")
    await ctx.sync()
    ctx.ci.is_mute = True
    await ctx.run_jobs()
    ctx.ci.is_mute = False
    await ctx.sync()
    return pull


async def wait_for_the_report(ctx: Story) -> None:
    ctx.clock.sandbox.forward(minutes=11)
    await ctx.sync()


async def pending(ctx: Story, pull: PullRequest, context: str) -> None:
    """Have a pending status on a head, as Prow's crier writes it."""
    status = StatusPost(context, ContextState.PENDING, "Job triggered.")
    await ctx.world.code_host.post_status(MAIN.repository, pull.head_sha, status)


async def test_where_nobody_else_demands_it_the_run_is_believed(world: World) -> None:
    async with world() as ctx:
        pull = await passed_without_report(ctx)
        assert not pull.merged
        await ctx.settle()
        assert not pull.merged, "a report may be late"
        await wait_for_the_report(ctx)
        assert pull.merged
        assert len(ctx.runs(pull.number)) == 1


async def test_where_github_demands_it_the_job_is_run_again(world: World) -> None:
    async with world() as ctx:
        require_checks(ctx, UNIT, enforce_admins=True)
        pull = await passed_without_report(ctx)
        await wait_for_the_report(ctx)
        assert not pull.merged
        await ctx.settle()
        assert pull.merged
        assert [run.attempt for run in ctx.runs(pull.number)] == [1, 2]


async def test_a_status_of_a_prowjob_that_is_gone_has_its_job_run_again(world: World) -> None:
    async with world(queue={"*": {"trigger": False}}) as ctx:
        pull = await ctx.open_pull("pump")
        await pending(ctx, pull, UNIT)
        await ctx.settle()
        assert ctx.runs(pull.number) == []
        await wait_for_the_report(ctx)
        assert len(ctx.ci.live) == 1
        assert (await ctx.verdict(pull)).summary == "Not mergeable. Job unit: the job ended, its report is missing."
        await ctx.settle()
        assert pull.merged


async def test_it_is_the_same_after_sixty_hours_and_a_restart(world: World) -> None:
    async with world(queue={"*": {"trigger": False}}) as ctx:
        pull = await ctx.open_pull("pump")
        await pending(ctx, pull, UNIT)
        ctx.clock.sandbox.forward(hours=60)
        ctx.restart()
        await ctx.settle()
        await wait_for_the_report(ctx)
        await ctx.settle()
        assert pull.merged


async def test_a_prowjob_of_somebody_else_that_lives_on_an_older_base_is_waited_for(world: World) -> None:
    async with world(queue={"*": {"trigger": False}}) as ctx:
        pull = await ctx.open_pull("pump")
        (presubmit,) = ctx.sync_.config().presubmits(MAIN.repository)
        ctx.ci.start_as_somebody_else(Candidate(MAIN, ctx.head(), (Head(pull.number, pull.head_sha),)), presubmit)
        await pending(ctx, pull, UNIT)
        await ctx.push("main", moved="provides moved")
        await ctx.sync()
        await wait_for_the_report(ctx)
        assert len(ctx.runs(pull.number, kind=RunKind.PRESUBMIT)) == 1


async def test_what_is_no_job_stays_as_it_is(world: World) -> None:
    async with world(jobs={ROCKET: [job()]}) as ctx:
        pull = await ctx.open_pull("pump")
        await pending(ctx, pull, "external")
        await ctx.settle()
        runs = len(ctx.runs(pull.number))
        await wait_for_the_report(ctx)
        await ctx.settle()
        assert not pull.merged
        assert len(ctx.runs(pull.number)) == runs
