from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from tests.builders import BASE, NOW, POOL, sha
from tests.chaos.evidence import INVARIANTS, Evidence, Ledger, Merged, broken
from tide.adapters.prowjobs import markers
from tide.sandbox.scenarios.truth import JudgedHead, Verdict

ONE: Merged = ("acme/rocket", 1, sha("one"))
AGAIN: Merged = ("acme/rocket", 1, sha("again"))
GREEN = JudgedHead("acme/rocket", "main", sha("one"), 1, NOW, is_resting=True, failures=())
RED = replace(GREEN, failures=("unit",))
QUIET = Ledger(Counter(), [], [], [])
"""What the database says when nothing has happened."""


def prowjob(state: str, *, attempt: int = 1, purpose: str = "retest") -> dict[str, Any]:
    """Write a ProwJob of ours as the simulated cluster shows it."""
    pulls = [{"number": 1, "sha": sha("head")}]
    refs = {"org": POOL.org, "repo": POOL.repo, "base_ref": POOL.branch, "base_sha": BASE, "pulls": pulls}
    labels, annotations = {markers.PURPOSE: purpose}, {markers.ATTEMPT: str(attempt)}
    return {
        "metadata": {"name": f"attempt-{attempt}-{purpose}", "labels": labels, "annotations": annotations},
        "spec": {"type": "presubmit", "job": "unit", "context": "unit", "refs": refs},
        "status": {"state": state},
    }


def told(evidence: Evidence, ledger: Ledger = QUIET, *heads: JudgedHead) -> list[str]:
    """Name the invariants that do not hold."""
    return [one.invariant for one in broken(evidence, ledger, Verdict(heads), ())]


@pytest.mark.parametrize(
    ("evidence", "ledger", "invariants"),
    [
        (Evidence(), QUIET, []),
        (Evidence(merges=[ONE]), replace(QUIET, landings=Counter([ONE])), []),
        (Evidence(merges=[ONE]), QUIET, ["lost merge"]),
        (Evidence(merges=[ONE]), replace(QUIET, landings=Counter([AGAIN])), ["lost merge", "merge that was none"]),
        (Evidence(), replace(QUIET, landings=Counter([ONE])), ["merge that was none"]),
        (Evidence(merges=[ONE, AGAIN]), replace(QUIET, landings=Counter([ONE, AGAIN])), ["double merge"]),
        (Evidence(late_deeds=["by replica one"]), QUIET, ["deed without the lead"]),
        (Evidence(), replace(QUIET, open_intents=["merge #1"]), ["open intent"]),
        (Evidence(), replace(QUIET, frozen=["acme/rocket:main"]), ["frozen pool"]),
        (Evidence(), replace(QUIET, unproven=["acme/rocket:main"]), ["unproven pool"]),
    ],
)
def test_what_github_has_and_what_the_database_knows_are_compared(
    evidence: Evidence, ledger: Ledger, invariants: list[str]
) -> None:
    assert told(evidence, ledger) == invariants
    assert set(invariants) <= set(INVARIANTS)


def test_red_heads_are_told_apart_by_whether_the_branch_rested_on_them() -> None:
    assert told(Evidence(), QUIET, GREEN) == []
    assert told(Evidence(), QUIET, GREEN, RED) == ["red head"]
    assert told(Evidence(), QUIET, replace(RED, is_resting=False)) == ["red intermediate head"]


def test_another_attempt_may_begin_once_the_last_one_has_ended_without_success() -> None:
    evidence = Evidence()
    evidence.see_object("ADDED", prowjob("triggered"))
    evidence.see_object("MODIFIED", prowjob("failure"))
    evidence.see_object("ADDED", prowjob("triggered", attempt=2))
    assert told(evidence) == ["run that does not end"]
    evidence.see_object("MODIFIED", prowjob("success", attempt=2))
    assert told(evidence) == []


@pytest.mark.parametrize("state", ["triggered", "pending", "success"])
def test_another_attempt_may_not_begin_while_one_is_live_or_has_passed(state: str) -> None:
    evidence = Evidence()
    evidence.see_object("ADDED", prowjob(state))
    evidence.see_object("ADDED", prowjob("aborted", attempt=2))
    assert "attempt begun too early" in told(evidence)


def test_a_run_with_a_name_that_has_been_there_is_told() -> None:
    evidence = Evidence()
    for _ in range(2):
        evidence.see_object("ADDED", prowjob("failure"))
        evidence.see_object("DELETED", prowjob("failure"))
    assert told(evidence) == ["run started twice"]


def test_what_others_start_is_theirs() -> None:
    evidence = Evidence()
    evidence.see_object("ADDED", prowjob("pending", purpose="foreign"))
    evidence.see_object("ADDED", prowjob("success"))
    assert told(evidence) == []
