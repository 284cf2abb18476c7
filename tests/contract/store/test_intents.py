from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import NOW, POOL
from tests.stores import Backend
from tide.adapters.clock import SystemClock
from tide.domain.errors import LeaseLost
from tide.domain.intents import Intent, IntentKind
from tide.domain.leases import Lease
from tide.ports.store import Store

LATER = NOW + timedelta(minutes=1)
RELEASE = replace(POOL, branch="release-1.0")


@pytest.fixture
def ledger(store: Store) -> Store:
    return store


@pytest.fixture
def intent(lease: Lease) -> Intent:
    return Intent(IntentKind.MERGE, POOL, "#1", '{"head": "abc"}', NOW, lease.token)


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
    ledger: Store, intent: Intent, lease: Lease, backend: Backend
) -> None:
    begun = replace(intent, id=await ledger.begin(intent))
    await backend.open_leases(SystemClock(), timedelta(hours=1)).release(lease)
    with pytest.raises(LeaseLost):
        await ledger.begin(intent)
    with pytest.raises(LeaseLost):
        await ledger.proceed(begun, LATER)
    await ledger.finish(begun.id, "merged", LATER)  # what came of it may be told by anybody
    assert await ledger.open_intents(POOL) == ()
