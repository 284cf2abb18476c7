"""Approvals that a query asks for where the branch asks for none: the reviews themselves tell."""

from typing import Any

import pytest

from tests.integration.sync.conftest import World
from tests.integration.sync.rules import require_reviews
from tests.integration.sync.story import ROCKET, Story
from tide.sandbox.model import PullRequest

QUERY = {"orgs": ["acme"], "labels": ["lgtm"], "reviewApprovedRequired": True}
APPROVED: dict[str, Any] = {"tide": {"queries": [QUERY]}, "jobs": {ROCKET: []}}
LACKING = "Not mergeable. PullRequest is missing sufficient approving GitHub review(s)"


def review(ctx: Story, pull: PullRequest, author: str, state: Any) -> None:
    ctx.forge.submit_review(ctx.repository(), pull, author=author, state=state)


async def told(ctx: Story, pull: PullRequest) -> tuple[str, tuple[str, ...]]:
    verdict = await ctx.verdict(pull)
    return verdict.summary, verdict.unblock


async def test_one_that_is_approved_merges_where_the_branch_asks_for_no_review(world: World) -> None:
    async with world(**APPROVED) as ctx:
        pull = await ctx.open_pull("pump")
        await ctx.settle()
        assert await told(ctx, pull) == (LACKING, ("Get an approving review.",))
        review(ctx, pull, "bob", "APPROVED")
        await ctx.settle()
        assert pull.merged


async def test_the_last_word_of_each_reviewer_counts(world: World) -> None:
    async with world(**APPROVED) as ctx:
        pull = await ctx.open_pull("pump")
        review(ctx, pull, "bob", "APPROVED")
        review(ctx, pull, "carol", "CHANGES_REQUESTED")
        await ctx.settle()
        help_ = "Have those who requested changes approve, or dismiss their reviews."
        assert await told(ctx, pull) == (LACKING, (help_,))
        review(ctx, pull, "carol", "COMMENTED")
        await ctx.settle()
        assert not pull.merged, "a comment takes nothing back"
        review(ctx, pull, "carol", "APPROVED")
        await ctx.settle()
        assert pull.merged


async def test_an_approval_that_was_dismissed_is_none(world: World) -> None:
    async with world(**APPROVED) as ctx:
        pull = await ctx.open_pull("pump", labels=())
        review(ctx, pull, "bob", "APPROVED")
        await ctx.sync()
        ctx.forge.dismiss_review(ctx.repository(), pull, pull.reviews[0])
        ctx.add_label(pull, "lgtm")
        await ctx.settle()
        assert await told(ctx, pull) == (LACKING, ("Get an approving review.",))


async def test_the_word_of_one_who_may_not_write_does_not_count(world: World) -> None:
    async with world(**APPROVED) as ctx:
        ctx.forge.set_permission(ctx.repository(), "mallory", "read")
        pull = await ctx.open_pull("pump")
        review(ctx, pull, "mallory", "APPROVED")
        await ctx.settle()
        assert not pull.merged


async def test_where_the_branch_asks_for_more_that_is_what_counts(world: World) -> None:
    async with world(**APPROVED) as ctx:
        require_reviews(ctx, 2)
        pull = await ctx.open_pull("pump")
        review(ctx, pull, "bob", "APPROVED")
        await ctx.settle()
        assert not pull.merged
        review(ctx, pull, "carol", "APPROVED")
        await ctx.settle()
        assert pull.merged


@pytest.mark.parametrize("rounds", [1, 5])
async def test_an_approval_is_known_as_long_as_nothing_changes(world: World, rounds: int) -> None:
    async with world(**APPROVED, queue={"*": {"paused": True}}) as ctx:
        pull = await ctx.open_pull("pump")
        review(ctx, pull, "bob", "APPROVED")
        ctx.clock.sandbox.forward(minutes=1)
        for _ in range(rounds):
            await ctx.sync()
        review_asked = next(one for one in (await ctx.verdict(pull)).requirements if one.name == "review approved")
        assert review_asked.met


async def test_rules_that_ask_for_less_let_one_in_that_has_it_within_a_round(world: World) -> None:
    async with world(**APPROVED) as ctx:
        require_reviews(ctx, 2)
        pull = await ctx.open_pull("pump")
        review(ctx, pull, "bob", "APPROVED")
        for _ in range(8):
            await ctx.sync()
        assert not pull.merged
        ctx.forge.protect_branch(ctx.repository(), "main", None)
        await ctx.sync()
        assert pull.merged
