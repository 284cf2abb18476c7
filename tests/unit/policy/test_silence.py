"""A pending status without a run behind it is no work in progress: the job ended, its report is missing."""

from dataclasses import replace
from typing import Any

import pytest

from tests.builders import (
    FAILURE,
    PENDING,
    SUCCESS,
    make_context,
    make_policy,
    make_rules,
    make_run,
    make_snapshot,
    make_view,
    sha,
)
from tests.unit.policy.deciding import UNIT, numbers, ready, started
from tide.domain.actions import Merge, TriggerBatch, Wait
from tide.domain.branch_rules import BranchRules
from tide.domain.decisions import Decision, Place
from tide.domain.pulls import ContextSource, MergeState
from tide.domain.runs import Purpose, Run, RunState
from tide.domain.snapshot import PullView
from tide.policy.decide import decide
from tide.policy.landing import may_land
from tide.policy.silence import unattended

LATE = ((sha(1), "unit"),)
REQUIRED = BranchRules(required_contexts=UNIT)


def pending(number: int = 1, **fields: Any) -> PullView:
    return make_view(number, [make_context("unit", PENDING)], required=UNIT, **fields)


def decided(*views: PullView, runs: tuple[Run, ...] = (), late: Any = LATE, **fields: Any) -> Decision:
    return decide(make_snapshot(*views, runs=runs, unreported=late, **fields))


def detail(decision: Decision, name: str = "context unit") -> str:
    return next(it.detail for it in decision.verdicts[0].requirements if it.name == name)


def test_a_run_that_passed_is_believed_where_nobody_else_demands_its_status() -> None:
    decision = decided(pending(), runs=(make_run("unit", 1),))
    assert isinstance(decision.action, Merge)
    assert started(decision) == []
    assert detail(decision) == "the job ended, its report is missing; its run has passed"


def test_what_is_believed_may_land_as_it_is() -> None:
    snapshot = make_snapshot(pending(), runs=(make_run("unit", 1),), unreported=LATE)
    action = decide(snapshot).action
    assert isinstance(action, Merge)
    assert may_land(pending(), action.target, snapshot, is_alone=True) == ""
    failed = make_view(1, [make_context("unit", FAILURE)], required=UNIT)
    assert may_land(failed, action.target, snapshot, is_alone=True) != ""


def test_its_report_is_waited_for_at_first() -> None:
    decision = decided(pending(), runs=(make_run("unit", 1),), late=())
    assert isinstance(decision.action, Wait)
    assert started(decision) == []
    assert decision.verdicts[0].summary == "Not mergeable. Job unit has not succeeded."


@pytest.mark.parametrize("fields", [{"branch_rules": REQUIRED}, {}], ids=["by its rules", "by its word"])
def test_where_github_demands_the_status_the_job_is_run_again(fields: dict[str, Any]) -> None:
    view = pending(merge_state=MergeState.CLEAN if fields else MergeState.BLOCKED)
    decision = decided(view, runs=(make_run("unit", 1),), **fields)
    assert started(decision) == [(1, UNIT)]
    assert isinstance(decision.action, Wait)
    assert decision.verdicts[0].summary == "Not mergeable. Job unit: the job ended, its report is missing."
    assert decision.verdicts[0].unblock == ()


def test_it_is_not_run_again_for_ever() -> None:
    decision = decided(pending(), runs=(make_run("unit", 1, attempt=3),), branch_rules=REQUIRED)
    assert started(decision) == []
    assert decision.verdicts[0].unblock == ("Have unit reported: the job ended, its report is missing.",)


@pytest.mark.parametrize("trigger", [True, False])
def test_a_job_whose_prowjob_is_gone_is_run_again_whoever_starts_first_runs(*, trigger: bool) -> None:
    decision = decided(pending(), rules=make_rules(trigger=trigger))
    assert started(decision) == [(1, UNIT)]
    assert detail(decision) == "the job ended, its report is missing"


def test_a_run_that_failed_counts_as_failed() -> None:
    decision = decided(pending(), runs=(make_run("unit", 1, RunState.FAILURE, base_sha=sha("old")),))
    assert decision.verdicts[0].place is Place.OUTSIDE
    assert started(decision) == []
    assert decision.verdicts[0].unblock == ("Mend or rerun unit (`tide retest acme/rocket#1`).",)


def test_a_run_that_passed_on_an_older_base_is_as_good_as_a_green_status() -> None:
    runs = (make_run("unit", 1, base_sha=sha("old"), purpose=Purpose.FIRST),)
    decision = decided(pending(), ready(2), runs=runs)
    assert isinstance(decision.action, TriggerBatch)
    assert numbers(decision.action) == [1, 2]


def test_while_a_run_of_anybody_works_on_it_nothing_is_missing() -> None:
    live = make_run("unit", 1, RunState.PENDING, base_sha=sha("old"), purpose=Purpose.FOREIGN)
    assert started(decided(pending(), runs=(live,))) == []


def test_nobody_waits_for_the_report_of_another() -> None:
    decision = decided(pending(), ready(2), ready(3), branch_rules=REQUIRED)
    assert numbers(decision.action) == [2, 3]


def test_a_job_that_is_not_required_here_but_counts_is_run_again_too() -> None:
    view = make_view(1, [make_context("e2e", PENDING)], required=UNIT)
    assert started(decided(view, late=((sha(1), "e2e"),))) == [(1, ("e2e",))]


def test_an_optional_one_is_let_be() -> None:
    view = make_view(1, [make_context("e2e", PENDING)], required=UNIT)
    rules = make_rules(context_policy=make_policy(optional=("e2e",)))
    assert started(decided(view, late=((sha(1), "e2e"),), rules=rules)) == []


def test_unattended_are_the_pending_statuses_of_jobs_that_no_run_works_on() -> None:
    check = replace(make_context("check", PENDING), source=ContextSource.CHECK_RUN)
    contexts = (make_context("unit", PENDING), make_context("lint", SUCCESS), make_context("cla", PENDING), check)
    pull = make_view(1, contexts).pull
    jobs = ("check", "lint", "unit")
    assert unattended(pull, jobs) == UNIT
    assert unattended(pull, jobs, running=UNIT) == ()
