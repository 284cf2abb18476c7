import pytest

from tests.builders import BASE, make_run, sha
from tide.domain.runs import Run, RunKind, RunState
from tide.domain.snapshot import Standing, StandingKind
from tide.policy.proof import ProofState, proof_state, unproved_contexts

STANDING = Standing(StandingKind.UNPROVEN, "a landing stopped half-way", ("lint", "unit"))


def proof(context: str, state: RunState = RunState.SUCCESS, **fields: int | str) -> Run:
    return make_run(context, (), state, **fields)


@pytest.mark.parametrize(
    ("runs", "state"),
    [
        ([], ProofState.MISSING),
        ([proof("lint", RunState.SUCCESS)], ProofState.MISSING),
        ([proof("lint", RunState.SUCCESS), proof("unit", RunState.PENDING)], ProofState.RUNNING),
        ([proof("lint", RunState.SUCCESS), proof("unit", RunState.SCHEDULING)], ProofState.RUNNING),
        ([proof("lint", RunState.SUCCESS), proof("unit", RunState.SUCCESS)], ProofState.PROVED),
        ([proof("lint", RunState.FAILURE), proof("unit", RunState.PENDING)], ProofState.MISSING),
        (
            [proof("lint", RunState.FAILURE), proof("lint", RunState.PENDING, attempt=2), proof("unit")],
            ProofState.RUNNING,
        ),
        ([proof("lint", RunState.FAILURE), proof("lint", RunState.FAILURE, attempt=2)], ProofState.FAILED),
        ([proof("lint", RunState.SUCCESS), proof("unit", RunState.ABORTED)], ProofState.MISSING),
        ([proof("lint", RunState.SUCCESS), proof("unit", RunState.ERROR, attempt=3)], ProofState.MISSING),
        (
            [proof("lint"), *(proof("unit", RunState.ERROR, attempt=attempt) for attempt in range(1, 5))],
            ProofState.FAILED,
        ),
        ([proof("lint", RunState.SUCCESS), proof("unit", RunState.SUCCESS, base_sha=sha("old"))], ProofState.MISSING),
        ([proof("lint", RunState.SUCCESS), make_run("unit", 1)], ProofState.MISSING),
        ([proof("lint", RunState.SUCCESS), make_run("unit", 1, kind=RunKind.POSTSUBMIT)], ProofState.MISSING),
    ],
)
def test_the_head_is_proved_by_all_its_jobs_on_itself(runs: list[Run], state: ProofState) -> None:
    assert proof_state(STANDING, BASE, runs) is state


def test_a_second_attempt_makes_up_for_a_failure() -> None:
    runs = [proof("lint", RunState.SUCCESS), proof("unit", RunState.FAILURE), proof("unit", RunState.SUCCESS)]
    assert proof_state(STANDING, BASE, runs) is ProofState.PROVED


def test_only_what_has_not_run_is_started() -> None:
    assert unproved_contexts(STANDING, BASE, [proof("lint", RunState.PENDING)]) == ("unit",)


def test_what_failed_once_is_started_once_more() -> None:
    once = [proof("lint"), proof("unit", RunState.FAILURE)]
    assert unproved_contexts(STANDING, BASE, once) == ("unit",)
    assert unproved_contexts(STANDING, BASE, [*once, proof("unit", RunState.FAILURE, attempt=2)]) == ()


def test_nothing_asked_for_is_proved() -> None:
    assert proof_state(Standing(StandingKind.UNPROVEN), BASE, ()) is ProofState.PROVED
