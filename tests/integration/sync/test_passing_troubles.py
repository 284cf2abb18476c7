"""Troubles that end by themselves: what they held goes on without a push, and nobody else is kept waiting."""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.integration.sync.conftest import World
from tests.integration.sync.story import Story
from tide.domain.errors import NotFound
from tide.domain.keys import RepoKey


@dataclass
class LaggingRefs:
    """Git on a server that does not show one head yet."""

    git: Any
    hidden: str

    def __getattr__(self, name: str) -> Any:
        return getattr(self.git, name)

    def fetch(self, repo: RepoKey, wanted: Mapping[str, str]) -> Awaitable[None]:
        if self.hidden in wanted:
            raise NotFound(f"{repo} does not have commit {self.hidden}")
        fetched: Awaitable[None] = self.git.fetch(repo, wanted)
        return fetched


def let_refs_lag(ctx: Story, hidden: str) -> LaggingRefs:
    refs = LaggingRefs(ctx.world.git, hidden)
    ctx.world = replace(ctx.world, git=refs)
    ctx.sync_.world = ctx.world
    return refs


async def test_a_head_that_is_not_there_yet_is_tested_when_it_is(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump")
        refs = let_refs_lag(ctx, pull.head_sha)
        await ctx.settle()
        assert ctx.ci.all == ()
        assert "cannot be fetched" in (await ctx.verdict(pull)).summary
        refs.hidden = ""
        ctx.clock.sandbox.forward(minutes=6)
        await ctx.settle()
        assert pull.merged
