"""Where we leave Tide's ways on purpose; each test is named after one change."""

from datetime import timedelta
from typing import Any

import pytest

from tests.builders import (
    FAILURE,
    NOW,
    PENDING,
    make_context,
    make_policy,
    make_rules,
    make_run,
    make_view,
    sha,
)
from tests.unit.policy.deciding import UNIT, decided, numbers, ready
from tide.domain.actions import Merge, MergeBatch, Trigger, TriggerBatch, Wait
from tide.domain.decisions import Place, VerdictKind
from tide.domain.pulls import MergeState, RepoSettings
from tide.domain.rules import BlocksPolicy
from tide.domain.runs import Purpose, RunState

FAILED = RunState.FAILURE


def failed(*members: int) -> tuple[tuple[int, str], ...]:
    return tuple((number, sha(number)) for number in members)


class TestTheSameFailedBatchIsNotStartedAgain:
    def test_its_first_half_comes_next(self) -> None:
        decision = decided(*map(ready, (1, 2, 3, 4)), failed_batches=(failed(1, 2, 3, 4),))
        assert isinstance(decision.action, TriggerBatch)
        assert numbers(decision.action) == [1, 2]
        assert "its first half is tested next" in decision.action.reason

    def test_the_half_is_rounded_up(self) -> None:
        assert numbers(decided(*map(ready, (1, 2, 3)), failed_batches=(failed(1, 2, 3),)).action) == [1, 2]

    def test_runs_with_a_failed_required_job_say_so_as_well(self) -> None:
        decision = decided(*map(ready, (1, 2, 3)), runs=(make_run("unit", (1, 2, 3), FAILED),))
        assert numbers(decision.action) == [1, 2]

    def test_newcomers_change_nothing(self) -> None:
        decision = decided(*map(ready, (1, 2, 3, 8, 9)), failed_batches=(failed(1, 2, 3),))
        assert numbers(decision.action) == [1, 2]

    def test_the_smallest_failed_batch_counts(self) -> None:
        remembered = (failed(1, 2, 3, 4, 5, 6), failed(1, 2, 3))
        assert numbers(decided(*map(ready, range(1, 7)), failed_batches=remembered).action) == [1, 2]

    def test_it_ends_with_one_pull_request_alone(self) -> None:
        decision = decided(*map(ready, (1, 2, 3)), failed_batches=(failed(1, 2),))
        assert isinstance(decision.action, Trigger)
        assert numbers(decision.action) == [1]

    def test_the_one_alone_is_tested_beside_another_retest(self) -> None:
        other = make_view(3, [make_context("unit", PENDING)], required=UNIT)
        runs = (make_run("unit", 3, RunState.PENDING),)
        decision = decided(ready(1), ready(2), other, runs=runs, failed_batches=(failed(1, 2),))
        assert isinstance(decision.action, Trigger)
        assert numbers(decision.action) == [1]

    def test_the_one_alone_is_not_started_twice(self) -> None:
        pending = make_view(1, [make_context("unit", PENDING)], required=UNIT)
        runs = (make_run("unit", 1, RunState.PENDING),)
        decision = decided(pending, ready(2), runs=runs, failed_batches=(failed(1, 2),))
        assert decision.action == Wait("Waiting for #1 to be tested alone.")

    def test_what_has_passed_alone_waits_while_a_half_is_due(self) -> None:
        runs = (make_run("unit", 1),)
        decision = decided(*map(ready, (1, 2, 3, 4)), runs=runs, failed_batches=(failed(1, 2, 3, 4),))
        assert isinstance(decision.action, TriggerBatch)
        assert numbers(decision.action) == [1, 2]

    def test_it_does_not_wait_for_a_half_that_is_no_batch_after_all(self) -> None:
        runs = (make_run("unit", 1),)
        decision = decided(*map(ready, (1, 2, 3, 4)), runs=runs, failed_batches=(failed(1, 2, 3, 4),))
        assert isinstance(decision.action, TriggerBatch)
        assert isinstance(decision.action.otherwise, Merge)
        assert numbers(decision.action.otherwise) == [1]

    def test_it_does_not_wait_for_one_that_is_tested_alone(self) -> None:
        decision = decided(*map(ready, (1, 2, 3)), runs=(make_run("unit", 3),), failed_batches=(failed(1, 2),))
        assert isinstance(decision.action, Merge)
        assert numbers(decision.action) == [3]

    def test_others_are_tested_alone_while_it_waits(self) -> None:
        runs = (make_run("unit", 1), make_run("unit", (1, 2), RunState.PENDING))
        decision = decided(*map(ready, (1, 2, 3, 4)), runs=runs, failed_batches=(failed(1, 2, 3, 4),))
        assert isinstance(decision.action, Trigger)
        assert numbers(decision.action) == [2]

    def test_what_is_left_of_it_is_halved_after_a_part_has_landed(self) -> None:
        decision = decided(*map(ready, (3, 4, 9)), failed_batches=(failed(3, 4),))
        assert isinstance(decision.action, Trigger)
        assert numbers(decision.action) == [3]

    def test_the_last_one_that_is_left_of_it_is_tested_alone(self) -> None:
        decision = decided(*map(ready, (4, 8, 9)), failed_batches=(failed(4),))
        assert isinstance(decision.action, Trigger)
        assert numbers(decision.action) == [4]
        assert "of its members only this one has not landed" in decision.action.reason

    def test_where_no_batches_are_allowed_nothing_waits_for_a_half(self) -> None:
        rules = make_rules(batch_size_limit=-1)
        runs = (make_run("unit", 1),)
        decision = decided(*map(ready, (1, 2, 3, 4)), runs=runs, rules=rules, failed_batches=(failed(1, 2, 3, 4),))
        assert isinstance(decision.action, Merge)

    def test_nothing_waits_for_a_half_that_needs_no_job_any_more(self) -> None:
        views = [make_view(number) for number in (1, 2, 3, 4)]
        decision = decided(*views, failed_batches=(failed(1, 2, 3, 4),))
        assert isinstance(decision.action, Merge)
        assert numbers(decision.action) == [1]

    def test_a_half_is_made_of_those_that_need_a_job(self) -> None:
        views = (make_view(1), make_view(2), *map(ready, (3, 4, 5)))
        decision = decided(*views, failed_batches=(failed(1, 2, 3, 4, 5),))
        assert isinstance(decision.action, TriggerBatch)
        assert numbers(decision.action) == [3, 4]

    def test_a_new_head_among_its_members_ends_the_memory(self) -> None:
        decision = decided(ready(1), ready(2, head_sha=sha("new")), failed_batches=(failed(1, 2),))
        assert isinstance(decision.action, TriggerBatch)
        assert numbers(decision.action) == [1, 2]

    def test_a_member_that_has_left_ends_the_memory(self) -> None:
        decision = decided(ready(1), ready(3), ready(2, labels=()), failed_batches=(failed(1, 2, 3),))
        assert numbers(decision.action) == [1, 3]


class TestAnUnfinishedBatchIsFinished:
    RUNS = (make_run("lint", (2, 1), RunState.PENDING),)
    VIEWS = tuple(make_view(number, required=("lint", "unit")) for number in (1, 2, 3))

    def test_it_goes_on_with_the_same_members_in_their_order(self) -> None:
        decision = decided(*self.VIEWS, runs=self.RUNS)
        assert isinstance(decision.action, TriggerBatch)
        assert numbers(decision.action) == [2, 1]
        assert decision.action.limit == 2

    def test_what_passed_alone_waits_for_it_while_it_runs(self) -> None:
        alone = tuple(make_run(context, 3) for context in ("lint", "unit"))
        decision = decided(*self.VIEWS, runs=(*self.RUNS, *alone))
        assert isinstance(decision.action, TriggerBatch)

    def test_what_passed_alone_does_not_wait_when_nothing_of_it_runs(self) -> None:
        alone = tuple(make_run(context, 3) for context in ("lint", "unit"))
        decision = decided(*self.VIEWS, runs=(make_run("lint", (2, 1)), *alone))
        assert isinstance(decision.action, Merge)

    def test_a_job_without_a_verdict_is_tried_again(self) -> None:
        runs = (make_run("lint", (1, 2)), make_run("unit", (1, 2), RunState.ABORTED, attempt=2))
        assert numbers(decided(*self.VIEWS, runs=runs).action) == [1, 2]

    def test_after_three_attempts_without_a_verdict_it_has_failed(self) -> None:
        runs = (make_run("lint", (1, 2, 3)), make_run("unit", (1, 2, 3), RunState.ERROR, attempt=3))
        decision = decided(*self.VIEWS, runs=runs)
        assert isinstance(decision.action, TriggerBatch)
        assert numbers(decision.action) == [1, 2]
        assert "has failed" in decision.action.reason

    def test_it_is_thrown_away_where_existing_batches_have_no_priority(self) -> None:
        decision = decided(*self.VIEWS, runs=self.RUNS, rules=make_rules(prioritize_existing_batches=False))
        assert numbers(decision.action) == [1, 2, 3]

    def test_it_is_thrown_away_when_it_is_larger_than_allowed(self) -> None:
        runs = (make_run("lint", (1, 2, 3), RunState.PENDING),)
        decision = decided(*self.VIEWS, runs=runs, rules=make_rules(batch_size_limit=2))
        assert isinstance(decision.action, TriggerBatch)
        assert decision.action.limit == 2

    def test_it_is_thrown_away_when_a_part_of_it_has_failed(self) -> None:
        runs = (make_run("lint", (1, 2, 3), RunState.PENDING),)
        decision = decided(*self.VIEWS, runs=runs, failed_batches=(failed(1, 2),))
        assert isinstance(decision.action, Trigger)
        assert numbers(decision.action) == [1]


def test_several_passed_batches_are_ordered_by_size_then_numbers() -> None:
    runs = tuple(make_run("unit", members) for members in ((5, 6), (3, 4), (1, 2)))
    decision = decided(*map(ready, range(1, 7)), runs=runs)
    assert isinstance(decision.action, MergeBatch)
    assert numbers(decision.action) == [1, 2]


def test_scheduling_counts_as_pending() -> None:
    assert decided(ready(1), runs=(make_run("unit", 1, RunState.SCHEDULING),)).pending == (1,)


@pytest.mark.parametrize("name", ["ci/x/unit", "a" * 80, "unit (linux, 3.11)"])
def test_a_retest_is_known_by_the_full_name_of_its_context(name: str) -> None:
    view = make_view(2, [make_context(name, PENDING)], required=(name,))
    decision = decided(ready(1), view, runs=(make_run(name, 2, RunState.PENDING),))
    assert numbers(decision.action) == [1, 2]


class TestAnAbortedRunIsNoVerdict:
    def test_the_job_is_missing(self) -> None:
        decision = decided(ready(1), runs=(make_run("unit", 1, RunState.ABORTED),))
        assert isinstance(decision.action, Trigger)

    def test_its_red_context_does_not_put_the_pull_request_outside(self) -> None:
        view = make_view(1, [make_context("unit", FAILURE)], required=UNIT)
        decision = decided(view, runs=(make_run("unit", 1, RunState.ERROR),))
        assert isinstance(decision.action, Trigger)

    def test_it_is_tested_alone_first_since_its_context_is_red(self) -> None:
        view = make_view(1, [make_context("unit", FAILURE)], required=UNIT)
        decision = decided(view, ready(2), runs=(make_run("unit", 1, RunState.ERROR),))
        assert isinstance(decision.action, Trigger)
        assert numbers(decision.action) == [1]

    def test_a_run_that_somebody_else_started_and_aborted_stays_aborted(self) -> None:
        view = make_view(1, [make_context("unit", FAILURE)], required=UNIT)
        runs = (make_run("unit", 1, RunState.ABORTED, purpose=Purpose.FOREIGN),)
        assert decided(view, runs=runs).verdicts[0].place is Place.OUTSIDE

    def test_the_last_run_of_a_job_says_what_its_red_context_means(self) -> None:
        view = make_view(1, [make_context("unit", FAILURE)], required=UNIT)
        base = sha("older base")
        failed_at_last = (
            make_run("unit", 1, RunState.ABORTED, base_sha=base, started_at=NOW - timedelta(hours=2)),
            make_run("unit", 1, FAILED, base_sha=base, started_at=NOW - timedelta(hours=1)),
        )
        assert decided(view, runs=failed_at_last).verdicts[0].place is Place.OUTSIDE
        aborted_at_last = (
            make_run("unit", 1, FAILED, base_sha=base, started_at=NOW - timedelta(hours=2)),
            make_run("unit", 1, RunState.ABORTED, base_sha=base, started_at=NOW - timedelta(hours=1)),
        )
        assert decided(view, runs=aborted_at_last).verdicts[0].place is Place.MISSING

    def test_after_three_attempts_it_has_failed(self) -> None:
        decision = decided(ready(1), runs=(make_run("unit", 1, RunState.ABORTED, attempt=3),))
        assert isinstance(decision.action, Wait)
        assert decision.verdicts[0].summary == "Not mergeable. Job unit failed on the current base."


def test_a_failure_on_this_very_base_and_head_is_not_repeated_until_one_of_them_moves() -> None:
    decision = decided(ready(1), runs=(make_run("unit", 1, FAILED),))
    assert decision.verdicts[0].place is Place.OUTSIDE
    assert isinstance(decision.action, Wait)
    moved = decided(ready(1), runs=(make_run("unit", 1, FAILED, base_sha=sha("older base")),))
    assert isinstance(moved.action, Trigger)


@pytest.mark.parametrize(
    ("fields", "kind", "summary"),
    [
        ({"labels": ()}, VerdictKind.BLOCKED, "Not mergeable. Needs lgtm label."),
        ({"contexts_known": False}, VerdictKind.UNKNOWN, "Not mergeable. The contexts of its head could not be read."),
        ({"held": "its jobs are not known"}, VerdictKind.WAITING, "Not mergeable. Held: its jobs are not known."),
        ({"is_draft": True}, VerdictKind.BLOCKED, "Not mergeable. PR is a draft."),
        ({"base_branch": "dev"}, VerdictKind.BLOCKED, "Not mergeable. Its base is dev now."),
        ({"is_open": False}, VerdictKind.BLOCKED, "Not mergeable. PR is closed."),
        ({"is_open": False, "is_merged": True}, VerdictKind.MERGED, "Merged."),
    ],
)
def test_one_that_may_not_merge_is_outside_with_its_reason_and_harms_nobody(
    fields: dict[str, Any], kind: VerdictKind, summary: str
) -> None:
    runs = tuple(make_run("unit", number) for number in (1, 2))
    decision = decided(ready(1, **fields), ready(2), runs=runs)
    assert numbers(decision.action) == [2]
    verdict = decision.verdicts[0]
    assert (verdict.kind, verdict.place, verdict.summary) == (kind, Place.OUTSIDE, summary)
    assert verdict.position is None


def test_nothing_merges_in_an_archived_repository() -> None:
    decision = decided(ready(1), runs=(make_run("unit", 1),), repo_settings=RepoSettings(is_archived=True))
    assert isinstance(decision.action, Wait)
    assert decision.verdicts[0].summary == "Not mergeable. The repository is archived."


@pytest.mark.parametrize(
    ("policy", "place"),
    [(BlocksPolicy.BLOCK, Place.OUTSIDE), (BlocksPolicy.PERMIT, Place.PASSING), (BlocksPolicy.IGNORE, Place.PASSING)],
)
def test_one_that_github_calls_blocked_is_outside_only_by_policy(policy: BlocksPolicy, place: Place) -> None:
    view = ready(1, merge_state=MergeState.BLOCKED)
    decision = decided(view, runs=(make_run("unit", 1),), rules=make_rules(blocks_policy=policy))
    assert decision.verdicts[0].place is place


def test_a_stuck_pending_context_of_one_does_not_keep_others_from_their_retest() -> None:
    stuck = make_view(1, [make_context("unit", PENDING)], required=UNIT)
    runs = (make_run("unit", 1, purpose=Purpose.FOREIGN),)
    decision = decided(stuck, ready(2), runs=runs)
    assert isinstance(decision.action, Trigger)
    assert numbers(decision.action) == [2]


def test_a_missing_required_context_keeps_outside_only_the_one_that_lacks_it() -> None:
    rules = make_rules(context_policy=make_policy(["cla"]))
    decision = decided(ready(1), make_view(2, [make_context("cla")], required=UNIT), rules=rules)
    assert numbers(decision.action) == [2]
    assert decision.verdicts[0].summary == "Not mergeable. Job cla has not succeeded."
