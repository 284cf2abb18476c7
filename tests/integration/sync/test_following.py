"""What has opted in is looked at in every round, past the search index, and read whole only where it has changed."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from tests.integration.sync.conftest import World
from tests.integration.sync.rules import put_rules, require_reviews
from tests.integration.sync.story import MAIN, ROCKET, Story
from tide.adapters.github.code_host import GitHub
from tide.adapters.github.pulls import PullReader
from tide.domain.errors import StoreError
from tide.domain.keys import PullKey
from tide.domain.pulls import MergeState, Pull, ReviewDecision
from tide.domain.rules import ContextPolicy
from tide.policy.contexts import unsuccessful
from tide.sandbox.evidence import NewCheckRun, NewStatus
from tide.sandbox.model import PullRequest, Repository
from tide.sandbox.protection import Rule
from tide.sync.following import FULL_SEARCH

# Nothing is started or merged, so that what happens is what the story says.
STILL: dict[str, Any] = {
    "jobs": {ROCKET: []},
    "queue": {"*": {"paused": True}},
    "tide": {"context_options": {"required-contexts": ["unit"], "optional-contexts": ["nice"]}},
    "expect_green": False,
}
POLICY = ContextPolicy(required=("unit",), optional=("nice",))


def report(ctx: Story, pull: PullRequest, state: Any = "success", name: str = "unit") -> None:
    ctx.forge.create_status(ctx.repository(), pull.head_sha, NewStatus(context=name, state=state))


def check(ctx: Story, pull: PullRequest, conclusion: Any = "success", name: str = "build") -> None:
    ctx.forge.create_check_run(ctx.repository(), pull.head_sha, NewCheckRun(name=name, conclusion=conclusion))


async def settle(ctx: Story) -> None:
    """Let what was opened be old news, and the search index show nothing more from now on."""
    for _ in range(15):
        await ctx.sync()
    ctx.sandbox.index.lag = timedelta(days=1)


async def follow_one(ctx: Story) -> None:
    """Have one that opted in followed from now on."""
    await ctx.open_pull("pump")
    ctx.clock.sandbox.forward(minutes=1)
    await ctx.sync()


async def mirrored(ctx: Story) -> dict[int, Pull]:
    return {pull.number: pull for pull in await ctx.store.pool_pulls(MAIN)}


async def truly(ctx: Story, pulls: Sequence[PullRequest]) -> dict[PullKey, Pull | None]:
    """Read them whole, by somebody who remembers nothing and of whom the sync hears nothing."""
    assert isinstance(ctx.host, GitHub)
    return await PullReader(ctx.host.graph).read_all(PullKey("acme", "rocket", pull.number) for pull in pulls)


def passes(pull: Pull | None) -> bool:
    """Whether it has opted in, and no context stands against merging it."""
    return bool(pull and pull.is_open and "lgtm" in pull.labels) and not unsuccessful(
        POLICY, pull.contexts if pull else ()
    )


async def out_of_reach() -> None:
    raise StoreError("the database is out of reach")


async def points_of_a_round(ctx: Story) -> int:
    assert isinstance(ctx.host, GitHub)
    before = ctx.host.calls.points
    await ctx.sync()
    return ctx.host.calls.points - before


async def test_a_removed_label_is_seen_in_the_next_round(world: World) -> None:
    async with world(**STILL) as ctx:
        pull = await ctx.open_pull("pump")
        report(ctx, pull)
        await settle(ctx)
        assert passes((await mirrored(ctx))[1])
        ctx.remove_label(pull, "lgtm")
        await ctx.sync()
        assert (await mirrored(ctx))[1].labels == ()


async def test_a_pushed_head_is_seen_in_the_next_round(world: World) -> None:
    async with world(**STILL) as ctx:
        pull = await ctx.open_pull("pump")
        report(ctx, pull)
        await settle(ctx)
        sha = await ctx.push("pump", valve="provides valve")
        await ctx.sync()
        seen = (await mirrored(ctx))[1]
        assert (seen.head_sha, seen.contexts) == (sha, ())


async def test_a_closed_pull_request_is_seen_in_the_next_round(world: World) -> None:
    async with world(**STILL) as ctx:
        pull = await ctx.open_pull("pump")
        await settle(ctx)
        ctx.forge.close_pull(ctx.repository(), pull)
        await ctx.sync()
        assert await mirrored(ctx) == {}


async def test_a_changed_base_is_seen_in_the_next_round(world: World) -> None:
    async with world(**STILL) as ctx:
        pull = await ctx.open_pull("pump")
        await settle(ctx)
        ctx.forge.retarget_pull(ctx.repository(), pull, "release")
        await ctx.sync()
        assert await mirrored(ctx) == {}


async def test_a_status_that_turned_red_is_seen_in_the_next_round(world: World) -> None:
    async with world(**STILL) as ctx:
        pull = await ctx.open_pull("pump")
        report(ctx, pull)
        await settle(ctx)
        report(ctx, pull, "failure")
        await ctx.sync()
        assert not passes((await mirrored(ctx))[1])
        report(ctx, pull)
        await ctx.sync()
        assert passes((await mirrored(ctx))[1])


@pytest.mark.parametrize("nice", ["success", "failure", "pending"])
async def test_a_check_run_that_turned_red_is_seen_in_the_next_round(world: World, nice: Any) -> None:
    async with world(**STILL) as ctx:
        pull = await ctx.open_pull("pump")
        report(ctx, pull)
        report(ctx, pull, nice, "nice")
        check(ctx, pull)
        await settle(ctx)
        assert passes((await mirrored(ctx))[1])
        check(ctx, pull, "failure", "scan")
        await ctx.sync()
        assert not passes((await mirrored(ctx))[1])


async def test_a_check_run_that_was_waited_for_is_seen_in_the_next_round(world: World) -> None:
    async with world(**STILL) as ctx:
        pull = await ctx.open_pull("pump")
        check(ctx, pull)
        await settle(ctx)
        assert not passes((await mirrored(ctx))[1])
        check(ctx, pull, "success", "unit")
        await ctx.sync()
        assert passes((await mirrored(ctx))[1])


async def test_a_round_with_nothing_new_costs_one_point(world: World) -> None:
    async with world(**STILL) as ctx:
        for name in ("pump", "valve", "pipe"):
            report(ctx, await ctx.open_pull(name))
        await settle(ctx)
        reads = ctx.tamper("code_host", "read_pulls")
        # A look at all that opted in, with what has changed and what blocks merging.
        assert await points_of_a_round(ctx) == 1
        assert reads.calls == 0


async def test_what_cannot_be_looked_at_is_read_whole(world: World) -> None:
    async with world(**STILL) as ctx:
        pull = await ctx.open_pull("pump")
        report(ctx, pull)
        await settle(ctx)

        ctx.fault("status", "/graphql", operation="Glance", status=502)
        ctx.remove_label(pull, "lgtm")
        await ctx.sync()
        assert (await mirrored(ctx))[1].labels == ()


async def test_an_issue_that_blocks_is_seen_in_the_next_round(world: World) -> None:
    async with world(**STILL) as ctx:
        await ctx.open_pull("pump")
        await settle(ctx)
        ctx.sandbox.index.lag = timedelta(0)
        searches = ctx.tamper("code_host", "search_blockers")
        ctx.forge.open_issue(ctx.repository(), title="Stop", labels=["merge-blocker"])
        await ctx.sync()
        assert [blocker.title for blocker in (await ctx.pool()).blockers] == ["Stop"]
        assert searches.calls == 0


async def test_issues_that_block_are_searched_for_where_they_cannot_be_had_along(world: World) -> None:
    async with world(**STILL) as ctx:
        await ctx.open_pull("pump")
        for number in range(101):
            ctx.forge.open_issue(ctx.repository(), title=f"Stop {number}", labels=["merge-blocker"])
        await settle(ctx)
        searches = ctx.tamper("code_host", "search_blockers")
        await ctx.sync()
        assert len((await ctx.pool()).blockers) == 101
        assert searches.calls == 1


async def test_everything_is_searched_for_when_the_last_full_search_is_old(world: World) -> None:
    async with world(**STILL) as ctx:
        await follow_one(ctx)
        searches = ctx.tamper("code_host", "search_pulls")
        await ctx.sync()
        assert searches.calls == 0
        ctx.clock.sandbox.now += FULL_SEARCH
        await ctx.sync()
        assert searches.calls == 2
        await ctx.sync()
        assert searches.calls == 2


async def test_what_has_changed_is_searched_for_where_it_cannot_be_had_along(world: World) -> None:
    async with world(**STILL) as ctx:
        await follow_one(ctx)
        ctx.fault("status", "/graphql", operation="Glance", status=502)
        late = await ctx.open_pull("valve")
        await ctx.sync()
        assert late.number in await mirrored(ctx)


async def test_what_was_read_and_could_not_be_kept_is_kept_in_the_next_round(world: World) -> None:
    async with world(**STILL) as ctx:
        await follow_one(ctx)
        late = await ctx.open_pull("valve")
        ctx.clock.sandbox.forward(minutes=1)
        ctx.tamper("store", "save_pulls", before=out_of_reach)
        with pytest.raises(StoreError):
            await ctx.sync()
        assert late.number not in await mirrored(ctx)
        await ctx.sync()
        assert late.number in await mirrored(ctx)


async def test_everything_is_searched_for_by_a_new_process_and_after_a_new_configuration(world: World) -> None:
    async with world(**STILL) as ctx:
        await ctx.open_pull("pump")
        await ctx.sync()
        ctx.restart()
        searches = ctx.tamper("code_host", "search_pulls")
        await ctx.sync()
        assert searches.calls == 2
        ctx.reload(tide={"queries": [{"orgs": ["acme"], "labels": ["lgtm"], "missingLabels": ["stop"]}]})
        await ctx.sync()
        assert searches.calls == 4


Event = Callable[[Story, Repository, PullRequest, Random], None]


def _relabel(ctx: Story, _: Repository, pull: PullRequest, __: Random) -> None:
    (ctx.remove_label if "lgtm" in pull.labels else ctx.add_label)(pull, "lgtm")


def _report(ctx: Story, _: Repository, pull: PullRequest, random: Random) -> None:
    report(
        ctx, pull, random.choice(["success", "success", "failure", "pending"]), random.choice(["unit", "nice", "lint"])
    )


def _check(ctx: Story, _: Repository, pull: PullRequest, random: Random) -> None:
    check(ctx, pull, random.choice(["success", "success", "failure", None]), random.choice(["unit", "nice", "scan"]))


def _end_checks(ctx: Story, repository: Repository, pull: PullRequest, _: Random) -> None:
    for run in repository.check_runs.get(pull.head_sha, ()):
        ctx.forge.update_check_run(repository, run, conclusion="success")


def _close_or_open(ctx: Story, repository: Repository, pull: PullRequest, _: Random) -> None:
    (ctx.forge.close_pull if pull.state == "open" else ctx.forge.reopen_pull)(repository, pull)


EVENTS: tuple[Event, ...] = (_relabel, _report, _report, _report, _check, _check, _end_checks, _close_or_open)


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_happens_is_seen_in_the_next_round(world: World, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - chance that can be played again
    async with world(**STILL) as ctx:
        pulls, met = [await ctx.open_pull(f"part{number}") for number in range(6)], set[bool]()
        for pull in pulls:
            report(ctx, pull)
        for _ in range(40):
            ctx.clock.sandbox.forward(seconds=random.choice([0, 30, 60]))
            for pull in random.sample(pulls, random.choice([0, 1, 2])):
                random.choice(EVENTS)(ctx, ctx.repository(), pull, random)
            await ctx.sync()
            truth = await truly(ctx, pulls)
            seen = await mirrored(ctx)
            for key, true in truth.items():
                assert passes(seen.get(key.number)) == passes(true), key
            met |= {passes(true) for true in truth.values()}
        assert met == {True, False}


async def test_rules_that_change_have_all_pull_requests_of_the_branch_read_anew(world: World) -> None:
    async with world(**STILL) as ctx:
        opted_in, outside = await ctx.open_pull("pump"), await ctx.open_pull("valve", labels=())
        await settle(ctx)
        require_reviews(ctx)
        await ctx.sync()
        for pull in (opted_in, outside):
            seen = (await mirrored(ctx))[pull.number]
            assert (seen.review_decision, seen.merge_state) == (ReviewDecision.REVIEW_REQUIRED, MergeState.BLOCKED)
        ctx.forge.protect_branch(ctx.repository(), "main", None)
        await ctx.sync()
        assert (await mirrored(ctx))[outside.number].review_decision is ReviewDecision.NONE


async def test_rules_that_are_found_to_have_changed_have_them_read_anew_in_the_next_turn(world: World) -> None:
    async with world(**STILL) as ctx:
        await ctx.open_pull("pump")
        outside = await ctx.open_pull("valve", labels=())
        await settle(ctx)
        await ctx.sync()
        # Of what it asks for, nothing is told of the pull request that has opted in.
        put_rules(ctx, Rule("required_linear_history"))
        ctx.forge.set_draft(ctx.repository(), outside, draft=True)
        ctx.clock.sandbox.forward(hours=1)
        await ctx.sync()
        assert MAIN in ctx.woken
        await ctx.sync()
        assert (await mirrored(ctx))[outside.number].is_draft


async def test_a_hint_at_rules_has_them_read_anew(world: World) -> None:
    async with world(**STILL) as ctx:
        await ctx.open_pull("pump")
        outside = await ctx.open_pull("valve", labels=())
        await settle(ctx)
        put_rules(ctx, Rule("required_linear_history"))
        ctx.forge.set_draft(ctx.repository(), outside, draft=True)
        await ctx.sync_.look_near([MAIN.repository])
        assert MAIN in ctx.woken
        for _ in range(2):
            await ctx.sync_.look_again(MAIN)
        assert (await mirrored(ctx))[outside.number].is_draft


async def test_at_rest_nothing_more_is_asked(world: World) -> None:
    async with world(**STILL) as ctx:
        require_reviews(ctx)
        await ctx.open_pull("pump")
        await ctx.open_pull("valve", labels=())
        await settle(ctx)
        assert [await points_of_a_round(ctx) for _ in range(3)] == [1, 1, 1]
