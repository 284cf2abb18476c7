"""What GitHub's own rules for a branch make of a decision."""

from typing import Any

import pytest

from tests.builders import (
    FAILURE,
    PENDING,
    make_context,
    make_job,
    make_policy,
    make_pull,
    make_rules,
    make_run,
    make_snapshot,
    make_view,
)
from tide.domain.actions import Merge, MergeBatch, Trigger, TriggerBatch, Wait
from tide.domain.branch_rules import BranchRules
from tide.domain.decisions import Decision, VerdictKind
from tide.domain.pulls import Context, ContextState
from tide.domain.runs import RunState
from tide.domain.snapshot import PullView
from tide.policy.contexts import ContextOptions, build_context_policy, with_host_contexts
from tide.policy.decide import decide

UNIT = ("unit",)
REQUIRED = BranchRules(required_contexts=("e2e", "tide", "unit"))


def decided(*contexts: Context, host: BranchRules = REQUIRED, **fields: Any) -> Decision:
    """Decide about one pull request whose required job has passed."""
    view = make_view(1, [make_context("unit"), *contexts], required=UNIT)
    return decide(make_snapshot(view, runs=(make_run("unit", 1),), branch_rules=host, **fields))


@pytest.mark.parametrize("contexts", [(), (make_context("e2e", PENDING),), (make_context("e2e", FAILURE),)])
def test_a_context_that_github_requires_is_waited_for_though_nothing_else_asks_for_it(
    contexts: tuple[Context, ...],
) -> None:
    decision = decided(*contexts)
    assert isinstance(decision.action, Wait)
    assert decision.verdicts[0].summary == "Not mergeable. Job e2e has not succeeded."
    assert isinstance(decided(make_context("e2e")).action, Merge)


def test_what_github_requires_is_not_optional_whatever_is_configured() -> None:
    rules = make_rules(context_policy=make_policy(optional=("e2e",), optional_patterns=("^e2",), skip_unknown=True))
    assert isinstance(decided(make_context("e2e", FAILURE), rules=rules, host=BranchRules()).action, Merge)
    assert isinstance(decided(make_context("e2e", FAILURE), rules=rules).action, Wait)


def test_the_status_that_we_write_ourselves_is_not_waited_for() -> None:
    assert isinstance(decided(host=BranchRules(required_contexts=("tide",))).action, Merge)


def test_a_policy_with_githubs_contexts_does_not_contradict_itself() -> None:
    jobs = [make_job("lint", optional=True), make_job("docs", run_if_changed="^docs/")]
    policy = with_host_contexts(build_context_policy(ContextOptions(), jobs, "main"), ("docs", "lint"))
    assert policy == make_policy(("docs", "lint"))


def test_first_runs_start_before_what_github_asks_for_besides() -> None:
    view = PullView(make_pull(1), UNIT)
    rules = make_rules(trigger=True, context_policy=make_policy(UNIT))
    decision = decide(make_snapshot(view, rules=rules, branch_rules=REQUIRED))
    assert [trigger.contexts for trigger in decision.first_runs] == [UNIT]


@pytest.mark.parametrize(
    ("host", "text"),
    [
        (BranchRules(requires_queue=True), "Only GitHub's own merge queue may merge into main."),
        (BranchRules(may_push=False), "GitHub's rules do not let us change main."),
    ],
)
def test_a_branch_that_is_closed_to_us_stops_the_pool_and_says_why(host: BranchRules, text: str) -> None:
    decision = decided(host=host)
    assert decision.action == Wait(text)
    (verdict,) = decision.verdicts
    assert (verdict.kind, verdict.state) == (VerdictKind.BLOCKED, ContextState.ERROR)
    assert verdict.summary == f"Not mergeable. {text}"
    assert verdict.unblock[-1].startswith("Have an administrator let the account of the queue ")


def test_no_batches_are_made_where_each_head_must_contain_the_base() -> None:
    views = [make_view(number, required=UNIT) for number in (1, 2)]
    assert isinstance(decide(make_snapshot(*views)).action, TriggerBatch)
    assert isinstance(decide(make_snapshot(*views, branch_rules=BranchRules(is_strict=True))).action, Trigger)


def test_a_batch_that_passed_before_the_rule_came_is_tested_one_by_one() -> None:
    views = [make_view(number, required=UNIT) for number in (1, 2)]
    passed = make_snapshot(*views, runs=(make_run("unit", (1, 2)),))
    assert isinstance(decide(passed).action, MergeBatch)
    strict = make_snapshot(*views, runs=passed.runs, branch_rules=BranchRules(is_strict=True))
    assert isinstance(decide(strict).action, Trigger)


def half_tested(state: RunState = RunState.PENDING, host: BranchRules = REQUIRED, **rules: Any) -> Decision:
    """Decide about a batch that has passed while its first member is still under test alone."""
    done = make_context("e2e")
    views = [
        make_view(1, [done, make_context("unit", PENDING)], required=UNIT),
        make_view(2, [done], required=UNIT),
    ]
    runs = (make_run("unit", 1, state), make_run("unit", (1, 2)))
    return decide(make_snapshot(*views, runs=runs, branch_rules=host, rules=make_rules(**rules)))


def test_a_batch_waits_for_what_github_requires_and_is_still_running() -> None:
    decision = half_tested()
    assert decision.action == Wait("The batch of #1 and #2 has passed; GitHub requires what still runs: unit on #1.")
    assert isinstance(half_tested(host=BranchRules()).action, MergeBatch)


def test_a_batch_does_not_wait_for_what_it_may_overwrite() -> None:
    assert isinstance(half_tested(overwrite_pending=True).action, MergeBatch)


def test_a_batch_does_not_wait_for_what_nobody_is_running() -> None:
    assert isinstance(half_tested(RunState.ABORTED).action, MergeBatch)
