from dataclasses import replace
from typing import Any

import pytest

from tests.unit.sandbox.forges import CLEAN, HEAD, START, open_pull
from tide.sandbox.branch_rules import fast_forward_only
from tide.sandbox.evidence import NewCheckRun, NewStatus
from tide.sandbox.model import CheckConclusion, Mergeability, Repository, ReviewState, StatusState
from tide.sandbox.protection import (
    BranchProtection,
    BypassActor,
    RequiredCheck,
    RequiredReviews,
    RequiredStatusChecks,
    Rule,
    Ruleset,
    RuleType,
)
from tide.sandbox.rules import check_verdict, merge_refusal, merge_state_status, push_refusal, review_decision
from tide.sandbox.state import Forge

QUEUE = "Changes must be made through the merge queue"
BEHIND = replace(CLEAN, behind=True)


def require(forge: Forge, repository: Repository, *contexts: str, **fields: Any) -> None:
    """Protect ``main`` with required contexts."""
    checks = RequiredStatusChecks(strict=fields.pop("strict", False), checks=tuple(map(RequiredCheck, contexts)))
    forge.protect_branch(repository, "main", BranchProtection(required_status_checks=checks, **fields))


def rule(forge: Forge, repository: Repository, kind: RuleType, *bypass: str, **parameters: Any) -> None:
    """Put a ruleset with one rule on the default branch."""
    ruleset = Ruleset(
        id=forge.next_id(),
        name=kind,
        node_id="RRS",
        created_at=START,
        updated_at=START,
        rules=(Rule(kind, parameters),),
        bypass_actors=tuple(BypassActor("User", login=login) for login in bypass),
    )
    forge.put_ruleset(repository, ruleset)


def status(forge: Forge, repository: Repository, context: str, state: StatusState) -> None:
    forge.create_status(repository, HEAD, NewStatus(context=context, state=state))


def refusal(forge: Forge, repository: Repository, mergeability: Mergeability = CLEAN, login: str = "bob") -> str | None:
    pull = repository.pulls[1]
    return merge_refusal(forge, repository, pull, mergeability, login=login, method="merge")


@pytest.mark.parametrize(
    ("states", "text"),
    [
        ({}, "3 of 3 required status checks are expected."),
        ({"a": "success", "b": "success"}, "1 of 3 required status checks are expected."),
        ({"a": "failure", "b": "error", "c": "success"}, "2 of 3 required status checks are failing."),
        (
            {"a": "failure", "b": "pending"},
            "3 of 3 required status checks have not succeeded: 1 expected, 1 failing, and 1 pending.",
        ),
        ({"a": "success", "b": "success", "c": "success"}, None),
    ],
)
def test_missing_checks_are_counted_by_kind(
    forge: Forge, repository: Repository, states: dict[str, StatusState], text: str | None
) -> None:
    require(forge, repository, "a", "b", "c")
    open_pull(forge, repository)
    for context, state in states.items():
        status(forge, repository, context, state)
    assert refusal(forge, repository) == text


def test_what_still_runs_is_not_listed_beside_what_lacks(forge: Forge, repository: Repository) -> None:
    require(forge, repository, "a", "b")
    open_pull(forge, repository)
    for name in ("a", "b"):
        forge.create_check_run(repository, HEAD, NewCheckRun(name=name, status="in_progress"))
    assert refusal(forge, repository) == "2 of 2 required status checks are in progress."
    status(forge, repository, "a", "failure")
    assert refusal(forge, repository) == "2 of 2 required status checks have not succeeded: 1 failing."


def test_results_on_a_head_behind_a_strict_base_do_not_count(forge: Forge, repository: Repository) -> None:
    require(forge, repository, "a", "b", strict=True)
    open_pull(forge, repository)
    for context in ("a", "b"):
        status(forge, repository, context, "success")
    assert refusal(forge, repository) is None
    assert refusal(forge, repository, BEHIND) == "2 of 2 required status checks are expected."


def test_objections_of_writers_are_counted(forge: Forge, repository: Repository) -> None:
    forge.protect_branch(repository, "main", BranchProtection(required_pull_request_reviews=RequiredReviews()))
    pull = open_pull(forge, repository)
    forge.submit_review(repository, pull, author="bob", state="CHANGES_REQUESTED")
    assert refusal(forge, repository) == "1 review requesting changes by reviewers with write access."


def test_a_single_missing_check_is_named(forge: Forge, repository: Repository) -> None:
    require(forge, repository, "unit")
    open_pull(forge, repository)
    assert refusal(forge, repository) == 'Required status check "unit" is expected.'


@pytest.mark.parametrize("conclusion", ["success", "neutral", "skipped"])
def test_check_runs_that_do_not_fail_satisfy_a_context(
    forge: Forge, repository: Repository, conclusion: CheckConclusion
) -> None:
    forge.create_check_run(repository, HEAD, NewCheckRun(name="unit", conclusion=conclusion))
    assert check_verdict(repository, HEAD, RequiredCheck("unit")) == "success"


def test_a_status_does_not_stand_in_for_the_check_run_of_an_app(forge: Forge, repository: Repository) -> None:
    status(forge, repository, "unit", "success")
    assert check_verdict(repository, HEAD, RequiredCheck("unit", app_id=7)) == "expected"
    forge.create_check_run(repository, HEAD, NewCheckRun(name="unit", conclusion="success", app=(7, "ci")))
    assert check_verdict(repository, HEAD, RequiredCheck("unit", app_id=7)) == "success"


def test_the_newest_result_of_a_context_counts(forge: Forge, repository: Repository) -> None:
    status(forge, repository, "unit", "failure")
    status(forge, repository, "unit", "success")
    assert check_verdict(repository, HEAD, RequiredCheck("unit")) == "success"


def test_admins_are_exempt_unless_rules_are_enforced_for_them(forge: Forge, repository: Repository) -> None:
    forge.set_permission(repository, "root", "admin")
    open_pull(forge, repository)
    require(forge, repository, "unit")
    assert refusal(forge, repository, login="root") is None
    require(forge, repository, "unit", enforce_admins=True)
    assert refusal(forge, repository, login="root") is not None


@pytest.mark.parametrize(
    ("reviews", "allowed"),
    [
        ([], False),
        ([("bob", "APPROVED")], True),
        ([("bob", "APPROVED"), ("bob", "COMMENTED")], True),
        ([("bob", "APPROVED"), ("carol", "CHANGES_REQUESTED")], False),
        ([("bob", "CHANGES_REQUESTED"), ("bob", "APPROVED")], True),
        ([("bob", "APPROVED"), ("bob", "DISMISSED")], False),
        ([("reader", "APPROVED")], False),
        ([("alice", "APPROVED")], False),
    ],
)
def test_the_last_word_of_each_writer_counts(
    forge: Forge, repository: Repository, reviews: list[tuple[str, ReviewState]], *, allowed: bool
) -> None:
    forge.protect_branch(repository, "main", BranchProtection(required_pull_request_reviews=RequiredReviews()))
    forge.set_permission(repository, "reader", "read")
    pull = open_pull(forge, repository)
    for author, state in reviews:
        forge.submit_review(repository, pull, author=author, state=state)
    assert (refusal(forge, repository) is None) is allowed


def test_review_decision_is_none_where_no_review_is_required(forge: Forge, repository: Repository) -> None:
    pull = open_pull(forge, repository)
    forge.submit_review(repository, pull, author="bob", state="APPROVED")
    assert review_decision(forge, repository, pull) is None
    rule(forge, repository, "pull_request", required_approving_review_count=2)
    assert review_decision(forge, repository, pull) == "REVIEW_REQUIRED"
    forge.submit_review(repository, pull, author="carol", state="APPROVED")
    assert review_decision(forge, repository, pull) == "APPROVED"


def test_violations_of_rulesets_stand_under_one_heading(forge: Forge, repository: Repository) -> None:
    checks = [{"context": "unit"}]
    rule(forge, repository, "required_status_checks", required_status_checks=checks)
    rule(forge, repository, "pull_request", required_approving_review_count=1)
    open_pull(forge, repository)
    assert refusal(forge, repository) == (
        "Repository rule violations found\n\n"
        "At least 1 approving review is required by reviewers with write access.\n\n"
        'Required status check "unit" is expected.\n\n'
    )


def test_bypass_actors_pass_a_ruleset_by(forge: Forge, repository: Repository) -> None:
    rule(forge, repository, "merge_queue", "merge-bot")
    open_pull(forge, repository)
    assert refusal(forge, repository) == QUEUE
    assert refusal(forge, repository, login="merge-bot") is None


def test_a_ruleset_binds_the_branches_its_patterns_name(forge: Forge, repository: Repository) -> None:
    ruleset = Ruleset(1, "r", "RRS", START, START, (), include=("refs/heads/release-*",), exclude=("refs/heads/*-rc",))
    covered = [name for name in ("main", "release-1", "release-1-rc") if ruleset.covers(name, "main")]
    assert covered == ["release-1"]


@pytest.mark.parametrize(
    ("mergeability", "expected"),
    [
        (CLEAN, "CLEAN"),
        (replace(CLEAN, known=False), "UNKNOWN"),
        (replace(CLEAN, mergeable=False), "DIRTY"),
        (BEHIND, "BEHIND"),
    ],
)
def test_merge_state_follows_git(
    forge: Forge, repository: Repository, mergeability: Mergeability, expected: str
) -> None:
    require(forge, repository, strict=True)
    pull = open_pull(forge, repository)
    assert merge_state_status(forge, repository, pull, mergeability) == expected


def test_merge_state_follows_rules_and_results(forge: Forge, repository: Repository) -> None:
    pull = open_pull(forge, repository)
    require(forge, repository, "unit", strict=True)

    def state(mergeability: Mergeability = CLEAN) -> str:
        return merge_state_status(forge, repository, pull, mergeability)

    assert [state(), state(BEHIND)] == ["BLOCKED", "BLOCKED"]
    status(forge, repository, "unit", "success")
    assert [state(), state(BEHIND)] == ["CLEAN", "BEHIND"]
    status(forge, repository, "optional", "pending")
    assert state() == "UNSTABLE"
    forge.set_draft(repository, pull, draft=True)
    assert state() == "DRAFT"
    forge.close_pull(repository, pull)
    assert state() == "UNKNOWN"


def test_hooks_show_in_a_clean_state(forge: Forge, repository: Repository) -> None:
    forge.change_settings(repository, has_pre_receive_hooks=True)
    assert merge_state_status(forge, repository, open_pull(forge, repository), CLEAN) == "HAS_HOOKS"


def test_restricted_updates_block_everybody_without_bypass(forge: Forge, repository: Repository) -> None:
    rule(forge, repository, "update", "merge-bot")
    pull = open_pull(forge, repository)
    assert merge_state_status(forge, repository, pull, CLEAN) == "BLOCKED"
    assert "Cannot update this protected ref." in (refusal(forge, repository) or "")
    assert refusal(forge, repository, login="merge-bot") is None


def test_linear_history_refuses_merge_commits_only(forge: Forge, repository: Repository) -> None:
    forge.protect_branch(repository, "main", BranchProtection(required_linear_history=True))
    pull = open_pull(forge, repository)
    assert refusal(forge, repository) == "This branch must not contain merge commits."
    assert merge_refusal(forge, repository, pull, CLEAN, login="bob", method="squash") is None


def test_a_push_past_the_rules_is_refused(forge: Forge, repository: Repository) -> None:
    open_pull(forge, repository)
    rule(forge, repository, "pull_request", required_approving_review_count=0)
    found = push_refusal(forge, repository, "main", HEAD, login="bob")
    assert found is not None
    assert found.lines() == [
        "GH013: Repository rule violations found for refs/heads/main.",
        "- Changes must be made through a pull request.",
    ]
    assert push_refusal(forge, repository, "boost", HEAD, login="bob") is None


def test_protected_branches_are_neither_forced_nor_deleted(forge: Forge, repository: Repository) -> None:
    open_pull(forge, repository)
    forge.protect_branch(repository, "main", BranchProtection())
    assert fast_forward_only(forge, repository, "main", "bob")
    refused = push_refusal(forge, repository, "main", None, login="bob")
    assert refused is not None
    assert refused.reasons == ("Cannot delete this branch",)
    forge.protect_branch(repository, "main", BranchProtection(allow_force_pushes=True, allow_deletions=True))
    assert not fast_forward_only(forge, repository, "main", "bob")
    assert push_refusal(forge, repository, "main", None, login="bob") is None
