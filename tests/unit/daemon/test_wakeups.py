import asyncio

from tests.builders import POOL
from tide.daemon.wakeups import Signal, Wakeups
from tide.domain.keys import PoolKey

RELEASE = PoolKey("acme", "rocket", "release-1.0")


async def test_signals_that_come_together_are_one() -> None:
    wakeups = Wakeups()
    wakeups.look_at(POOL)
    wakeups.look_at(RELEASE)
    wakeups.look_at(POOL)
    wakeups.look_at_all()
    wakeups.look_at_all()
    assert await wakeups.take() == Signal(is_round=True, pools=frozenset({POOL, RELEASE}))


async def test_what_was_taken_does_not_come_again() -> None:
    wakeups = Wakeups()
    wakeups.look_at_all()
    await wakeups.take()
    wakeups.look_at(POOL)
    assert await wakeups.take() == Signal(is_round=False, pools=frozenset({POOL}))


async def test_who_waits_is_woken_by_the_first_signal() -> None:
    wakeups = Wakeups()
    taking = asyncio.create_task(wakeups.take())
    await asyncio.sleep(0)
    assert not taking.done()
    wakeups.look_at(POOL)
    assert await asyncio.wait_for(taking, 10) == Signal(is_round=False, pools=frozenset({POOL}))


async def test_a_signal_between_waking_and_taking_is_taken_with_the_first() -> None:
    wakeups = Wakeups()
    taking = asyncio.create_task(wakeups.take())
    await asyncio.sleep(0)
    wakeups.look_at(POOL)
    wakeups.look_at(RELEASE)
    assert (await asyncio.wait_for(taking, 10)).pools == {POOL, RELEASE}


async def test_giving_up_waiting_loses_nothing() -> None:
    wakeups = Wakeups()
    taking = asyncio.create_task(wakeups.take())
    await asyncio.sleep(0)
    wakeups.look_at(POOL)
    taking.cancel()
    await asyncio.wait([taking])
    assert taking.cancelled()
    assert (await asyncio.wait_for(wakeups.take(), 10)).pools == {POOL}
