"""What a hint from outside sets in motion: where to look, while everything is read anew."""

import pytest

from tests.builders import sha
from tests.integration.sync.conftest import World
from tests.integration.sync.story import MAIN, Story
from tide.domain.errors import Unavailable
from tide.domain.keys import HeadKey, Hint, PoolKey, PullKey, RepoKey

RELEASE = PoolKey("acme", "rocket", "release")
ROCKET = RepoKey("acme", "rocket")


def pull_key(number: int) -> PullKey:
    return PullKey("acme", "rocket", number)


def head_key(head: str) -> HeadKey:
    return HeadKey("acme", "rocket", head)


async def break_down() -> None:
    raise Unavailable("GitHub is out of reach")


async def woken_by(ctx: Story, *hints: Hint) -> list[PoolKey]:
    """Follow hints; give the pools that they wake."""
    ctx.woken.clear()
    ctx.clock.sandbox.forward(seconds=1)
    await ctx.sync_.look_near(hints)
    return list(ctx.woken)


async def test_a_new_pull_request_is_read_and_tested_without_a_search(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump")
        searches = ctx.tamper("code_host", "search_pulls")
        assert await woken_by(ctx, pull_key(pull.number)) == [MAIN]
        await ctx.sync_.look_again(MAIN)
        assert len(ctx.runs(pull.number)) == 1
        assert searches.calls == 0


async def test_a_label_is_noticed_where_a_pool_had_no_use_for_the_pull_request(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump", labels=())
        await ctx.sync()
        ctx.add_label(pull, "lgtm")
        assert await woken_by(ctx, pull_key(pull.number)) == [MAIN]
        await ctx.sync_.look_again(MAIN)
        assert len(ctx.runs(pull.number)) == 1


async def test_a_retargeted_pull_request_wakes_the_pool_that_it_left_and_the_one_it_came_to(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump")
        await ctx.sync()
        ctx.forge.retarget_pull(ctx.repository(), pull, "release", "alice")
        assert await woken_by(ctx, pull_key(pull.number)) == [MAIN, RELEASE]
        assert [one.base_branch for one in await ctx.store.open_pulls()] == ["release"]


async def test_a_closed_pull_request_wakes_the_pool_that_it_was_in(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump")
        await ctx.sync()
        ctx.forge.close_pull(ctx.repository(), pull)
        assert await woken_by(ctx, pull_key(pull.number)) == [MAIN]
        assert await ctx.store.open_pulls() == ()
        assert await woken_by(ctx, pull_key(pull.number)) == []


async def test_several_pull_requests_are_read_at_once(world: World) -> None:
    async with world() as ctx:
        pulls = [await ctx.open_pull(name) for name in ("pump", "valve", "hose")]
        reads = ctx.tamper("code_host", "read_pulls")
        assert await woken_by(ctx, *(pull_key(pull.number) for pull in pulls)) == [MAIN]
        assert reads.calls == 1


async def test_what_is_hinted_at_and_is_not_there_is_forgotten(world: World) -> None:
    async with world() as ctx:
        assert await woken_by(ctx, pull_key(404), head_key(sha("unknown")), RELEASE, ROCKET) == []


async def test_a_report_wakes_the_pool_where_its_head_may_merge(world: World) -> None:
    async with world() as ctx:
        wanted, other = await ctx.open_pull("pump"), await ctx.open_pull("valve", labels=(), base="release")
        await ctx.sync()
        assert await woken_by(ctx, head_key(wanted.head_sha)) == [MAIN]
        assert await woken_by(ctx, head_key(other.head_sha)) == []


async def test_a_new_heads_first_report_may_come_together_with_the_head(world: World) -> None:
    async with world() as ctx:
        await ctx.open_pull("pump")
        await ctx.sync()
        head = await ctx.push("pump", pump="provides pump")
        assert await woken_by(ctx, head_key(head)) == []
        assert await woken_by(ctx, head_key(head), pull_key(1)) == [MAIN]


async def test_a_push_wakes_the_pool_of_its_branch_if_anything_may_merge_there(world: World) -> None:
    async with world() as ctx:
        await ctx.open_pull("pump")
        await ctx.open_pull("valve", labels=(), base="release")
        await ctx.sync()
        assert await woken_by(ctx, MAIN) == [MAIN]
        assert await woken_by(ctx, RELEASE) == []
        assert await woken_by(ctx, PoolKey("acme", "rocket", "pump")) == []


async def test_an_issue_wakes_every_pool_of_its_repository(world: World) -> None:
    async with world() as ctx:
        await ctx.open_pull("pump")
        await ctx.open_pull("valve", base="release")
        await ctx.sync()
        assert await woken_by(ctx, ROCKET) == [MAIN, RELEASE]
        assert await woken_by(ctx, RepoKey("acme", "orbit")) == []


async def test_what_no_query_covers_is_left_alone(world: World) -> None:
    async with world() as ctx:
        reads = ctx.tamper("code_host", "read_pulls")
        stranger = RepoKey("stranger", "rocket")
        hints: list[Hint] = [
            stranger,
            PoolKey("stranger", "rocket", "main"),
            PullKey("stranger", "rocket", 1),
            HeadKey("stranger", "rocket", sha(1)),
        ]
        assert await woken_by(ctx, *hints) == []
        assert reads.calls == 0


async def test_a_dry_run_follows_hints_too_and_changes_nothing(world: World) -> None:
    async with world() as ctx:
        ctx.restart(is_dry_run=True)
        pull = await ctx.open_pull("pump")
        assert await woken_by(ctx, pull_key(pull.number)) == [MAIN]
        await ctx.sync_.look_again(MAIN)
        assert (await ctx.verdict(pull)).summary
        assert ctx.ci.all == ()


async def test_pull_requests_that_cannot_be_read_are_left_to_the_next_round(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump")
        ctx.tamper("code_host", "read_pulls", before=break_down)
        with pytest.raises(Unavailable):
            await woken_by(ctx, pull_key(pull.number))
        assert ctx.woken == []
        await ctx.settle()
        assert pull.merged
