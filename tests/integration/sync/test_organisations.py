"""Each organisation has a token of its own: what is searched for, and what one that is out of reach harms."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.integration.sync.conftest import World
from tests.integration.sync.story import MAIN, PROW_CONFIG, ROCKET, Story, job
from tide.domain.errors import RemoteError, Unauthorized, Unavailable
from tide.domain.intents import Intent, IntentKind
from tide.domain.keys import HeadKey, PoolKey, PullKey
from tide.domain.pulls import Pull
from tide.ports.code_host import NO_SEARCHES, BlockerIssue, Followed, Found, PartlyRead, Searches
from tide.sync.following import FULL_SEARCH

ORBIT = "umbrella/orbit"
ORBIT_MAIN = PoolKey("umbrella", "orbit", "main")
JOBS = {ROCKET: [job()], ORBIT: [job()]}
QUERY = PROW_CONFIG["tide"]["queries"][0]
BOTH = {"queries": [QUERY | {"orgs": ["acme", "umbrella"]}]}
ONLY_UMBRELLA = {"queries": [QUERY | {"orgs": ["umbrella"]}]}
REFUSAL = Unauthorized("the App cannot speak for acme: it has been suspended")
SCOPE = re.compile(r'org:"(\w+)"')


@dataclass
class Orgs:
    """A code host that notes for whom it is asked, and lets nobody into the organisations in `refused`."""

    host: Any
    refused: dict[str, RemoteError] = field(default_factory=dict)
    searches: list[tuple[str, str, set[str]]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.host, name)

    def _ask(self, kind: str, query: str, org: str) -> None:
        self.searches.append((kind, org, set(SCOPE.findall(query))))
        if org in self.refused:
            raise self.refused[org]

    async def search_pulls(self, query: str, *, org: str = "") -> Found:
        self._ask("pulls", query, org)
        found: Found = await self.host.search_pulls(query)
        return found

    async def search_blockers(self, query: str, *, org: str = "") -> tuple[BlockerIssue, ...]:
        self._ask("blockers", query, org)
        found: tuple[BlockerIssue, ...] = await self.host.search_blockers(query)
        return found

    async def follow_pulls(
        self,
        keys: Sequence[PullKey],
        *,
        watched: Collection[PullKey] = (),
        along: Searches = NO_SEARCHES,
        org: str = "",
    ) -> Followed:
        for kind, query in (("pulls", along.changes), ("blockers", along.blockers)):
            if query:
                self.searches.append((kind, org, set(SCOPE.findall(query))))
        if org in self.refused:
            return Followed({}, {key: str(self.refused[org]) for key in keys})
        lost = {key: str(self.refused[key.org]) for key in keys if key.org in self.refused}
        near = [key for key in keys if key not in lost]
        found: Followed = await self.host.follow_pulls(near, watched=watched, along=along)
        return replace(found, lost={**found.lost, **lost})

    async def branch_head(self, pool: PoolKey) -> str:
        if pool.org in self.refused:
            raise self.refused[pool.org]
        head: str = await self.host.branch_head(pool)
        return head

    async def read_pulls(self, keys: Sequence[PullKey]) -> dict[PullKey, Pull | None]:
        lost = {key: str(self.refused[key.org]) for key in keys if key.org in self.refused}
        near = [key for key in keys if key not in lost]
        if lost and not near:
            raise self.refused[next(iter(lost)).org]
        found: dict[PullKey, Pull | None] = await self.host.read_pulls(near)
        if lost:
            raise PartlyRead(found, lost)
        return found


@asynccontextmanager
async def two_orgs(world: World, **changes: Any) -> AsyncIterator[tuple[Story, Orgs]]:
    """Begin a story in two organisations, with tokens of their own."""
    async with world(**{"jobs": JOBS, "tide": BOTH, "per_org": True, **changes}) as ctx:
        orgs = Orgs(ctx.world.code_host)
        ctx.world = replace(ctx.world, code_host=orgs)
        ctx.sync_.world = ctx.world
        if ctx.sync_.statuses:
            ctx.sync_.statuses.world = ctx.world
        yield ctx, orgs


async def test_every_search_is_limited_to_the_organisation_whose_token_is_shown(world: World) -> None:
    async with two_orgs(world) as (ctx, orgs):
        await ctx.sync()
        await ctx.sync()
        assert {(kind, org) for kind, org, _ in orgs.searches} == {
            (kind, org) for kind in ("pulls", "blockers") for org in ("acme", "umbrella")
        }
        assert all(scope == {org} for _, org, scope in orgs.searches)


async def test_the_searches_of_each_organisation_are_counted_by_it(world: World) -> None:
    async with two_orgs(world) as (ctx, orgs):
        await ctx.sync()
        orgs.refused["acme"] = REFUSAL
        ctx.clock.sandbox.forward(seconds=FULL_SEARCH.total_seconds())
        await ctx.sync()
        first, later = ctx.witness.queries[:2], ctx.witness.queries[2:]
        assert {(org, result) for _, org, result in first} == {("acme", "success"), ("umbrella", "success")}
        assert {(org, result) for _, org, result in later} == {("acme", "error"), ("umbrella", "success")}


async def test_one_token_for_all_needs_no_more_searches_than_queries(world: World) -> None:
    async with two_orgs(world, per_org=False) as (ctx, orgs):
        await ctx.sync()
        assert sorted(kind for kind, _, _ in orgs.searches) == ["blockers", "pulls"]
        assert all((org, scope) == ("", {"acme", "umbrella"}) for _, org, scope in orgs.searches)


async def test_an_organisation_out_of_reach_is_held_with_its_reason_and_the_other_one_merges(world: World) -> None:
    async with two_orgs(world, statuses=True) as (ctx, orgs):
        held, good = await ctx.open_pull("pump"), await ctx.open_pull("moon", repo=ORBIT)
        await ctx.sync()
        await ctx.run_jobs()
        orgs.refused["acme"] = REFUSAL
        await ctx.settle()
        assert [held.merged, good.merged] == [False, True]
        assert "so nothing may merge: the App cannot speak for acme" in (await ctx.pool()).error
        assert {pool for pool, _ in ctx.witness.failures} == {MAIN}
        assert [error for error in ctx.sync_.errors if "acme" not in error] == []
        late = await ctx.open_pull("tank", repo=ORBIT)
        await ctx.settle()
        assert late.merged
        del orgs.refused["acme"]
        await ctx.settle()
        assert held.merged


ANY_CASE = {
    "tide": {"queries": [QUERY | {"orgs": ["ACME"]}, QUERY | {"orgs": [], "repos": ["Umbrella/Orbit"]}]},
    "jobs": {"Acme/rocket": [job()], "umbrella/ORBIT": [job()]},
    "queue": {"acme/Rocket": {"trigger": True}, "UMBRELLA": {"trigger": True}},
}


@pytest.mark.parametrize("per_org", [False, True])
async def test_what_is_written_in_another_case_than_github_s_merges(world: World, per_org: bool) -> None:  # noqa: FBT001 - a table
    async with two_orgs(world, per_org=per_org, **ANY_CASE) as (ctx, orgs):
        pulls = [await ctx.open_pull("pump"), await ctx.open_pull("moon", repo=ORBIT)]
        await ctx.settle()
        assert [pull.merged for pull in pulls] == [True, True]
        # What opted in is followed from then on, not searched for again.
        late = await ctx.open_pull("tank")
        await ctx.settle()
        assert late.merged
        orgs.refused["ACME"] = REFUSAL
        blocked = await ctx.open_pull("fin")
        await ctx.settle()
        assert blocked.merged is not per_org


async def test_an_organisation_that_comes_back_is_walked_through_from_where_it_was_left(world: World) -> None:
    async with two_orgs(world) as (ctx, orgs):
        orgs.refused["acme"] = REFUSAL
        await ctx.open_pull("pump", labels=())
        await ctx.open_pull("moon", labels=(), repo=ORBIT)
        await ctx.sync()
        assert [pull.key.org for pull in await ctx.store.open_pulls()] == ["umbrella"]
        orgs.refused.clear()
        orgs.searches.clear()
        await ctx.sync()
        assert [pull.key.org for pull in await ctx.store.open_pulls()] == ["acme", "umbrella"]


@pytest.mark.parametrize("per_org", [False, True])
async def test_what_is_covered_again_is_read_although_nothing_has_changed(world: World, per_org: bool) -> None:  # noqa: FBT001 - a table
    async with two_orgs(world, per_org=per_org) as (ctx, _orgs):
        await ctx.open_pull("pump", labels=())
        ctx.clock.sandbox.forward(hours=1)
        await ctx.sync()
        ctx.reload(tide=ONLY_UMBRELLA)
        await ctx.sync()
        assert await ctx.store.open_pulls() == ()
        ctx.reload(tide=BOTH)
        await ctx.sync()
        assert [pull.key.number for pull in await ctx.store.open_pulls()] == [1]


async def test_what_is_covered_again_is_read_also_when_no_walk_has_ended_meanwhile(world: World) -> None:
    async with two_orgs(world, per_org=False) as (ctx, orgs):
        await ctx.open_pull("pump", labels=())
        ctx.clock.sandbox.forward(hours=1)
        await ctx.sync()
        ctx.reload(tide=ONLY_UMBRELLA)
        orgs.refused[""] = REFUSAL
        await ctx.sync()
        assert await ctx.store.open_pulls() == ()
        orgs.refused.clear()
        ctx.reload(tide=BOTH)
        await ctx.sync()
        assert [pull.key.number for pull in await ctx.store.open_pulls()] == [1]


async def test_a_look_at_a_pool_asks_for_the_blockers_of_its_organisation_alone(world: World) -> None:
    async with two_orgs(world) as (ctx, orgs):
        await ctx.open_pull("pump")
        ctx.clock.sandbox.forward(minutes=1)
        await ctx.sync()
        orgs.searches.clear()
        await ctx.sync_.look_again(MAIN)
        assert orgs.searches == [("blockers", "acme", {"acme"})]


async def test_a_look_merges_while_another_organisation_is_out_of_reach(world: World) -> None:
    async with two_orgs(world) as (ctx, orgs):
        pull = await ctx.open_pull("moon", repo=ORBIT)
        await ctx.sync()
        await ctx.run_jobs()
        orgs.refused["acme"] = REFUSAL
        await ctx.sync_.look_again(ORBIT_MAIN)
        assert pull.merged


@pytest.mark.parametrize("error", [REFUSAL, Unavailable("GitHub is out of reach")])
async def test_hints_about_one_out_of_reach_do_not_keep_the_others_from_being_followed(
    world: World, error: RemoteError
) -> None:
    async with two_orgs(world) as (ctx, orgs):
        await ctx.open_pull("pump")
        await ctx.open_pull("moon", repo=ORBIT)
        await ctx.sync()
        orgs.refused["acme"] = error
        ctx.woken.clear()
        await ctx.sync_.look_near([PullKey("acme", "rocket", 1), PullKey("umbrella", "orbit", 1)])
        assert ctx.woken == [MAIN, ORBIT_MAIN]


async def test_a_hint_about_one_that_is_refused_wakes_its_pool_which_tells_why(world: World) -> None:
    async with two_orgs(world) as (ctx, orgs):
        pull = await ctx.open_pull("moon", repo=ORBIT)
        await ctx.open_pull("pump")
        await ctx.sync()
        orgs.refused["acme"] = REFUSAL
        ctx.woken.clear()
        await ctx.sync_.look_near([PullKey("acme", "rocket", 1), HeadKey("umbrella", "orbit", pull.head_sha)])
        assert ctx.woken == [MAIN, ORBIT_MAIN]
        await ctx.sync_.look_again(MAIN)
        assert "cannot speak for acme" in (await ctx.pool()).error


async def test_what_was_begun_where_nobody_can_look_lets_the_rest_be_settled(world: World) -> None:
    async with two_orgs(world) as (ctx, orgs):
        await ctx.sync()
        detail = json.dumps({"base_sha": ctx.head(), "contexts": [], "steps": []})
        for pool in (MAIN, ORBIT_MAIN):
            intent = Intent(IntentKind.MERGE, pool, "#1", detail, ctx.clock.now(), ctx.lead().token)
            await ctx.store.begin(intent)
        orgs.refused["acme"] = REFUSAL
        await ctx.sync()
        assert [intent.pool for intent in await ctx.store.open_intents()] == [MAIN]
        assert f"{MAIN}: {REFUSAL}" in ctx.sync_.errors


async def test_a_look_at_one_organisation_does_not_wait_for_what_is_slow_in_another(world: World) -> None:
    async with two_orgs(world) as (ctx, _orgs):
        await ctx.open_pull("pump")
        await ctx.open_pull("moon", repo=ORBIT)
        await ctx.sync()
        begun, gate = asyncio.Event(), asyncio.Event()

        async def hang() -> None:
            begun.set()
            await gate.wait()

        ctx.tamper("code_host", "follow_pulls", before=hang)
        held_up = asyncio.create_task(ctx.sync_.look_again(MAIN))
        await begun.wait()
        seen = len(ctx.witness.decisions)
        async with asyncio.timeout(60):
            await ctx.sync_.look_again(ORBIT_MAIN)
        assert [decision.pool for decision in ctx.witness.decisions[seen:]] == [ORBIT_MAIN]
        assert not held_up.done()
        gate.set()
        await held_up
        assert [decision.pool for decision in ctx.witness.decisions[seen:]] == [ORBIT_MAIN, MAIN]
