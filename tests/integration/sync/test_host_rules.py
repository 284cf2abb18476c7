"""GitHub's own rules: told as the reason before a merge is asked for, and read anew when GitHub refuses one."""

from datetime import timedelta
from typing import Any

import pytest

from tests.integration.sync.conftest import World
from tests.integration.sync.rules import put_rules, require_checks, require_reviews
from tests.integration.sync.story import ROCKET, UNIT, Story, job
from tests.integration.sync.test_landing import passing, passing_batch
from tide.sandbox.evidence import NewStatus
from tide.sandbox.model import PullRequest
from tide.sandbox.protection import (
    BranchProtection,
    BypassActor,
    Rule,
)

QUEUE = Rule("merge_queue")
STRICT = Rule("required_status_checks", {"strict_required_status_checks_policy": True, "required_status_checks": []})
MERGES = r"/pulls/\d+/merge$"


def asked(ctx: Story) -> int:
    """Count from now on how often a merge is asked for; give the number of the rule that counts."""
    return ctx.fault("status", MERGES, method="PUT", status=418, nth=(1000,))


def times(ctx: Story, rule: int) -> int:
    return int(next(one for one in ctx.sandbox.faults.listed() if one["id"] == rule)["seen"])


async def summary(ctx: Story, pull: PullRequest) -> str:
    return (await ctx.verdict(pull)).summary


async def test_a_branch_that_only_a_merge_queue_may_change_is_never_tried(world: World) -> None:
    async with world(statuses=True) as ctx:
        put_rules(ctx, QUEUE)
        rule, pull = asked(ctx), await passing(ctx)
        await ctx.settle()
        assert await summary(ctx, pull) == "Not mergeable. Only GitHub's own merge queue may merge into main."
        status = ctx.repository().latest_statuses(pull.head_sha)
        assert ("tide", "error") in [(one.context, one.state) for one in status]
        ctx.clock.sandbox.forward(hours=3)
        await ctx.settle()
        assert times(ctx, rule) == 0
        ctx.forge.delete_ruleset(ctx.repository(), 1)
        ctx.clock.sandbox.forward(hours=1)
        await ctx.settle()
        assert pull.merged


async def test_rules_that_we_may_bypass_are_not_asked_after(world: World) -> None:
    async with world() as ctx:
        put_rules(ctx, QUEUE, bypass=(BypassActor("User", login="merge-bot"),))
        pull = await passing(ctx)
        await ctx.settle()
        assert pull.merged


async def test_a_pull_request_without_the_reviews_that_github_requires_is_told_so_and_not_tried(world: World) -> None:
    async with world() as ctx:
        require_reviews(ctx, enforce_admins=True)
        rule, pull = asked(ctx), await passing(ctx)
        await ctx.settle()
        assert await summary(ctx, pull) == "Not mergeable. GitHub requires 1 approving review to merge into main."
        assert times(ctx, rule) == 0
        ctx.forge.submit_review(ctx.repository(), pull, author="bob", state="APPROVED")
        await ctx.settle()
        assert pull.merged


async def test_a_check_that_github_requires_is_waited_for(world: World) -> None:
    async with world() as ctx:
        require_checks(ctx, "cla", enforce_admins=True)
        rule, pull = asked(ctx), await passing(ctx)
        await ctx.settle()
        assert await summary(ctx, pull) == "Not mergeable. Job cla has not succeeded."
        assert times(ctx, rule) == 0
        ctx.forge.create_status(ctx.repository(), pull.head_sha, NewStatus(context="cla", state="success"))
        await ctx.settle()
        assert pull.merged


async def test_a_head_that_github_wants_up_to_date_is_told_so_and_lands_once_it_is(world: World) -> None:
    async with world() as ctx:
        require_checks(ctx, UNIT, strict=True, enforce_admins=True)
        put_rules(ctx, STRICT)
        rule = asked(ctx)
        pulls = [await ctx.open_pull(name) for name in ("pump", "valve")]
        await ctx.settle()
        assert [pull.merged for pull in pulls] == [True, False]
        assert await summary(ctx, pulls[1]) == "Not mergeable. GitHub requires the head to be up to date with main."
        assert times(ctx, rule) == 1
        await ctx.rewrite(pulls[1], pump="provides pump", valve="provides valve")
        await ctx.settle()
        assert all(pull.merged for pull in pulls)
        assert not [run for run in ctx.ci.all if len(run.heads) > 1]


async def test_strictness_that_only_administrators_are_told_is_learned_from_pull_requests(world: World) -> None:
    async with world() as ctx:
        require_checks(ctx, UNIT, strict=True)
        rule = asked(ctx)
        pulls = [await ctx.open_pull(name) for name in ("pump", "valve", "nozzle")]
        for pull in pulls[1:]:
            ctx.add_label(pull, "hold")
        await ctx.settle()
        for pull in pulls[1:]:
            ctx.remove_label(pull, "hold")
        await ctx.settle()
        text = "Not mergeable. GitHub requires the head to be up to date with main."
        assert [pull.merged for pull in pulls] == [True, False, False]
        assert [await summary(ctx, pull) for pull in pulls[1:]] == [text, text]
        for pull in pulls[1:]:
            await update(ctx, pull)
        await ctx.settle()
        assert [pull.merged for pull in pulls] == [True, True, False], "no batch, whose second merge would be refused"
        assert times(ctx, rule) == 2


async def update(ctx: Story, pull: PullRequest) -> None:
    """Merge the base into the branch of a pull request, as its author would."""
    repository = ctx.repository()
    answer = await ctx.forge.mergeability(repository, pull)
    assert answer.merge_commit is not None
    tree = answer.merge_commit.tree
    made = await repository.git.run("commit-tree", tree, "-p", pull.head_sha, "-p", ctx.head(), "-m", "Update")
    await ctx.forge.write_branch(repository, pull.head_ref, made.decode().strip(), actor="alice")


UPDATING: dict[str, Any] = {"queue": {"*": {"trigger": True, "update_branch": True}}}


async def test_branches_that_are_behind_are_updated_one_after_the_other_where_that_is_asked_for(world: World) -> None:
    async with world(**UPDATING) as ctx:
        require_checks(ctx, UNIT, strict=True)
        updates = ctx.fault("status", "/update-branch$", method="PUT", status=418, nth=(1000,))
        pulls = [await ctx.open_pull(name) for name in ("pump", "valve", "nozzle")]
        for pull in pulls[1:]:
            ctx.add_label(pull, "hold")
        await ctx.settle()
        for pull in pulls[1:]:
            ctx.remove_label(pull, "hold")
        seen = 0
        while not all(pull.merged for pull in pulls):
            await ctx.sync()
            assert times(ctx, updates) - seen <= 1
            seen = times(ctx, updates)
            await ctx.run_jobs()
        assert seen == 2, "each is updated once, when nothing else is about to land"
        done = [row for row in await ctx.rows("intents") if row["kind"] == "update_branch"]
        assert [(row["subject"], row["outcome"]) for row in done] == [("#2", "asked for"), ("#3", "asked for")]
        assert all(row["token"] for row in done)


async def test_one_that_is_behind_says_what_happens_to_it(world: World) -> None:
    async with world() as ctx:
        require_checks(ctx, UNIT, strict=True)
        pulls = [await ctx.open_pull(name) for name in ("pump", "valve")]
        ctx.add_label(pulls[1], "hold")
        await ctx.settle()
        ctx.remove_label(pulls[1], "hold")
        await ctx.settle()
        assert (await ctx.verdict(pulls[1])).unblock == (
            "Merge main into its branch (who may push to it can), or set `update_branch` to true for tide to do it.",
        )
        ctx.reload(**UPDATING)
        await ctx.settle()
        assert pulls[1].merged


async def test_an_update_that_never_comes_is_asked_for_less_and_less_often_and_keeps_no_other(world: World) -> None:
    async with world(**UPDATING) as ctx:
        require_checks(ctx, UNIT, strict=True)
        pulls = [await ctx.open_pull(name) for name in ("pump", "valve", "nozzle")]
        for pull in pulls[1:]:
            ctx.add_label(pull, "hold")
        await ctx.settle()
        for pull in pulls[1:]:
            ctx.remove_label(pull, "hold")
        path = f"/pulls/{pulls[1].number}/update-branch$"
        rule = ctx.fault("status", path, method="PUT", status=202, body={"message": "Updating pull request branch."})
        for _ in range(12):
            ctx.clock.sandbox.forward(minutes=2)
            await ctx.sync()
            await ctx.run_jobs()
        assert [pull.merged for pull in pulls] == [True, False, True]
        assert times(ctx, rule) <= 6
        await ctx.sync()
        assert (await ctx.verdict(pulls[1])).unblock == ("See on its page why its branch is not updated.",)


async def test_a_branch_that_may_not_be_updated_is_told_and_the_next_one_is(world: World) -> None:
    async with world(**UPDATING) as ctx:
        require_checks(ctx, UNIT, strict=True)
        pulls = [await ctx.open_pull(name) for name in ("pump", "valve", "nozzle")]
        for pull in pulls[1:]:
            ctx.add_label(pull, "hold")
        await ctx.settle()
        for pull in pulls[1:]:
            ctx.remove_label(pull, "hold")
        path = f"/pulls/{pulls[1].number}/update-branch$"
        ctx.fault("status", path, method="PUT", status=403, body={"message": "No right to push to it"})
        await ctx.settle()
        assert [pull.merged for pull in pulls] == [True, False, True]
        text = "Not mergeable. Held: its branch cannot be updated with main: No right to push to it."
        assert await summary(ctx, pulls[1]) == text


@pytest.mark.parametrize(
    ("rule", "classic", "method", "why", "left"),
    [
        (
            "required_signatures",
            BranchProtection(required_signatures=True),
            "rebase",
            "they want signed commits, and GitHub does not sign what it rebases",
            '"merge" or "squash"',
        ),
        (
            "required_linear_history",
            BranchProtection(required_linear_history=True),
            "merge",
            "they want a linear history",
            '"squash" or "rebase"',
        ),
    ],
)
@pytest.mark.parametrize("is_classic", [False, True])
async def test_a_method_that_the_rules_exclude_is_not_tried_and_another_one_helps(
    world: World, rule: Any, classic: BranchProtection, method: str, why: str, left: str, *, is_classic: bool
) -> None:
    async with world(tide={"merge_method": {"acme": method}}) as ctx:
        if is_classic:
            ctx.forge.protect_branch(ctx.repository(), "main", classic)
        else:
            put_rules(ctx, Rule(rule))
        asked_for, pull = asked(ctx), await ctx.open_pull("pump")
        await ctx.sign(pull)
        await ctx.settle()
        ctx.clock.sandbox.forward(hours=5)
        await ctx.settle()
        assert times(ctx, asked_for) == 0
        verdict = await ctx.verdict(pull)
        assert verdict.summary == f'Not mergeable. Merge type "{method}" disallowed by the rules of main: {why}'
        help_ = f"Choose the merge method {left}, or have an administrator of the repository change the rules of main."
        assert verdict.unblock[0] == help_
        ctx.add_label(pull, "tide/squash")
        await ctx.settle()
        assert pull.merged


async def test_a_commit_that_is_not_signed_is_told_in_githubs_words_and_lands_once_it_is(world: World) -> None:
    async with world() as ctx:
        put_rules(ctx, Rule("required_signatures"))
        pull = await ctx.open_pull("pump")
        await ctx.settle()
        assert not pull.merged
        assert "Commits must have verified signatures." in await summary(ctx, pull)
        await ctx.sign(pull)
        await ctx.settle()
        assert pull.merged


async def test_rules_are_read_once_an_hour(world: World) -> None:
    async with world() as ctx:
        await ctx.open_pull("pump", labels=("lgtm", "hold"))
        await ctx.open_pull("valve")
        rule = ctx.fault("status", "/rules/branches/", method="GET", status=418, nth=(1000,))
        settings = ctx.fault("status", f"/repos/{ROCKET}$", method="GET", status=418, nth=(1000,))
        for _ in range(5):
            await ctx.sync()
        assert (times(ctx, rule), times(ctx, settings)) == (1, 1)
        ctx.clock.sandbox.forward(hours=1)
        await ctx.sync()
        assert (times(ctx, rule), times(ctx, settings)) == (2, 2)


async def test_the_rules_of_all_branches_with_candidates_are_read_together(world: World) -> None:
    async with world() as ctx:
        for branch in ("main", "release", "next"):
            await ctx.forge.write_branch(ctx.repository(), branch, ctx.repository().branches["main"])
            await ctx.open_pull(f"pump-{branch}", base=branch)
        await ctx.forge.write_branch(ctx.repository(), "old", ctx.repository().branches["main"])
        await ctx.open_pull("valve", base="old", labels=())
        prepared = ctx.tamper("code_host", "prepare_branch_rules")
        protection = ctx.fault("status", "/graphql", operation="BranchRules", status=418, nth=(1000,))
        lists = ctx.fault("status", "/rules/branches/", method="GET", status=418, nth=(1000,))
        await ctx.sync()
        await ctx.sync()
        assert (prepared.calls, times(ctx, protection), times(ctx, lists)) == (1, 1, 3)


async def test_a_refusal_has_the_rules_read_anew_and_is_not_repeated(world: World) -> None:
    async with world() as ctx:
        pulls = await passing_batch(ctx, "pump", "valve")
        put_rules(ctx, QUEUE)
        rule = asked(ctx)
        await ctx.settle()
        assert not any(pull.merged for pull in pulls)
        assert times(ctx, rule) == 1
        for pull in pulls:
            assert "merge queue" in await summary(ctx, pull)
        ctx.clock.sandbox.forward(hours=3)
        await ctx.settle()
        assert times(ctx, rule) == 1


async def test_a_method_that_was_forbidden_meanwhile_is_told_of_everybody_who_would_land_by_it(world: World) -> None:
    async with world() as ctx:
        pulls = await passing_batch(ctx, "pump", "valve")
        ctx.forge.change_settings(ctx.repository(), "alice", allow_merge_commit=False)
        rule = asked(ctx)
        await ctx.settle()
        assert times(ctx, rule) == 1
        text = 'Not mergeable. Merge type "merge" disallowed by repo settings'
        assert await summary(ctx, pulls[1]) == text
        ctx.clock.sandbox.forward(minutes=6)
        await ctx.settle()
        assert await summary(ctx, pulls[0]) == text
        assert times(ctx, rule) == 1


async def test_a_refusal_that_no_rule_explains_is_asked_for_less_and_less_often(world: World) -> None:
    async with world() as ctx:
        refused, other = await ctx.open_pull("pump"), await ctx.open_pull("valve")
        path = f"/pulls/{refused.number}/merge$"
        rule = ctx.fault("status", path, method="PUT", status=405, body={"message": "No."})
        await ctx.settle()
        assert other.merged
        await ctx.settle()
        start, begun = ctx.clock.now(), times(ctx, rule)
        while ctx.clock.now() - start < timedelta(hours=6):
            ctx.clock.sandbox.forward(minutes=4)  # it is shorter than the first rest after a refusal
            await ctx.sync()
            await ctx.run_jobs()
        assert times(ctx, rule) - begun <= 10
        assert "GitHub refused: No." in await summary(ctx, refused)


async def test_a_refusal_stands_while_others_merge(world: World) -> None:
    async with world() as ctx:
        refused, *others = [await ctx.open_pull(name) for name in ("pump", "valve", "nozzle", "wheel")]
        rule = ctx.fault("status", f"/pulls/{refused.number}/merge$", method="PUT", status=405, body={"message": "No."})
        await ctx.settle()
        assert all(pull.merged for pull in others)
        assert times(ctx, rule) == 1
        await ctx.push("main", moved="provides moved")
        await ctx.settle()
        assert times(ctx, rule) == 1
        assert "GitHub refused: No." in await summary(ctx, refused)
        await ctx.push(refused.head_ref, better="provides better")
        await ctx.settle()
        assert times(ctx, rule) == 2


async def test_a_refusal_stands_also_while_something_that_does_not_count_is_awaited_on_a_new_head(world: World) -> None:
    options = {"context_options": {"optional-contexts": ["nice"]}}
    async with world(jobs={ROCKET: []}, tide=options) as ctx:
        pull = await ctx.open_pull("pump", labels=("lgtm", "hold"))
        ctx.forge.create_status(ctx.repository(), pull.head_sha, NewStatus(context="nice", state="success"))
        await ctx.sync()
        ctx.remove_label(pull, "hold")
        await ctx.rewrite(pull, pump="provides pump")
        rule = ctx.fault("status", MERGES, method="PUT", status=405, body={"message": "No."})
        for _ in range(4):
            await ctx.sync()
        assert times(ctx, rule) == 1
        assert "GitHub refused: No." in await summary(ctx, pull)


async def test_one_who_may_not_push_tries_once_for_the_whole_branch(world: World) -> None:
    async with world(jobs={ROCKET: [job()]}) as ctx:
        rule = ctx.fault(
            "status", MERGES, method="PUT", status=405, body={"message": "You're not authorized to push to this branch"}
        )
        pulls = [await ctx.open_pull(name) for name in ("pump", "valve", "nozzle")]
        await ctx.settle()
        assert times(ctx, rule) == 1
        for pull in pulls:
            assert "GitHub refuses merges into main: You're not authorized" in await summary(ctx, pull)


async def test_operators_may_leave_the_rules_to_github(world: World) -> None:
    async with world(tide={"github_merge_blocks_policy": {"*": "ignore"}}) as ctx:
        put_rules(ctx, QUEUE)
        rule = asked(ctx)
        await passing(ctx)
        await ctx.settle()
        assert times(ctx, rule) == 1


@pytest.mark.parametrize("status", [502, 403])
async def test_rules_that_cannot_be_read_keep_nothing_from_landing(world: World, status: int) -> None:
    async with world() as ctx:
        ctx.fault("status", "/rules/branches/", method="GET", status=status)
        pull = await passing(ctx)
        await ctx.settle()
        assert pull.merged
