"""What keeps a whole pool from landing anything."""

from typing import Any

import pytest

from tests.builders import make_pull, make_rules, make_run, make_snapshot, make_view
from tide.domain.actions import Blocked, Merge, Prove, Wait
from tide.domain.decisions import Decision, VerdictKind
from tide.domain.pulls import Blocker
from tide.domain.rules import LandingMode, QueueSettings, Strategy
from tide.domain.runs import Run, RunState
from tide.domain.snapshot import PullView, Standing, StandingKind
from tide.policy.decide import decide

FROZEN = Standing(StandingKind.FROZEN, "#7 landed as another tree than planned")
UNPROVEN = Standing(StandingKind.UNPROVEN, "somebody else pushed", ("unit",))
BLOCKERS = (Blocker(12, "later", "u"), Blocker(4, "sooner", "u"), Blocker(1, "elsewhere", "u", ("dev",)))


def decided(*runs: Run, **fields: Any) -> Decision:
    """Decide about one pull request that has passed, and another whose first run is due."""
    fields.setdefault("rules", make_rules(trigger=True))
    passed, due = make_view(1, required=("unit",)), PullView(make_pull(3), ("unit",))
    return decide(make_snapshot(passed, due, runs=(make_run("unit", 1), *runs), **fields))


def test_without_a_stop_it_merges_and_starts_first_runs() -> None:
    decision = decided()
    assert isinstance(decision.action, Merge)
    assert [trigger.target.number for trigger in decision.first_runs] == [3]


def test_a_frozen_pool_starts_nothing_and_says_why() -> None:
    decision = decided(standing=FROZEN)
    assert decision.action == Wait("The pool is frozen: #7 landed as another tree than planned.")
    assert decision.first_runs == ()
    assert decision.verdicts[0].kind is VerdictKind.BLOCKED
    assert decision.passing == (1,)


def test_a_paused_pool_is_decided_and_explained_but_starts_nothing() -> None:
    decision = decided(rules=make_rules(trigger=True, paused=True))
    assert decision.action == Wait("The queue is paused in its configuration.")
    assert decision.first_runs == ()
    assert decision.passing == (1,)
    assert decision.verdicts[0].summary == "Not mergeable. The queue is paused in its configuration."


def test_an_unproven_head_is_tested_as_it_is() -> None:
    decision = decided(standing=UNPROVEN)
    assert isinstance(decision.action, Prove)
    assert decision.action.contexts == ("unit",)


@pytest.mark.parametrize(
    ("state", "kind", "words"),
    [
        (RunState.PENDING, VerdictKind.WAITING, "its jobs are running on it as it is"),
        (RunState.FAILURE, VerdictKind.BLOCKED, "has failed its jobs"),
    ],
)
def test_nothing_lands_on_an_unproven_head(state: RunState, kind: VerdictKind, words: str) -> None:
    twice = [make_run("unit", (), state, attempt=attempt) for attempt in (1, 2)]
    decision = decided(*twice, standing=UNPROVEN)
    assert isinstance(decision.action, Wait)
    assert words in decision.action.reason
    assert decision.verdicts[0].kind is kind


def test_a_head_that_has_passed_its_jobs_stops_nothing() -> None:
    assert isinstance(decided(make_run("unit", ()), standing=UNPROVEN).action, Merge)


def test_no_job_is_started_on_a_head_that_was_not_read() -> None:
    snapshot = make_snapshot(standing=UNPROVEN, base_sha="")
    assert isinstance(decide(snapshot).action, Wait)


def test_issues_block_their_branch_and_are_named_in_ascending_order() -> None:
    decision = decided(blockers=BLOCKERS)
    assert decision.action == Blocked("Merging is blocked by issues 4, 12.")
    assert decision.verdicts[0].summary == "Not mergeable. Merging is blocked by issues 4, 12."
    assert decision.verdicts[0].kind is VerdictKind.BLOCKED
    assert "Have a maintainer close issues #4 and #12." in decision.verdicts[0].unblock


def test_a_blocked_pool_still_tests_new_heads_for_the_first_time() -> None:
    assert [trigger.target.number for trigger in decided(blockers=BLOCKERS).first_runs] == [3]


def test_the_gravest_of_several_stops_is_told() -> None:
    rules = make_rules(paused=True)
    assert "frozen" in str(decided(standing=FROZEN, blockers=BLOCKERS, rules=rules).action)
    assert "paused" in str(decided(standing=UNPROVEN, blockers=BLOCKERS, rules=rules).action)
    assert isinstance(decided(standing=UNPROVEN, blockers=BLOCKERS).action, Prove)


def test_a_way_of_landing_that_is_not_there_waits_and_says_so() -> None:
    decision = decided(rules=make_rules(settings=QueueSettings(landing=LandingMode.PUSH)))
    assert decision.action == Wait("Landing by `push` is not available yet.")
    assert decision.verdicts[0].unblock[-1] == "Have an operator set `landing` to `rest`."


def test_a_strategy_that_is_not_there_waits_and_says_so() -> None:
    rules = make_rules(settings=QueueSettings(strategy=Strategy.GATE))
    decision = decided(rules=rules)
    assert decision.action == Wait("The strategy `gate` is not available yet.")
    assert len(decision.verdicts) == 2
