import asyncio
import threading

import pytest

from tide.adapters.own_thread import own_thread

PATIENCE = 30.0


async def test_it_goes_on_while_the_event_loop_here_is_held_up() -> None:
    turned = threading.Event()

    async def turn() -> int:
        await asyncio.sleep(0)
        turned.set()
        return threading.get_ident()

    async with own_thread("test") as beside:
        turning = beside(turn())
        assert turned.wait(PATIENCE)  # holds up this one
        assert await turning != threading.get_ident()


async def test_what_fails_there_fails_here() -> None:
    async def fail() -> None:
        raise LookupError("there")

    async with own_thread("test") as beside:
        with pytest.raises(LookupError, match="there"):
            await beside(fail())


async def test_what_is_given_up_here_is_cancelled_there() -> None:
    begun, cancelled = threading.Event(), threading.Event()

    async def wait_for_ever() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with own_thread("test") as beside:
        waiting = asyncio.ensure_future(beside(wait_for_ever()))
        assert await asyncio.to_thread(begun.wait, PATIENCE)
        waiting.cancel()
        await asyncio.wait({waiting})
        assert await asyncio.to_thread(cancelled.wait, PATIENCE)


async def test_at_the_end_nothing_of_it_is_left() -> None:
    ended, before = threading.Event(), threading.active_count()

    async def wait_for_ever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with own_thread("test") as beside:
        waiting = asyncio.ensure_future(beside(wait_for_ever()))
    assert ended.is_set()
    assert threading.active_count() == before
    await asyncio.wait({waiting})
    assert waiting.cancelled()
