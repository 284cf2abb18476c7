"""What is searched for in a round, and what is taken from the mirror."""

from tests.integration.sync.conftest import World
from tests.integration.sync.story import MAIN
from tide.domain.errors import Unavailable


async def break_down() -> None:
    raise Unavailable("GitHub is out of reach")


async def test_the_first_walk_finds_what_opted_in_too(world: World) -> None:
    async with world() as ctx:
        await ctx.open_pull("pump")
        await ctx.open_pull("valve", labels=())
        searches = ctx.tamper("code_host", "search_pulls")
        await ctx.sync()
        assert searches.calls == 1
        assert len(ctx.runs(1)) == 1
        assert [pull.number for pull in await ctx.store.pool_pulls(MAIN)] == [1, 2]


async def test_later_rounds_search_for_changes_only(world: World) -> None:
    async with world() as ctx:
        await ctx.open_pull("pump")
        await ctx.sync()
        searches = ctx.tamper("code_host", "search_pulls")
        await ctx.open_pull("valve", labels=())
        await ctx.sync()
        assert searches.calls == 0  # the search goes along with the look at the first one
        assert [pull.number for pull in await ctx.store.pool_pulls(MAIN)] == [1, 2]


async def test_what_opted_in_is_searched_for_when_the_first_walk_breaks_off(world: World) -> None:
    async with world() as ctx:
        await ctx.open_pull("pump")
        searches = ctx.tamper("code_host", "search_pulls", before=break_down)
        await ctx.sync()
        assert searches.calls == 2
        assert len(ctx.runs(1)) == 1
        assert "out of reach" in ctx.sync_.errors[0]
        await ctx.sync()  # walks once more from the beginning
        assert searches.calls == 3


async def test_pull_requests_of_repositories_that_are_not_covered_any_more_leave_the_mirror(world: World) -> None:
    async with world() as ctx:
        await ctx.open_pull("pump")
        await ctx.sync()
        ctx.reload(tide={"queries": [{"repos": ["acme/engine"], "labels": ["lgtm"]}]})
        await ctx.sync()
        assert await ctx.store.open_pulls() == ()
        assert await ctx.views.pools() == ()


async def test_a_pull_request_that_two_queries_find_is_one(world: World) -> None:
    queries = [{"orgs": ["acme"], "labels": [label]} for label in ("lgtm", "approved")]
    async with world(tide={"queries": queries}) as ctx:
        await ctx.sync()
        pull = await ctx.open_pull("pump", labels=("approved", "lgtm"))
        await ctx.sync()
        assert len(ctx.runs(pull.number)) == 1
        (decision,) = ctx.witness.decisions
        assert [verdict.pull.number for verdict in decision.verdicts] == [pull.number]
        await ctx.settle()
        assert ctx.merges(pull) == 1
