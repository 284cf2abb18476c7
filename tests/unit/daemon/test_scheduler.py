import asyncio
import threading
from datetime import timedelta

import pytest

from tide.adapters.clock import SystemClock
from tide.daemon.scheduler import Scheduler

PATIENCE = 10.0
SOON, NEVER = timedelta(milliseconds=5), timedelta(days=1)


async def times(queue: asyncio.Queue[str], count: int) -> list[str]:
    """Wait for so many calls."""
    return [await asyncio.wait_for(queue.get(), PATIENCE) for _ in range(count)]


async def test_a_call_is_made_again_and_again() -> None:
    calls: asyncio.Queue[str] = asyncio.Queue()
    scheduler = Scheduler()
    scheduler.every("tick", SOON, lambda: calls.put_nowait("tick"))
    with scheduler.running():
        assert await times(calls, 3) == ["tick"] * 3


async def test_coroutines_are_awaited() -> None:
    calls: asyncio.Queue[str] = asyncio.Queue()

    async def tick() -> None:
        await calls.put("tick")

    scheduler = Scheduler()
    scheduler.every("tick", SOON, tick)
    with scheduler.running():
        assert await times(calls, 2) == ["tick"] * 2


async def test_the_first_call_may_be_made_at_once() -> None:
    calls: asyncio.Queue[str] = asyncio.Queue()
    scheduler = Scheduler()
    scheduler.every("tick", NEVER, lambda: calls.put_nowait("tick"), first=SystemClock().now())
    with scheduler.running():
        assert await times(calls, 1) == ["tick"]


async def test_a_call_that_comes_too_late_is_made_all_the_same() -> None:
    calls: asyncio.Queue[str] = asyncio.Queue()
    scheduler = Scheduler()
    scheduler.every("tick", NEVER, lambda: calls.put_nowait("tick"), first=SystemClock().now() - timedelta(hours=1))
    with scheduler.running():
        assert await times(calls, 1) == ["tick"]


async def test_a_new_period_holds_from_now_on() -> None:
    calls: asyncio.Queue[str] = asyncio.Queue()
    scheduler = Scheduler()
    scheduler.every("tick", NEVER, lambda: calls.put_nowait("tick"))
    with scheduler.running():
        scheduler.change_period("tick", SOON)
        assert await times(calls, 2) == ["tick"] * 2


async def test_a_call_that_fails_is_made_again_and_harms_no_other() -> None:
    calls: asyncio.Queue[str] = asyncio.Queue()

    def fail() -> None:
        calls.put_nowait("failing")
        raise ValueError("a slip")

    scheduler = Scheduler()
    scheduler.every("fail", SOON, fail)
    with scheduler.running():
        assert await times(calls, 3) == ["failing"] * 3


async def test_a_call_that_is_cut_short_by_the_end_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    scheduler = Scheduler()
    scheduler.every("hang", NEVER, hang, first=SystemClock().now())
    with scheduler.running():
        await asyncio.wait_for(begun.wait(), PATIENCE)
    await asyncio.wait_for(ended.wait(), PATIENCE)
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    await asyncio.gather(*others, return_exceptions=True)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize("steps", range(4))
async def test_a_call_that_the_end_cuts_short_before_it_begins_is_no_error(
    steps: int, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = Scheduler()
    scheduler.every("tick", NEVER, lambda: None, first=SystemClock().now())
    with scheduler.running():
        for _ in range(steps):
            await asyncio.sleep(0)
    for _ in range(10):
        await asyncio.sleep(0)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_calls_are_made_on_the_event_loop() -> None:
    threads: asyncio.Queue[int] = asyncio.Queue()
    scheduler = Scheduler()
    scheduler.every("tick", SOON, lambda: threads.put_nowait(threading.get_ident()))
    with scheduler.running():
        assert await asyncio.wait_for(threads.get(), PATIENCE) == threading.get_ident()


async def test_no_call_is_made_before_and_after_the_block() -> None:
    calls: asyncio.Queue[str] = asyncio.Queue()
    before, beside = Scheduler(), Scheduler()
    before.every("tick", SOON, lambda: calls.put_nowait("early"))
    beside.every("tick", SOON, lambda: calls.put_nowait("beside"))
    with beside.running():
        await times(calls, 5)
        with before.running():
            while "early" not in await times(calls, 1):
                continue
        while not calls.empty():
            calls.get_nowait()
        assert set(await times(calls, 5)) == {"beside"}
