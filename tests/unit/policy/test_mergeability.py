from typing import Any

import pytest

from tests.builders import make_pull, make_rules
from tide.domain.branch_rules import BranchRules
from tide.domain.pulls import EVERY_METHOD, Mergeable, MergeMethod, MergeState, RepoSettings, ReviewDecision
from tide.domain.rules import BlocksPolicy
from tide.policy.mergeability import refusal

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
    found = refusal(make_pull(**pull), make_rules(), EVERY_METHOD, BranchRules(**host))
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
