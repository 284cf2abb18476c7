from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import NOW, POOL
from tide.domain.snapshot import PROVEN, Standing, StandingKind
from tide.ports.store import Store

LATER = NOW + timedelta(minutes=1)
RELEASE = replace(POOL, branch="release-1.0")


@pytest.fixture
def ledger(store: Store) -> Store:
    return store


async def test_a_branch_is_proven_until_something_is_known_against_it(ledger: Store) -> None:
    assert await ledger.standing(POOL) == PROVEN
    unproven = Standing(StandingKind.UNPROVEN, "a foreign push", ("e2e", "unit"), NOW)
    await ledger.set_standing(POOL, unproven)
    assert await ledger.standing(POOL) == unproven
    assert await ledger.standing(RELEASE) == PROVEN
    frozen = Standing(StandingKind.FROZEN, "another tree", (), LATER)
    await ledger.set_standing(POOL, frozen)
    assert await ledger.standing(POOL) == frozen
