from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.builders import BASE, NOW, POOL, sha
from tests.chaos.evidence import INVARIANTS, Evidence, Ledger, Merged, broken
from tide.adapters.prowjobs import markers
from tide.policy.contexts import TIDE_CONTEXT
from tide.sandbox.evidence import NewStatus
from tide.sandbox.model import StatusState
from tide.sandbox.scenarios.contributors import Opened
from tide.sandbox.scenarios.story import Fate
from tide.sandbox.scenarios.truth import JudgedHead, Verdict
from tide.sandbox.state import Forge, NewPull

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


async def opened(place: Path, fate: Fate, states: Iterable[StatusState]) -> Opened:
    """Open a pull request on a simulated GitHub, whose head is given these statuses of ours."""
    forge = Forge(lambda: NOW, place)
    repository = await forge.create_repository(POOL.org, POOL.repo)
    repository.branches |= {POOL.branch: BASE, "change": sha("head")}
    pull = forge.open_pull(repository, NewPull(title="A change", head_ref="change", base_ref=POOL.branch))
    for state in states:
        forge.create_status(repository, pull.head_sha, NewStatus(context=TIDE_CONTEXT, state=state))
    return Opened(repository, pull, fate, NOW)


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


@pytest.mark.parametrize(
    ("fate", "states", "invariants"),
    [
        (Fate.WAITING, [], ["untold or untrue status"]),
        (Fate.WAITING, ["success"], ["untold or untrue status"]),
        (Fate.REJECTED, ["success", "pending"], []),
        (Fate.MERGED, ["success"], []),
    ],
)
async def test_an_open_pull_request_that_must_not_merge_has_to_say_so(
    tmp_path: Path, fate: Fate, states: list[StatusState], invariants: list[str]
) -> None:
    one = await opened(tmp_path, fate, states)
    assert [found.invariant for found in broken(Evidence(), QUIET, Verdict(()), [one])] == invariants


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
