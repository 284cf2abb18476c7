from dataclasses import replace
from typing import Any

import pytest

from tests.builders import (
    BASE,
    FAILURE,
    PENDING,
    SUCCESS,
    make_context,
    make_pull,
    make_rules,
    make_run,
    make_snapshot,
    make_view,
    sha,
)
from tide.domain.actions import Target
from tide.domain.pulls import Context, ContextState
from tide.domain.runs import Run, RunState
from tide.domain.snapshot import Snapshot
from tide.policy.decide import decide
from tide.policy.descriptions import description_of_batch
from tide.policy.lending import is_test_report, lent_contexts

PULL = make_pull(1, [make_context("unit", PENDING)])
TARGETS = (Target(1, sha(1)), Target(2, sha(2)))
ALONE = make_run("unit", 1, RunState.PENDING)
BATCH = make_run("unit", (1, 2), RunState.SUCCESS, description="Job succeeded.", url="https://prow.example/batch")
LENT = Context(
    "unit", ContextState.SUCCESS, description_of_batch("Job succeeded.", BASE), target_url="https://prow.example/batch"
)


def snapshot(*runs: Run, overwrite: bool = True) -> Snapshot:
    views = [make_view(number, required=("unit",)) for number in (1, 2)]
    return make_snapshot(*views, runs=runs, rules=make_rules(overwrite_pending=overwrite))


def test_what_is_pending_gets_the_description_and_the_link_of_the_batch() -> None:
    assert lent_contexts(PULL, TARGETS, snapshot(ALONE, BATCH)) == (LENT,)


def test_a_log_that_only_our_own_page_leads_to_is_no_link_of_a_status() -> None:
    ours = replace(BATCH, url="/runs/x/log")
    assert lent_contexts(PULL, TARGETS, snapshot(ALONE, ours)) == (replace(LENT, target_url=""),)


def test_nothing_is_lent_unless_it_is_configured() -> None:
    assert lent_contexts(PULL, TARGETS, snapshot(ALONE, BATCH, overwrite=False)) == ()


@pytest.mark.parametrize("state", [RunState.SCHEDULING, RunState.TRIGGERED, RunState.PENDING])
@pytest.mark.parametrize("contexts", [[], [make_context("unit", PENDING)]], ids=["not reported yet", "pending"])
def test_a_run_in_flight_is_lent_to_whatever_is_reported_of_it(state: RunState, contexts: list[Context]) -> None:
    runs = snapshot(make_run("unit", 1, state), BATCH)
    assert lent_contexts(make_pull(1, contexts), TARGETS, runs) == (LENT,)


@pytest.mark.parametrize("state", [SUCCESS, FAILURE])
def test_a_context_that_has_ended_meanwhile_is_let_be(state: ContextState) -> None:
    pull = make_pull(1, [make_context("unit", state)])
    assert lent_contexts(pull, TARGETS, snapshot(ALONE, BATCH)) == ()


@pytest.mark.parametrize(
    "alone",
    [
        make_run("unit", 1, RunState.FAILURE),
        make_run("lint", 1, RunState.PENDING),
        make_run("unit", 2, RunState.PENDING),
        make_run("unit", 1, RunState.PENDING, heads=((1, sha("older")),)),
    ],
    ids=["ended", "another job", "another pull request", "another head"],
)
def test_only_runs_in_flight_of_this_head_are_overwritten(alone: Run) -> None:
    assert lent_contexts(PULL, TARGETS, snapshot(alone, BATCH)) == ()


@pytest.mark.parametrize(
    "batch",
    [
        make_run("unit", (1, 2), RunState.FAILURE),
        make_run("unit", (1, 2), RunState.PENDING),
        make_run("unit", (1, 2, 3)),
        make_run("unit", (2, 1)),
        make_run("unit", (1, 2), base_sha=sha("older")),
        make_run("lint", (1, 2)),
    ],
    ids=["failed", "running", "more members", "another order", "another base", "another job"],
)
def test_only_what_exactly_this_batch_has_passed_is_lent(batch: Run) -> None:
    assert lent_contexts(PULL, TARGETS, snapshot(ALONE, batch)) == ()


def test_nothing_is_lent_to_one_that_lands_alone() -> None:
    alone = make_run("unit", 1, RunState.SUCCESS)
    assert lent_contexts(PULL, TARGETS[:1], snapshot(ALONE, alone)) == ()


def test_a_head_that_was_lent_a_result_does_not_pass_by_it_alone() -> None:
    def places(description: str) -> dict[str, Any]:
        lent = make_view(1, [Context("unit", SUCCESS, description)], required=("unit",))
        decision = decide(make_snapshot(lent, runs=[ALONE]))
        return {"passing": decision.passing, "pending": decision.pending}

    assert places(LENT.description) == {"passing": (), "pending": (1,)}
    assert places(f"Job succeeded. BaseSHA:{BASE}") == {"passing": (1,), "pending": ()}


def test_reports_are_known_by_their_marker() -> None:
    assert is_test_report("@alice: The following test **failed**\n\n<!-- test report -->")
    assert not is_test_report("Why did the test report fail?")
