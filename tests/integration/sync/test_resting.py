"""A pool in which nothing has changed is not decided anew, and every kind of change is noticed."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.sync.conftest import World
from tests.integration.sync.story import MAIN, Story, job
from tests.integration.sync.test_many_pools import Counted, count
from tide.domain.errors import StoreError
from tide.domain.keys import HeadKey, Hint, PullKey
from tide.domain.runs import Candidate
from tide.domain.snapshot import Standing, StandingKind
from tide.sandbox.evidence import NewCheckRun, NewStatus
from tide.sandbox.model import PullRequest
from tide.sync.resting import LONGEST_REST

ONE_MINUTE = timedelta(minutes=1)


async def at_rest(ctx: Story) -> tuple[PullRequest, PullRequest]:
    """Open one that failed its test and one that has not opted in, and sync until nothing more happens."""
    failed = await ctx.open_pull("pump", pump="breaks unit")
    other = await ctx.open_pull("valve", labels=())
    await ctx.settle()
    ctx.clock.sandbox.forward(minutes=1)
    for _ in range(3):
        await ctx.sync()
    return failed, other


async def is_decided(ctx: Story, sync: Callable[[], Awaitable[None]]) -> bool:
    """Sync, and tell whether the pool was read for a decision."""
    reads: Counted = count(ctx, "store", "pool_pulls")
    await sync()
    ctx.world = ctx.sync_.world = ctx.world.__class__(
        **{name: getattr(ctx.world, name) for name in ctx.world.__slots__} | {"store": reads.port}
    )
    return bool(reads.calls)


async def test_a_pool_in_which_nothing_has_changed_is_not_decided_anew(world: World) -> None:
    async with world(statuses=True) as ctx:
        await at_rest(ctx)
        seen, before = len(ctx.witness.decisions), (await ctx.pool()).synced_at
        heads = count(ctx, "code_host", "branch_head")
        assert not await is_decided(ctx, ctx.sync)
        assert not await is_decided(ctx, lambda: ctx.sync_.look_again(MAIN))
        assert heads.calls == []
        assert [decision.pool for decision in ctx.witness.decisions[seen:]] == [MAIN, MAIN], "it counts as decided"
        ctx.clock.sandbox.forward(minutes=1)
        assert not await is_decided(ctx, ctx.sync)
        synced_at = (await ctx.pool()).synced_at
        assert before is not None
        assert synced_at is not None
        assert synced_at > before


async def test_a_pool_rests_while_a_report_is_waited_for_and_no_longer(world: World) -> None:
    async with world(queue={"*": {"trigger": False}}) as ctx:
        pull = await ctx.open_pull("pump")
        pending = NewStatus(context="unit", state="pending", description="Job triggered.")
        ctx.forge.create_status(ctx.repository(), pull.head_sha, pending)
        await ctx.settle()
        ctx.clock.sandbox.forward(minutes=1)
        for _ in range(3):
            await ctx.sync()
        assert not await is_decided(ctx, ctx.sync)
        ctx.clock.sandbox.forward(minutes=7)
        assert await is_decided(ctx, ctx.sync), "no pool rests for longer"
        assert not await is_decided(ctx, ctx.sync)
        ctx.clock.sandbox.forward(minutes=2.5)
        assert await is_decided(ctx, ctx.sync), "by now the report does not come any more"
        assert len(ctx.ci.live) == 1


def report(ctx: Story, failed: PullRequest, _other: PullRequest) -> None:
    status = NewStatus(context="unit", state="failure", description="Broken in another way.")
    ctx.forge.create_status(ctx.repository(), failed.head_sha, status)


async def push(ctx: Story, _failed: PullRequest, _other: PullRequest) -> None:
    await ctx.push("pump", pump="provides pump")


async def push_to_the_branch(ctx: Story, _failed: PullRequest, _other: PullRequest) -> None:
    await ctx.push("main", hose="provides hose")


async def open_another(ctx: Story, _failed: PullRequest, _other: PullRequest) -> None:
    await ctx.open_pull("hose")


def close(ctx: Story, failed: PullRequest, _other: PullRequest) -> None:
    ctx.forge.close_pull(ctx.repository(), failed)


def retarget(ctx: Story, failed: PullRequest, _other: PullRequest) -> None:
    ctx.forge.retarget_pull(ctx.repository(), failed, "release", "alice")


def unlabel(ctx: Story, failed: PullRequest, _other: PullRequest) -> None:
    ctx.remove_label(failed, "lgtm")


def opt_in(ctx: Story, _failed: PullRequest, other: PullRequest) -> None:
    ctx.add_label(other, "lgtm")


def block(ctx: Story, _failed: PullRequest, _other: PullRequest) -> None:
    ctx.forge.open_issue(ctx.repository(), title="Stop", labels=["merge-blocker"])


def reload(ctx: Story, _failed: PullRequest, _other: PullRequest) -> None:
    ctx.reload(jobs={"acme/rocket": [job(), job("lint")]})


async def doubt(ctx: Story, _failed: PullRequest, _other: PullRequest) -> None:
    await ctx.store.set_standing(MAIN, Standing(StandingKind.FROZEN, "a human must look", since=ctx.clock.now()))


async def ask_for_a_retest(ctx: Story, failed: PullRequest, _other: PullRequest) -> None:
    assert (await ctx.retest(failed)).new == ("unit",)


def run_elsewhere(ctx: Story, _failed: PullRequest, _other: PullRequest) -> None:
    (presubmit,) = ctx.sync_.config().presubmits(MAIN.repository)
    ctx.ci.start_as_somebody_else(Candidate(MAIN, ctx.head()), presubmit)


def forget_runs(ctx: Story, _failed: PullRequest, _other: PullRequest) -> None:
    ctx.ci.forget()


async def fail(ctx: Story, _failed: PullRequest, _other: PullRequest) -> None:
    await ctx.store.record_failure(MAIN, "out of reach", ctx.clock.now())


async def lead_anew(ctx: Story, _failed: PullRequest, _other: PullRequest) -> None:
    assert ctx.lead.lease is not None
    await ctx.lead.leases.release(ctx.lead.lease)
    ctx.lead.lease = None


def wait_long(ctx: Story, _failed: PullRequest, _other: PullRequest) -> None:
    ctx.clock.sandbox.forward(seconds=LONGEST_REST.total_seconds())


CHANGES: tuple[Callable[..., Any], ...] = (
    report,
    push,
    push_to_the_branch,
    open_another,
    close,
    retarget,
    unlabel,
    opt_in,
    block,
    reload,
    doubt,
    ask_for_a_retest,
    run_elsewhere,
    forget_runs,
    fail,
    lead_anew,
    wait_long,
)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
async def test_every_kind_of_change_is_noticed_by_the_next_round(world: World, change: Callable[..., Any]) -> None:
    async with world(statuses=True, expect_green=False) as ctx:
        failed, other = await at_rest(ctx)
        assert not await is_decided(ctx, ctx.sync)
        made = change(ctx, failed, other)
        if made is not None:
            await made
        ctx.clock.sandbox.forward(seconds=1)
        assert await is_decided(ctx, ctx.sync)


@pytest.mark.parametrize("change", [report, push, push_to_the_branch, unlabel, opt_in, block, run_elsewhere])
async def test_what_is_hinted_at_is_noticed_by_a_look(world: World, change: Callable[..., Any]) -> None:
    async with world(statuses=True, expect_green=False) as ctx:
        failed, other = await at_rest(ctx)
        made = change(ctx, failed, other)
        if made is not None:
            await made
        ctx.clock.sandbox.forward(seconds=1)
        hints: list[Hint] = [PullKey("acme", "rocket", failed.number), PullKey("acme", "rocket", other.number)]
        await ctx.sync_.look_near(hints)
        assert set(ctx.woken) == {MAIN}
        assert await is_decided(ctx, lambda: ctx.sync_.look_again(MAIN))


async def test_a_webhook_that_changes_nothing_costs_no_decision(world: World) -> None:
    async with world(statuses=True) as ctx:
        failed, _ = await at_rest(ctx)
        ctx.woken.clear()
        await ctx.sync_.look_near([HeadKey("acme", "rocket", failed.head_sha)])
        assert ctx.woken == [MAIN]
        assert not await is_decided(ctx, lambda: ctx.sync_.look_again(MAIN))


async def at_rest_for_a_check(ctx: Story) -> PullRequest:
    """Open one that nothing but a check run stands against, and sync until nothing more happens."""
    pull = await ctx.open_pull("pump")
    ctx.forge.create_check_run(ctx.repository(), pull.head_sha, NewCheckRun(name="docs", conclusion="failure"))
    await ctx.settle()
    ctx.clock.sandbox.forward(minutes=1)
    for _ in range(3):
        await ctx.sync()
    assert not await is_decided(ctx, ctx.sync)
    return pull


async def test_a_check_run_that_turns_is_noticed(world: World) -> None:
    async with world(statuses=True) as ctx:
        pull = await at_rest_for_a_check(ctx)
        ctx.forge.create_check_run(ctx.repository(), pull.head_sha, NewCheckRun(name="docs", conclusion="success"))
        await ctx.settle()
        assert pull.merged


async def test_a_check_run_that_goes_away_after_a_long_rest_is_awaited_nevertheless(world: World) -> None:
    async with world(statuses=True) as ctx:
        pull = await at_rest_for_a_check(ctx)
        for _ in range(40):  # longer than it would be awaited if it had not been seen meanwhile
            ctx.clock.sandbox.forward(seconds=20)
            await ctx.sync()
        ctx.repository().check_runs.clear()
        for _ in range(3):
            await ctx.sync()
            assert await is_decided(ctx, ctx.sync), "it is awaited for a while only"
        assert not pull.merged
        ctx.clock.sandbox.forward(minutes=10)
        await ctx.settle()
        assert pull.merged


async def test_a_pool_whose_decision_would_change_with_the_time_does_not_rest(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump")
        await ctx.sync()
        await ctx.run_jobs()
        ctx.fault("status", method="PUT", times=1, status=405, body={"message": "Pull Request is not mergeable"})
        await ctx.sync()
        await ctx.sync()
        assert await is_decided(ctx, ctx.sync), "it is held for a while"
        ctx.clock.sandbox.forward(minutes=6)
        await ctx.settle()
        assert pull.merged


async def test_a_look_that_fails_is_made_up_for(world: World) -> None:
    async def lose_the_database() -> None:
        raise StoreError("away")

    async with world(statuses=True) as ctx:
        await at_rest(ctx)
        ctx.tamper("store", "seen_again", before=lose_the_database)
        with pytest.raises(StoreError):
            await ctx.sync_.look_again(MAIN)
        assert await is_decided(ctx, ctx.sync)


async def test_a_dry_run_rests_too(world: World) -> None:
    async with world(queue={}) as ctx:
        ctx.restart(is_dry_run=True)
        await ctx.open_pull("pump", labels=())
        for _ in range(3):
            ctx.clock.sandbox.forward(seconds=20)
            await ctx.sync_.round()
        assert not await is_decided(ctx, ctx.sync_.round)
