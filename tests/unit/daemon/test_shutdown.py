import asyncio

import pytest

from tide.daemon.shutdown import ended_in_time
from tide.domain.errors import TideError

A_MOMENT = 0.01
NEVER = 3600.0


async def test_work_that_ends_when_told_to_is_waited_for() -> None:
    stopping = asyncio.Event()
    is_done = False

    async def work() -> None:
        nonlocal is_done
        await stopping.wait()
        await asyncio.sleep(0)
        is_done = True

    stopping.set()
    assert await ended_in_time(work(), stopping, NEVER)
    assert is_done


async def test_work_that_hangs_is_cut_short_and_may_tidy_up() -> None:
    stopping = asyncio.Event()
    has_tidied = False

    async def work() -> None:
        nonlocal has_tidied
        try:
            stopping.set()
            await asyncio.Event().wait()
        finally:
            has_tidied = True

    assert not await ended_in_time(work(), stopping, A_MOMENT)
    assert has_tidied


async def test_work_is_not_hurried_before_it_is_told_to_stop() -> None:
    stopping = asyncio.Event()

    async def work() -> None:
        for _ in range(100):
            await asyncio.sleep(0)

    assert await ended_in_time(work(), stopping, 0)


async def test_an_error_of_the_work_is_passed_on() -> None:
    async def work() -> None:
        raise TideError("no more")

    with pytest.raises(ExceptionGroup) as failed:
        await ended_in_time(work(), asyncio.Event(), NEVER)
    assert failed.group_contains(TideError)


async def test_whoever_gives_up_waiting_stops_the_work() -> None:
    has_begun, is_cancelled = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        has_begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            is_cancelled.set()

    waiting = asyncio.create_task(ended_in_time(work(), asyncio.Event(), NEVER))
    await has_begun.wait()
    waiting.cancel()
    await asyncio.wait({waiting})
    assert is_cancelled.is_set()
