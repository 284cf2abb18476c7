import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.builders import BASE, NOW, POOL, make_run, sha
from tide.adapters.clock import SystemClock
from tide.adapters.postgres.engine import statements, transaction
from tide.adapters.postgres.leases import PostgresLeases, in_force
from tide.adapters.postgres.store import PostgresStore
from tide.adapters.postgres.views import PostgresViews
from tide.domain.errors import LeaseLost
from tide.domain.evidence import Batch, BatchState, Evidence, Landing
from tide.domain.intents import Intent, IntentKind
from tide.domain.leases import Lease
from tide.domain.pulls import MergeMethod
from tide.domain.runs import Candidate, Head, Purpose, Run, RunState
from tide.domain.snapshot import PROVEN, Standing, StandingKind
from tide.ports.store import Store

LATER = NOW + timedelta(minutes=1)
RELEASE = replace(POOL, branch="release-1.0")
EVIDENCE = Evidence("job", "tree", True, "run-1", "unit", POOL, BASE, NOW)  # noqa: FBT003 - the verdict of a fixed example
BATCH = Batch(POOL, BASE, ((1, sha(1)), (2, sha(2))), ("e2e", "unit"), "run-tree", "plan-tree", created_at=NOW)


@pytest.fixture
def ledger(store: PostgresStore) -> Store:
    return store


@pytest.fixture
def intent(lease: Lease) -> Intent:
    return Intent(IntentKind.MERGE, POOL, "#1", '{"head": "abc"}', NOW, lease.token)


def first_run(number: int, context: str = "unit", **fields: Any) -> Run:
    return make_run(context, number, purpose=Purpose.FIRST, **fields)


async def test_a_branch_is_proven_until_something_is_known_against_it(ledger: Store) -> None:
    assert await ledger.standing(POOL) == PROVEN
    unproven = Standing(StandingKind.UNPROVEN, "a foreign push", ("e2e", "unit"), NOW)
    await ledger.set_standing(POOL, unproven)
    assert await ledger.standing(POOL) == unproven
    assert await ledger.standing(RELEASE) == PROVEN
    frozen = Standing(StandingKind.FROZEN, "another tree", (), LATER)
    await ledger.set_standing(POOL, frozen)
    assert await ledger.standing(POOL) == frozen


async def test_an_intent_is_open_until_it_is_finished(ledger: Store, intent: Intent) -> None:
    first, second = await ledger.begin(intent), await ledger.begin(replace(intent, kind=IntentKind.START_RUNS))
    await ledger.begin(replace(intent, pool=RELEASE))
    assert await ledger.open_intents(POOL) == (
        replace(intent, id=first),
        replace(intent, id=second, kind=IntentKind.START_RUNS),
    )
    await ledger.finish(first, "merged", LATER)
    assert [intent.id for intent in await ledger.open_intents(POOL)] == [second]


async def test_an_intent_tells_when_its_latest_step_was_begun(ledger: Store, intent: Intent) -> None:
    begun = replace(intent, latest_at=NOW)
    begun = replace(begun, id=await ledger.begin(begun))
    other = replace(intent, id=await ledger.begin(intent))
    await ledger.proceed(begun, LATER)
    assert await ledger.open_intents(POOL) == (replace(begun, latest_at=LATER), other)


async def test_nothing_is_begun_without_a_lease(ledger: Store) -> None:
    with pytest.raises(LeaseLost):
        await ledger.begin(Intent(IntentKind.MERGE, POOL, "#1", "", NOW, token=1))
    assert await ledger.open_intents(POOL) == ()


@pytest.mark.parametrize("difference", [-1, 1])
async def test_nothing_goes_on_under_another_lease(ledger: Store, intent: Intent, difference: int) -> None:
    begun = replace(intent, id=await ledger.begin(intent))
    stranger = replace(begun, token=intent.token + difference)
    with pytest.raises(LeaseLost):
        await ledger.begin(stranger)
    with pytest.raises(LeaseLost):
        await ledger.proceed(stranger, LATER)
    assert await ledger.open_intents(POOL) == (begun,)


async def test_nothing_goes_on_when_the_lease_is_given_up(
    ledger: Store, intent: Intent, lease: Lease, engine: AsyncEngine
) -> None:
    begun = replace(intent, id=await ledger.begin(intent))
    await PostgresLeases(engine, SystemClock()).release(lease)
    with pytest.raises(LeaseLost):
        await ledger.begin(intent)
    with pytest.raises(LeaseLost):
        await ledger.proceed(begun, LATER)
    await ledger.finish(begun.id, "merged", LATER)  # what came of it may be told by anybody
    assert await ledger.open_intents(POOL) == ()


async def test_the_lead_does_not_change_while_something_is_begun(
    ledger: Store, intent: Intent, lease: Lease, engine: AsyncEngine
) -> None:
    leases = PostgresLeases(engine, SystemClock())
    async with transaction(engine) as connection:
        await connection.execute(in_force(), {"its_token": lease.token})
        await ledger.begin(intent)  # others may begin at the same time
        taking = asyncio.create_task(leases.take(lease.holder))
        while not await waits_for_a_lock(engine):
            assert not taking.done()
    taken = await taking
    assert taken
    assert taken.token == lease.token + 1


async def waits_for_a_lock(engine: AsyncEngine) -> bool:
    """Tell whether a statement of this database waits for another."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with statements(engine) as connection:
        return bool((await connection.execute(waiting)).scalar_one())


async def test_the_runs_without_a_verdict_are_the_live_ones(ledger: Store, views: PostgresViews) -> None:
    old = make_run("unit", 1, RunState.PENDING, started_at=NOW - timedelta(hours=1))
    young = make_run("e2e", [1, 2], RunState.TRIGGERED, started_at=NOW)
    await ledger.save_runs([young, old, make_run("lint", 1, RunState.SUCCESS)], NOW)
    assert await views.live_runs() == (old, young)
    await ledger.save_runs([replace(old, state=RunState.FAILURE, completed_at=LATER)], LATER)
    assert await views.live_runs() == (young,)


async def test_runs_are_counted_once_per_attempt(ledger: Store, views: PostgresViews) -> None:
    assert await views.count_runs() == 0
    for _ in range(2):
        await ledger.save_runs([make_run("unit", 1), make_run("unit", 1, attempt=2), make_run("e2e", 1)], NOW)
    assert await views.count_runs() == 3


async def test_a_run_that_has_ended_does_not_live_again(ledger: Store, views: PostgresViews) -> None:
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


async def test_a_later_state_of_a_batch_replaces_an_earlier_one(ledger: Store) -> None:
    await ledger.save_batch(BATCH)
    other = replace(BATCH, members=BATCH.members[:1])
    await ledger.save_batch(other)
    ended = replace(BATCH, state=BatchState.FAILED, reason="failed: unit", ended_at=LATER)
    await ledger.save_batch(ended)
    assert await ledger.batches(POOL, BASE) == (ended, other)
    assert await ledger.batches(POOL, sha("other")) == ()


async def test_the_first_creation_time_of_a_batch_stays(ledger: Store) -> None:
    await ledger.save_batch(BATCH)
    await ledger.save_batch(replace(BATCH, created_at=LATER, state=BatchState.PASSED))
    assert [batch.created_at for batch in await ledger.batches(POOL, BASE)] == [NOW]


async def test_batches_under_test_on_other_bases_are_abandoned(ledger: Store) -> None:
    passed = replace(BATCH, base_sha=sha("old"), members=BATCH.members[:1], state=BatchState.PASSED)
    elsewhere = replace(BATCH, base_sha=sha("old"), pool=RELEASE)
    for batch in (BATCH, replace(BATCH, base_sha=sha("old")), passed, elsewhere):
        await ledger.save_batch(batch)
    await ledger.abandon_batches(POOL, BASE, LATER)
    assert [batch.state for batch in await ledger.batches(POOL, BASE)] == [BatchState.TESTING]
    abandoned, kept = await ledger.batches(POOL, sha("old"))
    assert (abandoned.state, abandoned.ended_at) == (BatchState.ABANDONED, LATER)
    assert kept == passed
    assert await ledger.batches(RELEASE, sha("old")) == (elsewhere,)


async def test_batches_that_failed_on_older_bases_are_remembered_since_a_moment(ledger: Store) -> None:
    failed = replace(BATCH, state=BatchState.FAILED, ended_at=NOW)
    older, newer = replace(failed, base_sha=sha("old")), replace(failed, base_sha=sha("older"), ended_at=LATER)
    passed = replace(newer, members=BATCH.members[:1], state=BatchState.PASSED)
    for batch in (older, newer, passed, failed, replace(newer, pool=RELEASE)):
        await ledger.save_batch(batch)
    assert await ledger.failed_batches(POOL, BASE, LATER) == (newer, failed)
    assert await ledger.failed_batches(POOL, sha("next"), NOW) == (older, newer, failed)
    assert await ledger.failed_batches(POOL, sha("next"), LATER + timedelta(seconds=1)) == ()


async def test_landings_of_a_pool_are_given_oldest_first(ledger: Store) -> None:
    first = Landing(POOL, 2, sha(2), MergeMethod.SQUASH, BASE, "run", "plan", sha("landed"), "landed", NOW)
    second = replace(first, number=1, head_sha=sha(1), base_sha=sha("landed"), landed_sha=sha("next"), landed_at=LATER)
    for landing in (first, replace(first, pool=RELEASE, number=3), second):
        await ledger.add_landing(landing)
    assert await ledger.landings(POOL) == (first, second)
    assert await ledger.landings(replace(POOL, branch="elsewhere")) == ()


async def test_batches_are_shown_newest_first(ledger: Store, views: PostgresViews) -> None:
    second = replace(BATCH, base_sha=sha("next"))
    third = replace(BATCH, pool=RELEASE)
    for batch in (BATCH, second, third):
        await ledger.save_batch(batch)
    assert await views.batches(None, 10) == (third, second, BATCH)
    assert await views.batches(POOL, 1) == (second,)


async def test_a_landing_may_be_told_twice(ledger: Store) -> None:
    landing = Landing(POOL, 1, sha(1), MergeMethod.SQUASH, BASE, "tree", "tree", sha("landed"), "tree", NOW)
    await ledger.add_landing(landing)
    await ledger.add_landing(landing)


async def test_hostile_text_is_stored(ledger: Store, views: PostgresViews, intent: Intent) -> None:
    nasty = "nul \x00 and half \ud800"
    await ledger.save_runs([make_run("unit", 1, RunState.PENDING, description=nasty, url=nasty)], NOW)
    await ledger.begin(replace(intent, subject=nasty, detail=nasty))
    await ledger.finish((await ledger.open_intents(POOL))[0].id, nasty, NOW)
    await ledger.set_standing(POOL, Standing(StandingKind.FROZEN, nasty, (nasty,), NOW))
    await ledger.save_batch(replace(BATCH, reason=nasty))
    clean = "nul \ufffd and half \ufffd"
    assert [run.description for run in await views.live_runs()] == [clean]
    assert (await ledger.standing(POOL)).reason == clean
