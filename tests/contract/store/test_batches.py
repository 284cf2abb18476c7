from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import BASE, NOW, POOL, sha
from tide.domain.evidence import Batch, BatchState, Landing
from tide.domain.pulls import MergeMethod
from tide.ports.store import Store
from tide.ports.views import Views

LATER = NOW + timedelta(minutes=1)
RELEASE = replace(POOL, branch="release-1.0")
BATCH = Batch(POOL, BASE, ((1, sha(1)), (2, sha(2))), ("e2e", "unit"), "run-tree", "plan-tree", created_at=NOW)


@pytest.fixture
def ledger(store: Store) -> Store:
    return store


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


async def test_batches_are_shown_newest_first(ledger: Store, views: Views) -> None:
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
