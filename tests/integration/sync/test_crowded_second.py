"""More pull requests of one second than a search can give, while they go on changing."""

from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import pytest

from tests.integration.sync.conftest import World
from tests.integration.sync.story import MAIN, Story
from tide.adapters.github.code_host import GitHub
from tide.adapters.github.search import CAP, Page
from tide.sandbox.model import PullRequest
from tide.sandbox.state import NewPull

CROWD = 1500


@dataclass
class Restless:
    """A reader of pull requests; whenever a page of a search was read, some pull requests change."""

    reader: Any
    ctx: Story
    changing: list[PullRequest]
    pages: int = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.reader, name)

    async def search_page(self, query: str, after: str | None, **options: Any) -> Page:
        page: Page = await self.reader.search_page(query, after, **options)
        self.pages += 1
        self.ctx.clock.sandbox.forward(seconds=1)
        for pull in islice(self.changing, self.pages, None, 20):
            self.ctx.add_label(pull, f"round-{self.pages}")
        return page


async def open_crowd(ctx: Story, number: int) -> list[PullRequest]:
    repository, head = ctx.repository(), await ctx.commit(ctx.head(), pump="provides pump")
    pulls = []
    for one in range(number):
        repository.git.set_ref_later(f"refs/heads/pump-{one}", head)
        ctx.forge.branch_moved(repository, f"pump-{one}", head, actor="alice")
        new = NewPull(title="Add pump", head_ref=f"pump-{one}", base_ref="main")
        pulls.append(ctx.forge.open_pull(repository, new, "alice"))
    return pulls


async def numbers_mirrored(ctx: Story) -> set[int]:
    return {pull.number for pull in await ctx.store.pool_pulls(MAIN)}


def become_restless(ctx: Story, pulls: list[PullRequest]) -> None:
    host = ctx.world.code_host
    assert isinstance(host, GitHub)
    reader: Any = Restless(host.pulls, ctx, pulls)
    ctx.world = ctx.sync_.world = replace(ctx.world, code_host=replace(host, pulls=reader))


@pytest.mark.parametrize("per_org", [False, True])
async def test_all_are_mirrored_in_the_first_round(world: World, *, per_org: bool) -> None:
    async with world(queue={}, per_org=per_org, jobs={"acme/rocket": ()}) as ctx:
        pulls = await open_crowd(ctx, CROWD)
        become_restless(ctx, pulls)
        await ctx.sync()
        assert ctx.sync_.errors == ()
        assert await numbers_mirrored(ctx) == {pull.number for pull in pulls}


async def test_what_changes_later_is_mirrored_also_where_all_of_them_do(world: World) -> None:
    async with world(queue={}, jobs={"acme/rocket": ()}) as ctx:
        pulls = await open_crowd(ctx, CAP + 10)
        await ctx.sync()
        ctx.clock.sandbox.forward(seconds=200)
        for pull in pulls[3:]:
            ctx.add_label(pull, "later")
        for pull in pulls[:3]:
            ctx.forge.close_pull(ctx.repository(), pull)
        become_restless(ctx, pulls[3:])
        await ctx.sync()
        assert ctx.sync_.errors == ()
        mirrored = {pull.number: pull for pull in await ctx.store.pool_pulls(MAIN)}
        assert mirrored.keys() == {pull.number for pull in pulls[3:]}
        assert all("later" in pull.labels for pull in mirrored.values())


async def test_how_many_are_missing_is_told_where_lists_cannot_be_read(world: World) -> None:
    async with world(queue={}, jobs={"acme/rocket": ()}) as ctx:
        await open_crowd(ctx, CAP + 10)
        ctx.fault("status", "/orgs/acme/repos", status=500)
        await ctx.sync()
        (error, *_) = ctx.sync_.errors
        assert error.startswith(f"10 of {CAP + 10} pull requests are missing: more than 1000 results")
        assert len(await numbers_mirrored(ctx)) == CAP
