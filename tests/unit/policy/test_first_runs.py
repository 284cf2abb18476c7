"""The first run of a head: once, for nothing but what it lacks, and only when nothing else is wrong."""

from typing import Any

import pytest

from tests.builders import (
    FAILURE,
    PENDING,
    make_context,
    make_policy,
    make_pull,
    make_rules,
    make_run,
    make_snapshot,
    make_view,
    sha,
)
from tests.unit.policy.deciding import numbers, started
from tide.domain.actions import TriggerBatch, Wait
from tide.domain.decisions import Decision, Place, VerdictKind
from tide.domain.pulls import Context, Mergeable
from tide.domain.runs import Purpose, Run, RunState
from tide.domain.snapshot import PullView
from tide.policy.decide import decide

JOBS = ("lint", "unit")


def fresh(number: int, *contexts: Context, held: str = "", **fields: Any) -> PullView:
    """Build a pull request whose required jobs have shown nothing but `contexts`."""
    return PullView(make_pull(number, contexts, **fields), JOBS, held)


def first(number: int, context: str, state: RunState, **fields: Any) -> Run:
    return make_run(context, number, state, purpose=Purpose.FIRST, **fields)


def decided(*views: PullView, runs: tuple[Run, ...] = (), max_runs: int = 8, **fields: Any) -> Decision:
    fields.setdefault("rules", make_rules(trigger=True, max_runs=max_runs, context_policy=make_policy(JOBS)))
    return decide(make_snapshot(*views, runs=runs, **fields))


def test_a_head_without_results_gets_all_its_required_jobs() -> None:
    decision = decided(fresh(1))
    assert started(decision) == [(1, JOBS)]
    assert isinstance(decision.action, Wait)
    assert decision.verdicts[0].place is Place.OUTSIDE
    assert decision.verdicts[0].kind is VerdictKind.WAITING


def test_nothing_is_started_where_the_setting_is_off() -> None:
    assert started(decided(fresh(1), rules=make_rules(context_policy=make_policy(JOBS)))) == []


def test_only_what_has_no_context_is_started() -> None:
    assert started(decided(fresh(1, make_context("lint")))) == [(1, ("unit",))]
    assert started(decided(fresh(1, make_context("lint", PENDING)))) == [(1, ("unit",))]


def test_each_job_is_started_once_per_head() -> None:
    assert started(decided(fresh(1), first_runs=((sha(1), "lint"),))) == [(1, ("unit",))]
    assert started(decided(fresh(1), first_runs=((sha("older head"), "lint"),))) == [(1, JOBS)]


def test_a_job_whose_run_is_known_is_not_started() -> None:
    assert started(decided(fresh(1), runs=(make_run("unit", 1, purpose=Purpose.FOREIGN),))) == [(1, ("lint",))]


@pytest.mark.parametrize(
    "view",
    [
        fresh(1, labels=()),
        fresh(1, held="its jobs are not known"),
        fresh(1, mergeable=Mergeable.CONFLICTING),
        fresh(1, contexts_known=False),
        fresh(1, make_context("cla", FAILURE)),
        fresh(1, make_context("lint", FAILURE)),
        fresh(1, is_draft=True),
    ],
)
def test_nothing_is_started_for_one_that_something_else_stands_against(view: PullView) -> None:
    decision = decided(view, first_runs=((sha(1), "lint"),))
    assert started(decision) == []


def test_a_missing_context_that_is_no_job_of_ours_stands_against_it() -> None:
    rules = make_rules(trigger=True, context_policy=make_policy([*JOBS, "cla"]))
    assert started(decided(fresh(1), rules=rules)) == []


def test_a_job_that_is_required_only_for_these_files_is_started_too() -> None:
    rules = make_rules(trigger=True, context_policy=make_policy(required_if_present=JOBS))
    decision = decided(fresh(1), fresh(2), rules=rules)
    assert started(decision) == [(1, JOBS), (2, JOBS)]
    assert decision.action == Wait("Waiting for the first runs of #1 and #2.")


def test_no_more_heads_than_allowed_are_in_flight_the_lowest_numbers_first() -> None:
    runs = (first(9, "lint", RunState.PENDING), first(9, "unit", RunState.PENDING))
    decision = decided(fresh(9), fresh(3), fresh(2), fresh(1), runs=runs, max_runs=3)
    assert [number for number, _ in started(decision)] == [1, 2]


def test_a_head_in_flight_takes_no_second_place() -> None:
    runs = (first(9, "lint", RunState.PENDING),)
    assert started(decided(fresh(9), runs=runs, max_runs=1)) == [(9, ("unit",))]


def test_one_whose_first_run_is_pending_is_in_no_batch() -> None:
    contexts = (make_context("lint"), make_context("unit", PENDING))
    view = make_view(2, contexts, required=JOBS)
    ready = [make_view(number, required=JOBS) for number in (1, 3)]
    runs = (first(2, "lint", RunState.SUCCESS), first(2, "unit", RunState.PENDING))
    decision = decided(view, *ready, runs=runs)
    assert isinstance(decision.action, TriggerBatch)
    assert [target.number for target in decision.action.candidates] == [1, 3]
    assert decision.pending == (2,)


def test_an_old_retest_does_not_hide_a_first_run_that_is_pending() -> None:
    view = make_view(2, [make_context("unit", PENDING)], required=JOBS)
    runs = (make_run("unit", 2, base_sha=sha("old")), first(2, "unit", RunState.PENDING))
    decision = decided(view, *[make_view(number, required=JOBS) for number in (1, 3)], runs=runs)
    assert 2 not in numbers(decision.action)


def test_a_first_run_without_a_verdict_is_started_again_up_to_three_times() -> None:
    view = fresh(1, make_context("lint"), make_context("unit", FAILURE))
    known = ((sha(1), "lint"), (sha(1), "unit"))
    again = decided(view, runs=(first(1, "unit", RunState.ABORTED, attempt=2),), first_runs=known)
    assert started(again) == [(1, ("unit",))]
    enough = decided(view, runs=(first(1, "unit", RunState.ABORTED, attempt=3),), first_runs=known)
    assert started(enough) == []


@pytest.mark.parametrize("purpose", [Purpose.FIRST, Purpose.RETEST])
def test_a_failed_job_is_started_again_only_when_somebody_asked_for_it(purpose: Purpose) -> None:
    view = fresh(1, make_context("lint"), make_context("unit", FAILURE))
    runs = (make_run("unit", 1, RunState.FAILURE, purpose=purpose, base_sha=sha("older base")),)
    # Also where nobody remembers that it was started, as in a database that was emptied.
    for known in ((sha(1), "unit"),), ():
        kept = decided(view, runs=runs, first_runs=known)
        assert started(kept) == []
        assert kept.verdicts[0].kind is VerdictKind.BLOCKED
    asked = decided(view, runs=runs, asked_again=((sha(1), "unit"),))
    assert started(asked) == [(1, ("unit",))]


def test_what_is_asked_for_is_started_whoever_starts_first_runs() -> None:
    view = fresh(1, make_context("lint"), make_context("unit", FAILURE))
    decision = decided(view, rules=make_rules(), asked_again=((sha(1), "unit"), (sha(2), "lint")))
    assert started(decision) == [(1, ("unit",))]


def test_what_is_asked_for_is_started_also_where_it_failed_on_this_very_base() -> None:
    view = fresh(1, make_context("lint"), make_context("unit"))
    runs = (make_run("unit", 1, RunState.FAILURE),)
    assert started(decided(view, runs=runs)) == []
    assert started(decided(view, runs=runs, asked_again=((sha(1), "unit"),))) == [(1, ("unit",))]


def test_what_is_asked_for_waits_while_it_runs_and_is_let_be_when_it_has_passed() -> None:
    asked = ((sha(1), "unit"),)
    live = (make_run("unit", 1, RunState.PENDING, purpose=Purpose.FOREIGN, base_sha=sha("older base")),)
    failed = fresh(1, make_context("lint"), make_context("unit", FAILURE))
    assert started(decided(failed, runs=live, asked_again=asked)) == []
    assert started(decided(fresh(1, make_context("lint"), make_context("unit")), asked_again=asked)) == []


def test_a_first_run_on_the_current_base_is_proof_enough_to_merge() -> None:
    view = make_view(1, required=JOBS)
    runs = (first(1, "lint", RunState.SUCCESS), first(1, "unit", RunState.SUCCESS))
    assert numbers(decided(view, runs=runs).action) == [1]
