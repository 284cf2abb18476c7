from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.builders import BASE, NOW, POOL, make_run, sha
from tide.domain.evidence import Batch, Evidence
from tide.domain.intents import Intent, IntentKind
from tide.domain.leases import Lease
from tide.domain.runs import Candidate, Head, Purpose, Run, RunState
from tide.domain.snapshot import Standing, StandingKind
from tide.ports.store import Store
from tide.ports.views import Views

LATER = NOW + timedelta(minutes=1)
RELEASE = replace(POOL, branch="release-1.0")
EVIDENCE = Evidence("job", "tree", True, "run-1", "unit", POOL, BASE, NOW)  # noqa: FBT003 - the verdict of a fixed example
BATCH = Batch(POOL, BASE, ((1, sha(1)), (2, sha(2))), ("e2e", "unit"), "run-tree", "plan-tree", created_at=NOW)


@pytest.fixture
def ledger(store: Store) -> Store:
    return store


@pytest.fixture
def intent(lease: Lease) -> Intent:
    return Intent(IntentKind.MERGE, POOL, "#1", '{"head": "abc"}', NOW, lease.token)


def first_run(number: int, context: str = "unit", **fields: Any) -> Run:
    return make_run(context, number, purpose=Purpose.FIRST, **fields)


async def test_the_runs_without_a_verdict_are_the_live_ones(ledger: Store, views: Views) -> None:
    old = make_run("unit", 1, RunState.PENDING, started_at=NOW - timedelta(hours=1))
    young = make_run("e2e", [1, 2], RunState.TRIGGERED, started_at=NOW)
    await ledger.save_runs([young, old, make_run("lint", 1, RunState.SUCCESS)], NOW)
    assert await views.live_runs() == (old, young)
    await ledger.save_runs([replace(old, state=RunState.FAILURE, completed_at=LATER)], LATER)
    assert await views.live_runs() == (young,)


async def test_runs_are_counted_once_per_attempt(ledger: Store, views: Views) -> None:
    assert await views.count_runs() == 0
    for _ in range(2):
        await ledger.save_runs([make_run("unit", 1), make_run("unit", 1, attempt=2), make_run("e2e", 1)], NOW)
    assert await views.count_runs() == 3


async def test_a_run_that_has_ended_does_not_live_again(ledger: Store, views: Views) -> None:
    ended = make_run("unit", 1, RunState.FAILURE, completed_at=NOW)
    await ledger.save_runs([ended], NOW)
    await ledger.save_runs([replace(ended, state=RunState.PENDING, completed_at=None)], LATER)
    assert await views.live_runs() == ()
    await ledger.save_runs([replace(ended, state=RunState.PENDING, completed_at=None, attempt=2)], LATER)
    assert [run.attempt for run in await views.live_runs()] == [2]


async def test_spent_attempts_are_those_that_have_ended(ledger: Store) -> None:
    pair = Candidate(POOL, BASE, (Head(1, sha(1), author="alice"), Head(2, sha(2))))
    for attempt, state in ((1, RunState.ERROR), (2, RunState.ABORTED), (3, RunState.PENDING)):
        await ledger.save_runs([make_run("unit", [1, 2], state, attempt=attempt)], NOW)
    await ledger.save_runs(
        [
            make_run("e2e", [1, 2], RunState.SUCCESS),
            make_run("lint", [1, 2], RunState.TRIGGERED),
            make_run("unit", [2, 1], RunState.FAILURE, name="in another order", attempt=7),
            make_run("unit", 1, RunState.FAILURE, name="one alone", attempt=7),
            make_run("unit", [1, 2], RunState.FAILURE, name="on another base", base_sha=sha("old"), attempt=7),
            make_run("unit", [1, 2], RunState.FAILURE, name="elsewhere", pool=RELEASE, attempt=7),
        ],
        NOW,
    )
    jobs = {make_run(context, [1, 2]).job: context for context in ("unit", "e2e")}
    spent = await ledger.spent_attempts(pair)
    assert {jobs[job]: attempt for job, attempt in spent.items()} == {"unit": 2, "e2e": 1}
    assert await ledger.spent_attempts(Candidate(POOL, sha("elsewhere"))) == {}


async def test_first_runs_are_told_by_head_and_context(ledger: Store) -> None:
    await ledger.save_runs(
        [
            first_run(1),
            first_run(1, "e2e", state=RunState.PENDING),
            first_run(2),
            make_run("unit", 3),
            first_run(4, pool=RELEASE),
        ],
        NOW,
    )
    assert await ledger.first_runs(POOL, [sha(1), sha(3), sha(4)]) == ((sha(1), "e2e"), (sha(1), "unit"))
    assert await ledger.first_runs(POOL, []) == ()


async def test_evidence_is_found_by_tree_and_job_newest_first(ledger: Store) -> None:
    newer = replace(EVIDENCE, run_name="run-2", passed=False, observed_at=LATER)
    await ledger.add_evidence(
        [
            EVIDENCE,
            newer,
            replace(EVIDENCE, job_digest="other"),
            replace(EVIDENCE, run_tree="elsewhere"),
        ]
    )
    assert await ledger.evidence("tree", ["job"]) == (newer, EVIDENCE)
    assert len(await ledger.evidence("tree", ["job", "other"])) == 3
    assert await ledger.evidence("tree", []) == ()


async def test_the_same_run_is_evidence_once(ledger: Store) -> None:
    await ledger.add_evidence([EVIDENCE])
    await ledger.add_evidence([EVIDENCE, replace(EVIDENCE, observed_at=LATER)])
    assert await ledger.evidence("tree", ["job"]) == (EVIDENCE,)
    await ledger.add_evidence([])


async def test_hostile_text_is_stored(ledger: Store, views: Views, intent: Intent) -> None:
    nasty = "nul \x00 and half \ud800"
    await ledger.save_runs([make_run("unit", 1, RunState.PENDING, description=nasty, url=nasty)], NOW)
    await ledger.begin(replace(intent, subject=nasty, detail=nasty))
    await ledger.finish((await ledger.open_intents(POOL))[0].id, nasty, NOW)
    await ledger.set_standing(POOL, Standing(StandingKind.FROZEN, nasty, (nasty,), NOW))
    await ledger.save_batch(replace(BATCH, reason=nasty))
    clean = "nul \ufffd and half \ufffd"
    assert [run.description for run in await views.live_runs()] == [clean]
    assert (await ledger.standing(POOL)).reason == clean
