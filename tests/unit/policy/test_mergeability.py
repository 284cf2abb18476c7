from typing import Any

import pytest

from tests.builders import make_pull, make_rules
from tide.domain.pulls import EVERY_METHOD, Mergeable, MergeMethod, MergeState, RepoSettings
from tide.domain.rules import BlocksPolicy
from tide.policy.mergeability import refusal

LABELS: dict[str, Any] = {"squash_label": "s", "rebase_label": "r"}
CONFLICT: dict[str, Any] = {"mergeable": Mergeable.CONFLICTING}
BLOCKED: dict[str, Any] = {"merge_state": MergeState.BLOCKED}


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


def test_of_several_refusals_the_first_in_tides_order_is_told() -> None:
    pull = CONFLICT | BLOCKED | {"labels": ("r", "s")}
    rules = LABELS | {"blocks_policy": BlocksPolicy.BLOCK}
    assert refused(pull, RepoSettings(allow_merge=False), **rules) == "PR has a merge conflict."


def test_every_refusal_says_what_would_help() -> None:
    found = refusal(make_pull(**CONFLICT), make_rules(), EVERY_METHOD)
    assert found is not None
    assert found.remedy == "Resolve its conflict with main."
