"""Troubles that end by themselves: what they held goes on without a push, and nobody else is kept waiting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.integration.sync.conftest import World
from tests.integration.sync.story import MAIN, Story
from tide.domain.errors import NotFound
from tide.domain.keys import PullKey, RepoKey
from tide.domain.pulls import Pull
from tide.domain.runs import RunState
from tide.ports.code_host import Followed, PartlyRead


@dataclass
class LaggingRefs:
    """Git on a server that does not show one head yet."""

    git: Any
    hidden: str

    def __getattr__(self, name: str) -> Any:
        return getattr(self.git, name)

    async def fetch(self, repo: RepoKey, wanted: Mapping[str, str]) -> None:
        if self.hidden in wanted:
            raise NotFound(f"{repo} does not have commit {self.hidden}")
        await self.git.fetch(repo, wanted)


@dataclass
class HiddenPull:
    """A code host that cannot read one pull request."""

    host: Any
    hidden: int

    def __getattr__(self, name: str) -> Any:
        return getattr(self.host, name)

    async def read_pulls(self, keys: Sequence[PullKey]) -> dict[PullKey, Pull | None]:
        found: dict[PullKey, Pull | None] = await self.host.read_pulls(keys)
        shown, lost = self._divided(found)
        if lost:
            raise PartlyRead(shown, lost)
        return found

    async def follow_pulls(self, keys: Sequence[PullKey], **how: Any) -> Followed:
        followed: Followed = await self.host.follow_pulls(keys, **how)
        shown, lost = self._divided(followed.pulls)
        return replace(followed, pulls=shown, lost=lost)

    def _divided(self, found: Mapping[PullKey, Pull | None]) -> tuple[dict[PullKey, Pull | None], dict[PullKey, str]]:
        lost = {key: "something went wrong" for key in found if key.number == self.hidden}
        return {key: pull for key, pull in found.items() if key not in lost}, lost


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


async def test_a_pull_request_that_cannot_be_read_is_held_alone_until_it_can(world: World) -> None:
    async with world() as ctx:
        broken, good = await ctx.open_pull("pump"), await ctx.open_pull("valve")
        await ctx.sync()
        await ctx.ci.finish()
        host = HiddenPull(ctx.world.code_host, broken.number)
        ctx.world = replace(ctx.world, code_host=host)
        ctx.sync_.world = ctx.world
        await ctx.sync_.look_again(MAIN)
        assert [broken.merged, good.merged] == [False, True]
        assert "something went wrong" in (await ctx.verdict(broken)).summary
        host.hidden = 0
        await ctx.settle()
        assert broken.merged


async def test_a_failed_retest_that_is_asked_for_again_is_started_once_more(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump")
        await ctx.sync()
        await ctx.ci.finish()
        await ctx.push("main", moved="provides moved")
        await ctx.sync()
        await ctx.ci.finish(state=RunState.FAILURE)
        await ctx.settle()
        assert not pull.merged
        assert (await ctx.retest(pull)).new == ("unit",)
        await ctx.settle()
        assert pull.merged
