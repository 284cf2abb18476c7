from typing import Any

import pytest

from tests.builders import NOW, make_context, make_pull, make_rules, sha
from tide.domain.branch_rules import BranchRules
from tide.domain.pulls import EVERY_METHOD, Mergeable, MergeMethod, MergeState, RepoSettings, ReviewDecision
from tide.domain.rules import BlocksPolicy, QueueSettings
from tide.policy.mergeability import is_judged_otherwise, refusal, with_strictness

SIGNED = "they want signed commits, and GitHub does not sign what it rebases"
LABELS: dict[str, Any] = {"squash_label": "s", "rebase_label": "r"}
CONFLICT: dict[str, Any] = {"mergeable": Mergeable.CONFLICTING}
BLOCKED: dict[str, Any] = {"merge_state": MergeState.BLOCKED}
BEHIND: dict[str, Any] = {"merge_state": MergeState.BEHIND}
UNREVIEWED: dict[str, Any] = {"review_decision": ReviewDecision.REVIEW_REQUIRED}


def refused(pull: dict[str, Any], settings: RepoSettings = EVERY_METHOD, **rules: Any) -> str:
    found = refusal(make_pull(**pull), make_rules(**rules), settings)
    return found.text if found else ""


@pytest.mark.parametrize(
    ("pull", "settings", "rules", "text"),
    [
        ({}, EVERY_METHOD, {}, ""),
        ({"mergeable": Mergeable.UNKNOWN}, EVERY_METHOD, {}, ""),
        (CONFLICT, EVERY_METHOD, {}, "PR has a merge conflict."),
        ({"labels": ("r", "s")}, EVERY_METHOD, LABELS, "PR has conflicting merge method override labels"),
        ({"can_be_rebased": False}, EVERY_METHOD, {}, ""),
        ({"can_be_rebased": False}, EVERY_METHOD, {"merge_method": MergeMethod.REBASE}, "PR can't be rebased"),
        ({}, RepoSettings(allow_merge=False), {}, 'Merge type "merge" disallowed by repo settings'),
        ({}, RepoSettings(allow_squash=False), {}, ""),
        (BLOCKED, EVERY_METHOD, {"blocks_policy": BlocksPolicy.PERMIT}, ""),
        (BLOCKED, EVERY_METHOD, {"blocks_policy": BlocksPolicy.IGNORE}, ""),
        (
            BLOCKED,
            EVERY_METHOD,
            {"blocks_policy": BlocksPolicy.BLOCK},
            "PR is blocked from merging by GitHub (check branch protection, required reviews, or rulesets)",
        ),
        ({"is_draft": True}, EVERY_METHOD, {}, "PR is a draft."),
        ({}, RepoSettings(is_archived=True), {}, "The repository is archived."),
    ],
)
def test_a_refusal_is_told_in_tides_words(
    pull: dict[str, Any], settings: RepoSettings, rules: dict[str, Any], text: str
) -> None:
    assert refused(pull, settings, **rules) == text


@pytest.mark.parametrize(
    ("pull", "host", "text"),
    [
        ({}, {}, ""),
        (
            {},
            {"merge_methods": (MergeMethod.SQUASH,)},
            'Merge type "merge" disallowed by the rules of main',
        ),
        (
            {},
            {"merge_methods": (MergeMethod.SQUASH,), "requires_linear_history": True},
            'Merge type "merge" disallowed by the rules of main: they want a linear history',
        ),
        (
            {"labels": ("r",)},
            {"merge_methods": (MergeMethod.MERGE, MergeMethod.SQUASH), "requires_signatures": True},
            f'Merge type "rebase" disallowed by the rules of main: {SIGNED}',
        ),
        ({"labels": ("s",)}, {"requires_signatures": True, "requires_linear_history": True}, ""),
        (UNREVIEWED, {}, ""),
        (UNREVIEWED, {"required_approvals": 1}, "GitHub requires 1 approving review to merge into main."),
        (
            {"review_decision": ReviewDecision.CHANGES_REQUESTED},
            {"required_approvals": 2},
            "GitHub requires 2 approving reviews to merge into main.",
        ),
        (
            UNREVIEWED,
            {"needs_code_owners": True},
            "GitHub requires an approving review, of code owners too, to merge into main.",
        ),
        ({"review_decision": ReviewDecision.APPROVED}, {"required_approvals": 1}, ""),
        ({}, {"required_approvals": 1}, ""),
        (BEHIND, {}, ""),
        (BEHIND, {"is_strict": True}, "GitHub requires the head to be up to date with main."),
        ({"merge_state": MergeState.UNKNOWN}, {"is_strict": True}, ""),
    ],
)
def test_what_githubs_own_rules_forbid_is_told_before_it_is_tried(
    pull: dict[str, Any], host: dict[str, Any], text: str
) -> None:
    found = refusal(make_pull(**pull), make_rules(**LABELS), EVERY_METHOD, BranchRules(**host))
    assert (found.text if found else "") == text
    assert found is None or found.remedy


def test_of_several_refusals_the_first_in_tides_order_is_told() -> None:
    pull = CONFLICT | BLOCKED | {"labels": ("r", "s")}
    rules = LABELS | {"blocks_policy": BlocksPolicy.BLOCK}
    assert refused(pull, RepoSettings(allow_merge=False), **rules) == "PR has a merge conflict."


def test_every_refusal_says_what_would_help() -> None:
    found = refusal(make_pull(**CONFLICT), make_rules(), EVERY_METHOD)
    assert found is not None
    assert found.remedy == "Resolve its conflict with main."


@pytest.mark.parametrize(
    ("settings", "host", "remedy"),
    [
        (EVERY_METHOD, (MergeMethod.SQUASH, MergeMethod.REBASE), 'Choose the merge method "squash" or "rebase", or '),
        (RepoSettings(allow_squash=False), (MergeMethod.SQUASH,), "No merge method is left that both allow, or "),
    ],
)
def test_of_a_method_that_is_excluded_it_is_said_which_are_left(
    settings: RepoSettings, host: tuple[MergeMethod, ...], remedy: str
) -> None:
    found = refusal(make_pull(), make_rules(), settings, BranchRules(merge_methods=host))
    assert found is not None
    assert found.remedy == f"{remedy}have an administrator of the repository change the rules of main."


def test_who_may_update_a_branch_is_told() -> None:
    host = BranchRules(is_strict=True)
    by_hand = refusal(make_pull(**BEHIND), make_rules(), EVERY_METHOD, host)
    ours = make_rules(settings=QueueSettings(update_branch=True))
    by_us = refusal(make_pull(**BEHIND), ours, EVERY_METHOD, host)
    assert by_hand is not None
    assert by_us is not None
    assert "who may push to it" in by_hand.remedy
    assert by_us.remedy == "", "it ends by itself"


@pytest.mark.parametrize(
    ("host", "is_strict"),
    [
        ({}, False),
        ({"hides_strictness": True}, True),
        ({"hides_strictness": True, "may_bypass": True}, False),
        ({"is_strict": True}, True),
    ],
)
def test_a_pull_request_that_is_behind_tells_that_a_branch_is_strict(host: dict[str, Any], *, is_strict: bool) -> None:
    pulls = [make_pull(1), make_pull(2, **BEHIND)]
    assert with_strictness(BranchRules(**host), pulls).is_strict is is_strict
    assert with_strictness(BranchRules(**host), pulls[:1]).is_strict is ("is_strict" in host)


CLEAN: dict[str, Any] = {"merge_state": MergeState.CLEAN}


@pytest.mark.parametrize(
    ("before", "now", "is_otherwise"),
    [
        ({}, {}, False),
        (CLEAN, BLOCKED, True),
        (BLOCKED, BEHIND, True),
        (CLEAN, BEHIND, False),
        (BLOCKED, {"merge_state": MergeState.UNKNOWN}, False),
        (BLOCKED, {"merge_state": MergeState.DIRTY}, False),
        ({"review_decision": ReviewDecision.APPROVED}, UNREVIEWED, True),
        ({"review_decision": ReviewDecision.APPROVED}, UNREVIEWED | {"head_sha": sha("new")}, False),
        (BLOCKED, CLEAN | {"contexts": (make_context("unit"),)}, False),
        (BLOCKED, CLEAN | {"updated_at": NOW}, False),
    ],
)
def test_one_that_has_not_changed_tells_of_rules_that_have(
    before: dict[str, Any], now: dict[str, Any], *, is_otherwise: bool
) -> None:
    assert is_judged_otherwise(make_pull(**before), make_pull(**now)) is is_otherwise
