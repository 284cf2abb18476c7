from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import BASE, NOW, POOL, make_job, make_run, sha
from tide.adapters.prowjobs.reading import OVERDUE, as_of, needs_another_attempt, relevant, run_of, runs_of
from tide.adapters.prowjobs.writing import ProwSettings, build, run_name
from tide.domain.errors import BadAnswer
from tide.domain.runs import Candidate, Head, Purpose, Run, RunKind, RunState

ALONE = Candidate(POOL, BASE, (Head(7, sha(7), author="alice"),), run_tree=sha("tree"))

KEYS = (
    *("metadata", "spec", "status", "refs", "pulls", "number", "sha"),
    *("type", "state", "org", "repo", "base_ref", "labels", "annotations"),
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.sampled_from(["presubmit", "batch", "true"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=6,
        )
    ),
    max_leaves=30,
)


def make_object(purpose: Purpose = Purpose.RETEST, attempt: int = 1) -> dict[str, Any]:
    return build(ALONE, make_job(), purpose, attempt, NOW, ProwSettings())


def test_what_was_written_is_read_back() -> None:
    made = make_object(Purpose.FIRST, attempt=3)
    made["spec"]["prowjob_defaults"] = {"tenant_id": "blue"}
    made["status"] |= {
        "state": "success",
        "description": "Job succeeded.",
        "url": "https://ci.example/1",
        "completionTime": "2026-01-02T03:04:05Z",
    }
    assert run_of(made) == Run(
        name=run_name(ALONE, "unit", 3),
        job="unit",
        context="unit",
        kind=RunKind.PRESUBMIT,
        pool=POOL,
        base_sha=BASE,
        heads=((7, sha(7)),),
        state=RunState.SUCCESS,
        purpose=Purpose.FIRST,
        job_digest="digest-unit",
        run_tree=sha("tree"),
        attempt=3,
        description="Job succeeded.",
        url="https://ci.example/1",
        tenant_id="blue",
        started_at=NOW,
        completed_at=NOW,
        overdue_at=NOW + timedelta(hours=25),
    )


@pytest.mark.parametrize(
    ("labels", "kind", "purpose"),
    [
        ({}, "presubmit", Purpose.FOREIGN),
        ({"created-by-tide": "true"}, "presubmit", Purpose.RETEST),
        ({"created-by-tide": "true"}, "batch", Purpose.BATCH),
        ({"merge-queue.tide/purpose": "nonsense"}, "batch", Purpose.FOREIGN),
    ],
)
def test_the_runs_of_prows_tide_are_told_from_foreign_ones(labels: dict[str, str], kind: str, purpose: Purpose) -> None:
    made = make_object()
    made["metadata"]["labels"] = labels
    made["spec"]["type"] = kind
    assert run_of(made).purpose is purpose


@pytest.mark.parametrize("state", ["", "nonsense", None, 3])
def test_a_state_that_prow_does_not_have_is_an_error(state: object) -> None:
    made = make_object()
    made["status"]["state"] = state
    assert run_of(made).state is RunState.ERROR


@pytest.mark.parametrize("attempt", ["0", "-1", "x", "", "²", "9" * 5000])
def test_an_unreadable_attempt_is_the_first(attempt: str) -> None:
    made = make_object()
    made["metadata"]["annotations"]["merge-queue.tide/attempt"] = attempt
    assert run_of(made).attempt == 1


@pytest.mark.parametrize(
    "spoilt",
    [
        {"type": "periodic"},
        {"refs": None},
        {"refs": {"org": "acme", "repo": "rocket"}},
        {"refs": {"org": "acme", "repo": "rocket", "base_ref": "main", "pulls": [{"sha": "x"}]}},
        {"refs": {"org": "acme", "repo": "rocket", "base_ref": "main", "pulls": [{"number": True}]}},
        {"refs": {"org": "acme", "repo": "rocket", "base_ref": "main", "pulls": "7"}},
    ],
)
def test_what_does_not_test_a_branch_is_refused_and_left_out_of_lists(spoilt: dict[str, Any]) -> None:
    made = make_object()
    made["spec"] |= spoilt
    with pytest.raises(BadAnswer):
        run_of(made)
    assert runs_of([made, make_object()]) == (run_of(make_object()),)


@given(st.dictionaries(st.sampled_from(["metadata", "spec", "status"]), ANYTHING))
def test_no_object_breaks_the_reader(prowjob: dict[str, Any]) -> None:
    assert len(runs_of([prowjob])) in {0, 1}


def test_relevant_are_all_runs_on_the_base_and_our_presubmits_of_the_heads() -> None:
    elsewhere = sha("elsewhere")
    on_base = make_run("a", 1, purpose=Purpose.FOREIGN)
    ours = make_run("b", 2, base_sha=elsewhere)
    foreign = make_run("c", 2, base_sha=elsewhere, purpose=Purpose.FOREIGN)
    batch = make_run("d", (1, 2), base_sha=elsewhere)
    other_head = make_run("e", 3, base_sha=elsewhere)
    runs = [other_head, batch, foreign, ours, on_base]
    assert relevant(runs, BASE, {sha(1), sha(2)}) == (on_base, ours)


@pytest.mark.parametrize("state", list(RunState))
def test_only_what_ended_without_success_is_tried_again(state: RunState) -> None:
    again = {RunState.FAILURE, RunState.ERROR, RunState.ABORTED}
    assert needs_another_attempt(replace(make_run(), state=state)) is (state in again)


@pytest.mark.parametrize(
    ("status", "hours"),
    [
        ({"state": "pending", "pendingTime": "2026-01-02T04:04:05Z"}, 4),  # its time-out counts from when it was begun
        ({"state": "triggered", "pendingTime": "2026-01-02T04:04:05Z"}, 25),
        ({"state": "scheduling"}, 25),
        ({"state": "pending"}, 25),
    ],
)
def test_a_run_is_overdue_an_hour_after_its_time_out(status: dict[str, str], hours: int) -> None:
    made = make_object()
    made["spec"]["decoration_config"] = {"timeout": "2h0m0s"}
    made["status"] |= status
    run = run_of(made)
    assert run.overdue_at == NOW + timedelta(hours=hours)
    assert as_of(run, run.overdue_at - timedelta(seconds=1)) == run
    late = as_of(run, run.overdue_at)
    assert (late.state, late.description, late.completed_at) == (RunState.ERROR, OVERDUE, run.overdue_at)


@pytest.mark.parametrize("state", [RunState.SUCCESS, RunState.FAILURE, RunState.ABORTED])
def test_a_verdict_counts_however_late_it_came(state: RunState) -> None:
    run = make_run("unit", 7, state, overdue_at=NOW)
    assert as_of(run, NOW + timedelta(days=9)) == run


@pytest.mark.parametrize("start", [None, "soon", "9999-12-31T23:59:59Z"])
def test_a_run_of_unknown_age_is_never_overdue(start: object) -> None:
    made = make_object()
    made["status"]["startTime"] = start
    run = run_of(made)
    assert as_of(run, NOW + timedelta(days=99)) == run


def test_contexts_and_branches_are_read_in_full_whatever_their_labels_hold() -> None:
    made = make_object()
    made["metadata"]["labels"] = {
        "created-by-tide": "true",
        "prow.k8s.io/context": "unit",
        "prow.k8s.io/refs.base_ref": "x",
    }
    made["spec"]["context"] = f"ci/{'long' * 20}/unit"
    made["spec"]["refs"]["base_ref"] = "feature/x"
    run = run_of(made)
    assert (run.purpose, run.context, run.pool.branch) == (
        Purpose.RETEST,
        f"ci/{'long' * 20}/unit",
        "feature/x",
    )
