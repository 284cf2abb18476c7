from dataclasses import replace
from typing import Any

import pytest

from tests.builders import (
    BASE,
    FAILURE,
    PENDING,
    make_context,
    make_pull,
    make_rules,
    make_run,
    make_snapshot,
    make_view,
    sha,
)
from tide.domain.actions import Target
from tide.domain.pulls import Context, ContextSource, MergeMethod
from tide.domain.runs import RunState
from tide.domain.snapshot import PullView
from tide.policy.landing import may_land

TARGET = Target(1, sha(1))


def answer(*contexts: Context, **fields: Any) -> str:
    """Ask about a pull request that has changed to `fields` since it was decided."""
    view = PullView(make_pull(1, contexts, **fields), ("unit",))
    return may_land(view, TARGET, make_snapshot(make_view(1), rules=make_rules(squash_label="squash")), is_alone=False)


def test_one_that_has_not_changed_may_land() -> None:
    assert answer(make_context("unit")) == ""


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"head_sha": sha("new")}, "its head has moved since it was tested"),
        ({"base_branch": "dev"}, "Its base is dev now."),
        ({"labels": ("lgtm", "hold")}, "Should not have hold label."),
        ({"is_open": False}, "PR is closed."),
        ({"labels": ("lgtm", "squash")}, "it is to land by squash now, not by merge"),
    ],
)
def test_one_that_has_changed_since_may_not(fields: dict[str, Any], reason: str) -> None:
    assert answer(**fields) == reason


def test_one_that_a_new_context_stands_against_may_not() -> None:
    assert answer(make_context("cla", FAILURE)) == "Job cla has not succeeded."


def test_one_whose_check_runs_are_gone_since_may_not() -> None:
    check = replace(make_context("build"), source=ContextSource.CHECK_RUN)
    snapshot = make_snapshot(make_view(1, [check]))
    assert may_land(make_view(1, [check]), TARGET, snapshot, is_alone=True) == ""
    assert may_land(make_view(1), TARGET, snapshot, is_alone=True) == "Job build has not succeeded."


def test_our_own_retest_does_not_keep_a_member_of_a_batch_from_landing() -> None:
    view = make_view(1, [make_context("unit", PENDING)], required=("unit",))
    snapshot = make_snapshot(view, runs=[make_run("unit", 1, RunState.PENDING)])
    assert may_land(view, TARGET, snapshot, is_alone=False) == ""


def test_a_method_that_differs_is_a_reason() -> None:
    view = make_view(1)
    rules = make_rules(merge_method=MergeMethod.REBASE)
    assert "not by merge" in may_land(view, TARGET, make_snapshot(view, rules=rules), is_alone=False)


@pytest.mark.parametrize(
    ("context", "reason"),
    [
        (make_context("unit", base=BASE), ""),
        (make_context("unit", description="Overridden [prow:skip-retest]"), ""),
        (make_context("unit", base=sha("older")), "its jobs do not pass any more"),
        (make_context("unit"), "its jobs do not pass any more"),
        (make_context("unit", PENDING, base=BASE), "its jobs do not pass any more"),
    ],
)
def test_one_that_lands_alone_must_still_be_vouched_for(context: Context, reason: str) -> None:
    view = PullView(make_pull(1, [context]), ("unit",))
    assert may_land(view, TARGET, make_snapshot(view), is_alone=True) == reason
    assert may_land(view, TARGET, make_snapshot(view), is_alone=False) == ""


def test_one_that_somebody_tests_again_does_not_land_alone() -> None:
    view = make_view(1, [make_context("unit", PENDING)], required=("unit",))
    snapshot = make_snapshot(view, runs=[make_run("unit", 1)])
    assert may_land(view, TARGET, snapshot, is_alone=True) == "its jobs do not pass any more"
