"""Which branch is updated, where each head must contain the base."""

from dataclasses import replace
from typing import Any

import pytest

from tests.builders import FAILURE, PENDING, make_context, make_rules, make_run, make_snapshot, make_view, sha
from tide.domain.actions import Merge, UpdateBranch, Wait
from tide.domain.branch_rules import BranchRules
from tide.domain.decisions import Decision
from tide.domain.pulls import MergeState, ReviewDecision
from tide.domain.rules import QueueSettings
from tide.domain.runs import RunState
from tide.domain.snapshot import PullView
from tide.policy.decide import decide

STRICT = BranchRules(is_strict=True, required_contexts=("unit",))
UPDATING = make_rules(settings=QueueSettings(update_branch=True))
UNIT = ("unit",)


def behind(number: int, *contexts: Any, **fields: Any) -> PullView:
    return make_view(number, contexts, required=UNIT, merge_state=MergeState.BEHIND, **fields)


def decided(*views: PullView, **fields: Any) -> Decision:
    return decide(make_snapshot(*views, **{"rules": UPDATING, "branch_rules": STRICT, **fields}))


def test_the_first_of_those_that_lack_nothing_else_is_updated() -> None:
    action = decided(behind(3), behind(2)).action
    assert isinstance(action, UpdateBranch)
    assert action.target.member == (2, sha(2))
    assert action.reason.startswith("#2 lacks nothing but an update of its branch with main at ")


def test_the_most_urgent_comes_first() -> None:
    rules = replace(UPDATING, priority=(("urgent",),))
    action = decided(behind(2), behind(3, labels=("lgtm", "urgent")), rules=rules).action
    assert isinstance(action, UpdateBranch)
    assert action.target.number == 3


def test_nothing_is_updated_unless_that_is_asked_for() -> None:
    assert isinstance(decided(behind(1), rules=make_rules()).action, Wait)


@pytest.mark.parametrize(
    "view",
    [
        behind(1, make_context("unit", FAILURE)),
        behind(1, held="it cannot be read"),
        behind(1, labels=()),
        behind(1, is_draft=True),
        behind(1, contexts_known=False),
        behind(1, review_decision=ReviewDecision.CHANGES_REQUESTED),
    ],
)
def test_one_that_would_not_land_after_it_is_not_updated(view: PullView) -> None:
    rules = replace(STRICT, required_approvals=1)
    assert isinstance(decided(view, branch_rules=rules).action, Wait)


def test_one_that_failed_on_this_base_is_not_updated() -> None:
    assert isinstance(decided(behind(1), runs=(make_run("unit", 1, RunState.FAILURE),)).action, Wait)


@pytest.mark.parametrize(
    ("view", "runs"),
    [
        (make_view(1, required=UNIT), (make_run("unit", 1, RunState.PENDING),)),
        (make_view(1, [make_context("build", PENDING)], required=UNIT), (make_run("unit", 1),)),
    ],
)
def test_none_is_updated_as_long_as_another_one_may_still_land(view: PullView, runs: Any) -> None:
    assert isinstance(decided(view, behind(2), runs=runs).action, Wait)


def test_what_is_ready_lands_first() -> None:
    assert isinstance(decided(make_view(1, required=UNIT), behind(2), runs=(make_run("unit", 1),)).action, Merge)


def test_one_that_never_lands_does_not_keep_others_from_being_updated() -> None:
    stuck = make_view(1, [make_context("build", FAILURE)], required=UNIT)
    assert isinstance(decided(stuck, behind(2), runs=(make_run("unit", 1),)).action, UpdateBranch)


def test_none_is_updated_while_another_one_is_just_being_updated() -> None:
    held = replace(behind(1, held="its branch is being updated with main"), is_being_updated=True)
    assert isinstance(decided(held, behind(2)).action, Wait)
    given_up = replace(held, held_remedy="See on its page.")
    assert isinstance(decided(given_up, behind(2)).action, UpdateBranch)
    assert isinstance(decided(behind(1, held="it cannot be read"), behind(2)).action, UpdateBranch)
