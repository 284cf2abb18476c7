import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.builders import NOW
from tests.stores import Backend
from tide.domain.errors import LeaseLost
from tide.domain.leases import Lease
from tide.ports.leases import Leases

ANN, BEA = "host-a/1", "host-b/1"
LASTS = timedelta(seconds=9)


class Ticker:
    """A clock that goes on by one second each time it is asked."""

    seconds = 100.0

    def now(self) -> datetime:
        return NOW

    def steady(self) -> float:
        self.seconds += 1
        return self.seconds


@pytest.fixture
def leases(backend: Backend) -> Leases:
    return backend.open_leases(Ticker(), LASTS)


async def taken(leases: Leases, holder: str) -> Lease:
    lease = await leases.take(holder)
    assert lease
    return lease


async def test_one_of_two_leads(leases: Leases) -> None:
    lease = await taken(leases, ANN)
    assert await leases.take(BEA) is None
    assert lease.holder == ANN


async def test_of_many_that_try_at_once_one_leads(leases: Leases) -> None:
    leads = await asyncio.gather(*(leases.take(f"host-{number}") for number in range(8)))
    assert sum(lease is not None for lease in leads) == 1


async def test_a_lease_lasts_from_before_it_was_asked_for(leases: Leases) -> None:
    lease = await taken(leases, ANN)
    assert lease.until == 101 + 9
    assert (await leases.renew(lease)).until == 102 + 9


async def test_the_leader_is_known_to_everybody(leases: Leases) -> None:
    assert await leases.leader() is None
    lease = await taken(leases, ANN)
    leader = await leases.leader()
    assert leader
    assert (leader.holder, leader.token) == (ANN, lease.token)
    assert leader.since.tzinfo is UTC
    await leases.renew(lease)
    assert await leases.leader() == leader


async def test_a_lease_that_has_run_out_may_be_taken_by_another(leases: Leases, backend: Backend) -> None:
    first = await taken(leases, ANN)
    await backend.end_lease()
    assert await leases.leader() is None
    second = await taken(leases, BEA)
    assert second.token == first.token + 1
    with pytest.raises(LeaseLost):
        await leases.renew(first)
    assert (await leases.renew(second)).token == second.token


async def test_a_lease_that_has_run_out_is_not_renewed(leases: Leases, backend: Backend) -> None:
    lease = await taken(leases, ANN)
    await backend.end_lease()
    with pytest.raises(LeaseLost):
        await leases.renew(lease)
    assert (await taken(leases, ANN)).token == lease.token + 1


async def test_a_renewed_lease_lasts_on(leases: Leases, backend: Backend) -> None:
    lease = await taken(leases, ANN)
    await backend.end_lease(left=timedelta(minutes=1))
    await leases.renew(lease)
    assert timedelta(0) < await backend.lease_left() <= LASTS


async def test_whoever_missed_the_answer_may_ask_once_more(leases: Leases) -> None:
    unheard = await taken(leases, ANN)
    lease = await taken(leases, ANN)
    assert lease.token == unheard.token + 1
    with pytest.raises(LeaseLost):
        await leases.renew(unheard)
    assert await leases.take(BEA) is None


async def test_a_lease_that_is_given_up_may_be_taken_at_once(leases: Leases) -> None:
    first = await taken(leases, ANN)
    await leases.release(first)
    assert await leases.leader() is None
    second = await taken(leases, BEA)
    assert second.token == first.token + 1
    await leases.release(first)
    assert (await leases.renew(second)).token == second.token


async def test_tokens_do_not_come_again_after_the_store_was_emptied(leases: Leases, backend: Backend) -> None:
    old = await taken(leases, ANN)
    await backend.forget_lease()
    new = await taken(leases, BEA)
    assert new.token > old.token
    with pytest.raises(LeaseLost):
        await leases.renew(old)
