"""Tide's own rules, in the order in which they are tried."""

from typing import Any

import pytest

from tests.builders import (
    BASE,
    FAILURE,
    PENDING,
    make_context,
    make_policy,
    make_pull,
    make_rules,
    make_run,
    make_view,
    sha,
)
from tests.unit.policy.deciding import UNIT, decided, numbers, ready
from tide.domain.actions import Merge, MergeBatch, Trigger, TriggerBatch, Wait, targets_of
from tide.domain.decisions import Place, VerdictKind
from tide.domain.pulls import ContextState, Mergeable, MergeMethod
from tide.domain.runs import Purpose, Run, RunState
from tide.domain.snapshot import PullView


def retested(number: int) -> PullView:
    """Build a pull request that is being retested alone by us."""
    return make_view(number, [make_context("unit", PENDING)], required=UNIT)


def test_a_batch_that_passed_merges_before_everything_else_in_its_own_order() -> None:
    runs = (make_run("unit", (3, 1)), make_run("unit", 2))
    decision = decided(ready(1), ready(2), ready(3), runs=runs)
    assert isinstance(decision.action, MergeBatch)
    assert numbers(decision.action) == [3, 1]


def test_one_that_passed_alone_merges_when_no_batch_is_pending() -> None:
    decision = decided(ready(1), ready(2), runs=(make_run("unit", 2),))
    assert (
        decision.action
        == Merge(
            target=decision.action.target,  # type: ignore[union-attr]  # the comparison fails on anything else
            reason=f"It has passed all required jobs on main at {BASE[:7]} and comes first.",
        )
    )
    assert numbers(decision.action) == [2]
    assert (decision.passing, decision.missing) == ((2,), (1,))


def test_while_a_batch_is_pending_what_passed_alone_waits() -> None:
    runs = (make_run("unit", (1, 2), RunState.PENDING), make_run("unit", 3))
    decision = decided(ready(1), ready(2), ready(3), runs=runs)
    assert isinstance(decision.action, Wait)
    assert decision.batch_pending == (1, 2)


def test_while_a_batch_is_pending_one_is_retested_alone() -> None:
    decision = decided(ready(1), ready(2), ready(3), runs=(make_run("unit", (2, 3), RunState.PENDING),))
    assert isinstance(decision.action, Trigger)
    assert numbers(decision.action) == [1]


def test_a_batch_that_needs_no_job_lands_as_one() -> None:
    decision = decided(make_view(1), make_view(2), runs=(make_run("unit", (1, 2)),))
    assert isinstance(decision.action, MergeBatch)
    assert numbers(decision.action) == [1, 2]


@pytest.mark.parametrize("base", [BASE, sha("older base")], ids=["this base", "an older base"])
@pytest.mark.parametrize("state", [None, FAILURE, ContextState.ERROR], ids=["absent", "failed", "in error"])
def test_a_run_in_flight_does_not_bring_in_what_its_contexts_keep_outside(base: str, state: Any) -> None:
    contexts = [make_context("unit", state)] if state else []
    first = PullView(make_pull(1, contexts), UNIT)
    rules = make_rules(context_policy=make_policy(UNIT))
    live = make_run("unit", 1, RunState.PENDING, base_sha=base)
    decision = decided(first, ready(2), runs=(live,), rules=rules)
    assert decision.verdicts[0].place is Place.OUTSIDE
    assert decision.verdicts[0].kind is VerdictKind.WAITING
    assert isinstance(decision.action, Trigger)
    assert numbers(decision.action) == [2]


def test_one_without_required_jobs_merges_at_once() -> None:
    decision = decided(make_view(4), ready(1))
    assert isinstance(decision.action, Merge)
    assert numbers(decision.action) == [4]


def test_one_with_a_pending_context_does_not_merge_alone() -> None:
    view = make_view(1, [make_context("unit", PENDING)], required=UNIT)
    decision = decided(view, runs=(make_run("unit", 1, purpose=Purpose.FOREIGN),))
    assert isinstance(decision.action, Wait)
    assert decision.passing == (1,)


def test_several_are_tested_as_a_batch_in_the_order_of_their_numbers() -> None:
    decision = decided(ready(3), ready(1), retested(2), runs=(make_run("unit", 2, RunState.PENDING),))
    assert isinstance(decision.action, TriggerBatch)
    assert numbers(decision.action) == [1, 2, 3]
    assert decision.action.limit == 0


def test_the_limit_of_a_batch_is_the_smaller_of_both() -> None:
    decision = decided(ready(1), ready(2), rules=make_rules(batch_size_limit=5))
    assert isinstance(decision.action, TriggerBatch)
    assert decision.action.limit == 5


def test_a_batch_comes_with_what_to_do_when_git_leaves_fewer_than_two() -> None:
    decision = decided(ready(1), ready(2))
    assert isinstance(decision.action, TriggerBatch)
    assert isinstance(decision.action.otherwise, Trigger)
    assert decision.action.otherwise.target.number == 1
    assert decision.action.otherwise.contexts == UNIT


def test_the_fallback_waits_while_somebody_is_being_retested() -> None:
    decision = decided(ready(1), retested(2), runs=(make_run("unit", 2, RunState.PENDING),))
    assert isinstance(decision.action, TriggerBatch)
    assert isinstance(decision.action.otherwise, Wait)


def test_one_alone_is_retested_with_its_missing_jobs_only() -> None:
    view = make_view(1, required=("lint", "unit"))
    decision = decided(view, runs=(make_run("lint", 1),))
    assert isinstance(decision.action, Trigger)
    assert decision.action.contexts == ("unit",)


def test_batches_can_be_switched_off() -> None:
    decision = decided(ready(1), ready(2), rules=make_rules(batch_size_limit=-1))
    assert isinstance(decision.action, Trigger)


def test_a_limit_of_one_means_no_batches() -> None:
    assert isinstance(decided(ready(1), ready(2), rules=make_rules(batch_size_limit=1)).action, Trigger)


def test_one_whose_pending_job_is_not_our_retest_is_neither_batched_nor_retested() -> None:
    decision = decided(ready(1), retested(2), ready(3))
    assert numbers(decision.action) == [1, 3]
    assert decision.missing == (1, 2, 3)


def test_a_retest_counts_whatever_its_base_and_state() -> None:
    run = make_run("unit", 2, RunState.FAILURE, base_sha=sha("older base"))
    assert numbers(decided(ready(1), retested(2), runs=(run,)).action) == [1, 2]


def test_a_result_on_another_base_does_not_count() -> None:
    decision = decided(ready(1), runs=(make_run("unit", 1, base_sha=sha("older base")),))
    assert decision.missing == (1,)


def test_a_result_of_another_head_does_not_count() -> None:
    decision = decided(ready(1), runs=(make_run("unit", heads=((1, sha("older head")),)),))
    assert decision.missing == (1,)


def test_a_status_that_names_this_base_is_a_result() -> None:
    decision = decided(make_view(1, [make_context("unit", base=BASE)], required=UNIT))
    assert isinstance(decision.action, Merge)


def test_a_status_that_names_another_base_is_none() -> None:
    decision = decided(make_view(1, [make_context("unit", base=sha("older base"))], required=UNIT))
    assert isinstance(decision.action, Trigger)


def test_a_pending_status_is_no_result_whatever_it_says() -> None:
    view = make_view(1, [make_context("unit", PENDING, base=BASE)], required=UNIT)
    assert decided(view, runs=(make_run("unit", 1, base_sha=sha("older base")),)).missing == (1,)


def test_the_sentinel_of_a_sticky_override_is_a_result_on_every_base() -> None:
    view = make_view(1, [make_context("unit", description="Overridden [prow:skip-retest]")], required=UNIT)
    assert isinstance(decided(view).action, Merge)


def test_success_counts_more_than_pending_and_pending_more_than_failure() -> None:
    states = (RunState.FAILURE, RunState.PENDING)
    runs = tuple(make_run("unit", 1, state, name=state) for state in states)
    assert decided(ready(1), runs=runs).pending == (1,)
    assert decided(ready(1), runs=(*runs, make_run("unit", 1))).passing == (1,)


def test_priority_labels_choose_who_merges_and_who_is_retested() -> None:
    rules = make_rules(priority=(("urgent,hotfix",), ("soon",)), batch_size_limit=-1)
    views = [ready(1), ready(2, labels=("lgtm", "soon")), ready(3, labels=("lgtm", "hotfix"))]
    assert numbers(decided(*views, rules=rules).action) == [3]
    runs = tuple(make_run("unit", number) for number in (1, 2))
    assert numbers(decided(*views, runs=runs, rules=rules).action) == [2]


def test_priority_does_not_order_a_batch() -> None:
    views = [ready(1), ready(2, labels=("lgtm", "urgent"))]
    assert numbers(decided(*views, rules=make_rules(priority=(("urgent",),))).action) == [1, 2]


def test_each_target_carries_its_own_merge_method() -> None:
    rules = make_rules(merge_method=MergeMethod.REBASE, squash_label="squash")
    decision = decided(ready(1), ready(2, labels=("lgtm", "squash")), rules=rules)
    assert [target.method for target in targets_of(decision.action)] == [MergeMethod.REBASE, MergeMethod.SQUASH]


def test_an_empty_pool_waits() -> None:
    assert decided().action == Wait("No pull request is in the pool.")


def outside(*views: PullView, runs: tuple[Run, ...] = (), **fields: Any) -> bool:
    """Tell whether the first pull request is outside its pool."""
    return decided(*views, runs=runs, **fields).verdicts[0].place is Place.OUTSIDE


def test_a_context_that_failed_keeps_its_pull_request_outside() -> None:
    view = make_view(1, [make_context("unit", FAILURE)], required=UNIT)
    assert outside(view, runs=(make_run("unit", 1, base_sha=sha("older base")),))


def test_a_required_context_that_is_not_there_keeps_its_pull_request_outside() -> None:
    assert outside(ready(1), rules=make_rules(context_policy=make_policy(["cla"])))


def test_a_pending_context_keeps_outside_unless_a_required_job_reports_it() -> None:
    pending = [make_context("deploy", PENDING)]
    assert outside(make_view(1, pending, required=UNIT))
    assert not outside(make_view(1, pending, required=("deploy", "unit")))


def test_an_unknown_mergeability_is_no_obstacle() -> None:
    assert not outside(ready(1, mergeable=Mergeable.UNKNOWN))


def test_one_missing_job_makes_a_pull_request_missing_and_one_pending_job_makes_it_pending() -> None:
    view = make_view(1, required=("lint", "unit", "e2e"))
    runs = (make_run("lint", 1), make_run("unit", 1, RunState.PENDING))
    assert decided(view, runs=runs).missing == (1,)
    assert decided(view, runs=(*runs, make_run("e2e", 1))).pending == (1,)
    passed = tuple(make_run(context, 1) for context in ("lint", "unit", "e2e"))
    assert decided(view, runs=passed).passing == (1,)


def test_a_batch_fails_as_soon_as_one_required_job_has_failed() -> None:
    views = [make_view(number, required=("lint", "unit")) for number in (1, 2)]
    runs = (make_run("lint", (1, 2), RunState.FAILURE), make_run("unit", (1, 2), RunState.PENDING))
    decision = decided(*views, runs=runs)
    assert decision.batch_pending == ()
    assert isinstance(decision.action, Trigger)


def test_while_one_is_retested_alone_no_other_is() -> None:
    runs = (make_run("unit", 1, RunState.PENDING),)
    decision = decided(retested(1), ready(2), runs=runs, rules=make_rules(batch_size_limit=-1))
    assert isinstance(decision.action, Wait)


def test_a_batch_comes_before_a_retest_alone() -> None:
    assert isinstance(decided(ready(1), ready(2)).action, TriggerBatch)


def test_what_passed_alone_merges_before_a_batch_is_started() -> None:
    decision = decided(ready(1), ready(2), ready(3), runs=(make_run("unit", 3),))
    assert isinstance(decision.action, Merge)
    assert numbers(decision.action) == [3]


def test_after_a_merge_all_others_are_missing() -> None:
    runs = tuple(make_run("unit", number) for number in (1, 2))
    assert decided(ready(2), ready(3), runs=runs, base_sha=sha("after the merge")).missing == (2, 3)


def test_a_batch_that_passed_does_not_wait_for_one_that_is_pending() -> None:
    runs = (make_run("unit", (1, 2)), make_run("unit", (1, 2, 3), RunState.PENDING))
    decision = decided(ready(1), ready(2), ready(3), runs=runs)
    assert isinstance(decision.action, MergeBatch)
    assert numbers(decision.action) == [1, 2]
