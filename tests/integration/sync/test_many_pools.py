"""Many pools at once, and pools that come and go: one bound for whatever asks, and nothing left of those that went."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.integration.sync.conftest import World
from tests.integration.sync.story import MAIN, ROCKET, Story
from tide.domain.keys import Hint, PoolKey, PullKey
from tide.sandbox.state import NewPull

pytestmark = pytest.mark.on_postgres

MANY = 40


@dataclass
class Counted:
    """A port of which the calls of one method are counted as long as they last."""

    port: Any
    method: str
    at_once: int = 0
    most_at_once: int = 0
    calls: list[Any] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.port, name)
        return self._counted(found) if name == self.method else found

    def _counted(self, method: Any) -> Any:
        async def call(*arguments: Any, **options: Any) -> Any:
            self.calls.append(arguments)
            self.at_once += 1
            self.most_at_once = max(self.at_once, self.most_at_once)
            try:
                return await method(*arguments, **options)
            finally:
                self.at_once -= 1

        return call


def count(ctx: Story, port: str, method: str) -> Counted:
    counted = Counted(getattr(ctx.world, port), method)
    changed: dict[str, Any] = {port: counted}
    ctx.world = ctx.sync_.world = type(ctx.world)(
        **{name: getattr(ctx.world, name) for name in ctx.world.__slots__} | changed
    )
    return counted


async def open_pools(ctx: Story, number: int) -> Sequence[PoolKey]:
    """Open one pull request each for so many branches."""
    repository, head = ctx.repository(), await ctx.commit(ctx.head(), pump="provides pump")
    await ctx.forge.write_branch(repository, "pump", head, actor="alice")
    for one in range(number):
        await ctx.forge.write_branch(repository, f"base-{one}", ctx.head(), actor="alice")
        new = NewPull(title="Add pump", head_ref="pump", base_ref=f"base-{one}", labels=("lgtm",))
        ctx.forge.open_pull(repository, new, "alice")
    return [PoolKey(MAIN.org, MAIN.repo, f"base-{one}") for one in range(number)]


@pytest.mark.parametrize("bound", [1, 4])
async def test_no_more_pools_than_configured_are_looked_at_at_once_whatever_asks(world: World, bound: int) -> None:
    async with world(queue={}) as ctx:
        pools = await open_pools(ctx, MANY)
        ctx.sync_.concurrency = bound
        turns = count(ctx, "store", "pool_pulls")
        await ctx.sync()
        assert min(bound, 2) <= turns.most_at_once <= bound
        hints: list[Hint] = [PullKey(MAIN.org, MAIN.repo, number) for number in ctx.repository().pulls]
        await ctx.sync_.look_near(hints)
        assert sorted(ctx.woken) == sorted(pools)
        # The looks, and a round beside them.
        await asyncio.gather(ctx.sync_.round(), *map(ctx.sync_.look_again, pools))
        assert min(bound, 2) <= turns.most_at_once <= bound


async def test_pools_that_are_hinted_at_together_are_read_together(world: World) -> None:
    async with world(queue={}) as ctx:
        pools = await open_pools(ctx, MANY)
        await ctx.sync()
        looks = count(ctx, "code_host", "follow_pulls")
        await asyncio.gather(*map(ctx.sync_.look_again, pools))
        assert len(looks.calls) == 1


async def test_a_landing_keeps_no_other_pool_from_the_next_round(world: World) -> None:
    async with world() as ctx:
        await ctx.open_pull("pump")
        await ctx.open_pull("valve", base="release")
        await ctx.sync()
        await ctx.run_jobs()
        landing, go_on = asyncio.Event(), asyncio.Event()

        async def take_long() -> None:
            landing.set()
            await go_on.wait()

        ctx.tamper("code_host", "merge", before=take_long)
        look = asyncio.create_task(ctx.sync_.look_again(MAIN))
        await landing.wait()
        ctx.woken.clear()
        seen = len(ctx.witness.decisions)
        await ctx.sync_.round()
        assert {decision.pool.branch for decision in ctx.witness.decisions[seen:]} == {"release"}
        assert MAIN in ctx.woken
        go_on.set()
        await look


async def test_nothing_is_remembered_of_pools_that_have_vanished(world: World) -> None:
    async with world(statuses=True) as ctx:
        await open_pools(ctx, 4)
        await ctx.sync()
        await ctx.run_jobs()
        ctx.fault("status", method="PUT", status=405, body={"message": "Pull Request is not mergeable"})
        for _ in range(3):  # is refused, and held from then on
            await ctx.sync()
        kept = {name.partition("[")[0] for name in remembered(ctx)}
        assert kept >= {"git", "sync._holds._holds", "sync._settings._repos", "sync._settled", "sync.statuses._heads"}
        for pull in ctx.repository().pulls.values():
            ctx.forge.close_pull(ctx.repository(), pull)
        await ctx.sync()
        assert remembered(ctx) == []


def remembered(ctx: Story) -> list[str]:
    """Name every place in what a sync holds that still knows one of the pools or their repository."""
    found: list[str] = []
    keys = (ROCKET.partition("/")[2], "base-")

    def walk(value: Any, place: str, depth: int) -> None:
        if isinstance(value, dict):
            found.extend(f"{place}[{key}]" for key in value if any(one in str(key) for one in keys))
            for part in value.values():
                walk(part, place, depth + 1)
        elif hasattr(value, "__slots__") and depth < 6 and type(value).__module__.startswith("tide.sync"):
            for name in value.__slots__:
                if name not in {"world", "config", "lease"}:
                    walk(getattr(value, name), f"{place}.{name}", depth + 1)

    walk(ctx.sync_, "sync", 0)
    walk(ctx.git._copies, "git", 0)
    return found
