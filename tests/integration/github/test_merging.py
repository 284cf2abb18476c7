"""Every way in which the simulated GitHub refuses a merge, as the queue hears it."""

from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus

import pytest

from tests.contract.code_host.world import ROCKET, CodeHostWorld
from tide.domain.actions import Target
from tide.domain.errors import RateLimited, Unauthorized, Unavailable
from tide.domain.outcomes import NotMerged, Refusal
from tide.domain.pulls import MergeMethod
from tide.sandbox.faults import Fault
from tide.sandbox.model import PullRequest
from tide.sandbox.protection import (
    BranchProtection,
    RequiredCheck,
    RequiredReviews,
    RequiredStatusChecks,
    Rule,
    Ruleset,
    RuleType,
)

CHECKS = RequiredStatusChecks(checks=(RequiredCheck("unit"),))
Setting = Callable[[CodeHostWorld, PullRequest], None]


def protect(protection: BranchProtection) -> Setting:
    def apply(world: CodeHostWorld, _pull: PullRequest) -> None:
        made = replace(protection, enforce_admins=True)
        world.sandbox.forge.protect_branch(world.sandbox.repository, "main", made)

    return apply


def rule(kind: RuleType, **parameters: object) -> Setting:
    def apply(world: CodeHostWorld, _pull: PullRequest) -> None:
        now = world.clock.now()
        rules = (Rule(kind, parameters),)
        world.sandbox.forge.put_ruleset(world.sandbox.repository, Ruleset(1, "rules", "RRS", now, now, rules))

    return apply


def settings(**changed: bool) -> Setting:
    return lambda world, _pull: world.sandbox.forge.change_settings(world.sandbox.repository, "alice", **changed)


def close(world: CodeHostWorld, pull: PullRequest) -> None:
    world.sandbox.forge.close_pull(world.sandbox.repository, pull)


def make_draft(_world: CodeHostWorld, pull: PullRequest) -> None:
    pull.draft = True


@pytest.mark.parametrize(
    ("setting", "refusal", "words"),
    [
        (
            protect(BranchProtection(required_status_checks=CHECKS)),
            Refusal.RULES,
            'Required status check "unit" is expected.',
        ),
        (
            protect(BranchProtection(required_pull_request_reviews=RequiredReviews())),
            Refusal.RULES,
            "At least 1 approving review",
        ),
        (
            protect(BranchProtection(restrictions=frozenset({"alice"}))),
            Refusal.UNAUTHORIZED,
            "You're not authorized to push",
        ),
        (protect(BranchProtection(required_linear_history=True)), Refusal.RULES, "must not contain merge commits"),
        (protect(BranchProtection(lock_branch=True)), Refusal.RULES, "This branch is locked"),
        (rule("merge_queue"), Refusal.QUEUE_REQUIRED, "through the merge queue"),
        (rule("update"), Refusal.RULES, "Repository rule violations found Cannot update this protected ref."),
        (
            rule("required_status_checks", required_status_checks=[{"context": "unit"}]),
            Refusal.RULES,
            "Repository rule violations found Required status check",
        ),
        (rule("pull_request", allowed_merge_methods=["squash"]), Refusal.METHOD_FORBIDDEN, "Merge commits are not"),
        (settings(allow_merge_commit=False), Refusal.METHOD_FORBIDDEN, "Merge commits are not allowed"),
        (settings(archived=True), Refusal.UNAUTHORIZED, "archived"),
        (make_draft, Refusal.UNMERGEABLE, "draft"),
        (close, Refusal.UNMERGEABLE, "not mergeable"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) > 20 else "",
)
async def test_a_refusal_is_understood(world: CodeHostWorld, setting: Setting, refusal: Refusal, words: str) -> None:
    opened = await world.sandbox.pull("thrust")
    setting(world, opened)
    answer = await world.host.merge(ROCKET, Target(opened.number, opened.head_sha, MergeMethod.MERGE))
    assert isinstance(answer, NotMerged)
    assert answer.refusal is refusal, answer
    assert words in answer.message
    assert not opened.merged


async def test_another_head_and_another_pull_request_are_told_apart(world: CodeHostWorld) -> None:
    opened = await world.sandbox.pull("thrust")
    moved = await world.host.merge(ROCKET, Target(opened.number, "0" * 40))
    assert isinstance(moved, NotMerged)
    assert moved.refusal is Refusal.HEAD_MODIFIED
    assert await world.host.merge(ROCKET, Target(99, opened.head_sha)) == NotMerged(Refusal.UNKNOWN, "Not Found")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(kind="status", status=HTTPStatus.INTERNAL_SERVER_ERROR, method="PUT"), Unavailable),
        (Fault(kind="status", status=HTTPStatus.BAD_GATEWAY, method="PUT"), Unavailable),
        (Fault(kind="status", status=HTTPStatus.UNAUTHORIZED, method="PUT"), Unauthorized),
        (Fault(kind="status", status=HTTPStatus.REQUEST_TIMEOUT, method="PUT"), Unavailable),
        (Fault(kind="secondary_rate_limit", method="PUT"), RateLimited),
    ],
    ids=lambda value: "" if isinstance(value, type) else f"{value.kind}-{value.status}",
)
async def test_what_is_no_answer_to_the_question_is_an_error(
    world: CodeHostWorld, fault: Fault, error: type[Exception]
) -> None:
    opened = await world.sandbox.pull("thrust")
    world.sandbox.sandbox.faults.add(fault)
    with pytest.raises(error):
        await world.host.merge(ROCKET, Target(opened.number, opened.head_sha))
