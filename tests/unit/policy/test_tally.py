from typing import Any

import pytest

from tests.builders import make_run, make_snapshot, make_view, sha
from tide.domain.evidence import BatchState
from tide.domain.runs import Run, RunState
from tide.policy.evaluation import Evaluation
from tide.policy.tally import Batches, batch_state

MEMBERS = ((1, sha(1)), (2, sha(2)))
PASSED, FAILED, RUNNING = RunState.SUCCESS, RunState.FAILURE, RunState.PENDING


def batch(context: str, state: RunState, *numbers: int, **fields: Any) -> Run:
    return make_run(context, numbers or (1, 2), state, **fields)


def tallied(*runs: Run, numbers: tuple[int, ...] = (1, 2, 3, 4)) -> Batches:
    views = [make_view(number, required=("lint", "unit")) for number in numbers]
    return Evaluation.of(make_snapshot(*views, runs=runs)).batches


def numbers_of(members: tuple[tuple[int, str], ...]) -> list[int]:
    return [number for number, _ in members]


@pytest.mark.parametrize(
    ("runs", "state"),
    [
        ([], BatchState.TESTING),
        ([batch("lint", PASSED)], BatchState.TESTING),
        ([batch("lint", PASSED), batch("unit", PASSED)], BatchState.PASSED),
        ([batch("lint", FAILED), batch("unit", RUNNING)], BatchState.FAILED),
        ([batch("lint", PASSED), batch("unit", FAILED), batch("unit", PASSED, attempt=2)], BatchState.PASSED),
        ([batch("lint", PASSED), batch("unit", RunState.ABORTED, attempt=2)], BatchState.TESTING),
        ([batch("lint", PASSED), batch("unit", RunState.ABORTED, attempt=3)], BatchState.FAILED),
        ([batch("lint", PASSED), batch("unit", RunState.ERROR, attempt=3)], BatchState.FAILED),
        ([batch("lint", PASSED), batch("unit", FAILED, 1, 3)], BatchState.TESTING),
        ([batch("lint", PASSED), batch("unit", PASSED), batch("extra", FAILED)], BatchState.PASSED),
    ],
)
def test_a_batch_fails_with_its_first_job_and_passes_with_its_last(runs: list[Run], state: BatchState) -> None:
    assert batch_state(MEMBERS, ["lint", "unit"], runs) is state


def test_a_batch_whose_member_has_left_is_not_looked_at() -> None:
    assert tallied(batch("lint", RUNNING), batch("unit", RUNNING), numbers=(1, 3)) == Batches()


def test_a_batch_whose_member_has_a_new_head_is_not_looked_at() -> None:
    stale = ((1, sha(1)), (2, sha("old")))
    assert tallied(batch("lint", RUNNING, heads=stale), batch("unit", RUNNING, heads=stale)) == Batches()


def test_a_batch_on_another_base_is_not_looked_at() -> None:
    old = sha("old base")
    assert tallied(batch("lint", PASSED, base_sha=old), batch("unit", PASSED, base_sha=old)) == Batches()


def test_of_several_pending_batches_the_largest_then_the_lowest_numbers_counts() -> None:
    runs = [batch(context, RUNNING, *members) for members in ((3, 4), (1, 2)) for context in ("lint", "unit")]
    assert numbers_of(tallied(*runs).pending) == [1, 2]
    larger = [batch(context, RUNNING, 2, 3, 4) for context in ("lint", "unit")]
    assert numbers_of(tallied(*runs, *larger).pending) == [2, 3, 4]


def test_of_several_passed_batches_the_largest_counts() -> None:
    runs = [batch(context, PASSED, *members) for members in ((1, 2), (2, 3, 4)) for context in ("lint", "unit")]
    assert numbers_of(tallied(*runs).passed) == [2, 3, 4]


def test_scheduling_counts_as_pending() -> None:
    found = tallied(batch("lint", RunState.SCHEDULING), batch("unit", RunState.TRIGGERED))
    assert numbers_of(found.pending) == [1, 2]


def test_a_batch_that_lacks_runs_is_unfinished_not_failed() -> None:
    found = tallied(batch("lint", RUNNING))
    assert [numbers_of(one.members) for one in found.unfinished] == [[1, 2]]
    assert found.pending == ()
    assert found.failed == ()


def test_of_several_unfinished_batches_the_one_that_has_shown_most_comes_first() -> None:
    found = tallied(batch("lint", RUNNING, 1, 2), batch("lint", PASSED, 3, 4))
    assert [numbers_of(one.members) for one in found.unfinished] == [[3, 4], [1, 2]]


def test_the_required_jobs_of_a_batch_are_those_of_all_its_members() -> None:
    views = [make_view(1, required=("lint",)), make_view(2, required=("unit",))]
    runs = [batch("lint", PASSED)]
    assert Evaluation.of(make_snapshot(*views, runs=runs)).batches.passed == ()
    runs.append(batch("unit", PASSED))
    assert numbers_of(Evaluation.of(make_snapshot(*views, runs=runs)).batches.passed) == [1, 2]


def test_failed_batches_are_remembered_the_smallest_first() -> None:
    views = [make_view(number, required=("unit",)) for number in (1, 2, 3)]
    remembered = (((1, sha(1)), (2, sha(2)), (3, sha(3))), ((2, sha(2)), (9, sha(9))))
    snapshot = make_snapshot(*views, runs=[batch("unit", FAILED, 3, 2)], failed_batches=remembered)
    failed = [sorted(number for number, _ in one) for one in Evaluation.of(snapshot).batches.failed]
    assert failed == [[2, 3], [1, 2, 3]]


def test_of_a_batch_that_failed_a_single_one_may_be_left() -> None:
    snapshot = make_snapshot(make_view(1, required=("unit",)), failed_batches=((), ((1, sha(1)),)))
    assert Evaluation.of(snapshot).batches.failed == (frozenset({(1, sha(1))}),)


def test_members_that_need_no_job_any_more_have_not_made_a_batch_fail() -> None:
    views = [make_view(number, required=required) for number, required in ((1, ()), (2, ("unit",)), (3, ()))]
    remembered = (((1, sha(1)), (2, sha(2)), (3, sha(3))), ((1, sha(1)), (3, sha(3))))
    snapshot = make_snapshot(*views, failed_batches=remembered)
    assert Evaluation.of(snapshot).batches.failed == (frozenset({(2, sha(2))}),)
