"""An event loop in a thread of its own: what runs there waits for nothing here but the interpreter's lock."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")

_LEAVE_SECONDS = 1.0


class OwnThread:
    """Runs coroutines in its event loop; made by `own_thread`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def __call__(self, work: Coroutine[Any, Any, T], /) -> Awaitable[T]:
        """Begin `work` there, and give what waits for it here; to cancel that is to cancel the work."""
        return asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))


@asynccontextmanager
async def own_thread(name: str) -> AsyncIterator[OwnThread]:
    """Give a thread for as long as the block runs; what still runs there at the end is cancelled."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name=name, daemon=True)
    thread.start()
    own = OwnThread(loop)
    try:
        yield own
    finally:
        await own(_end_the_rest())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end_the_rest() -> None:
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    if rest:
        await asyncio.wait(rest, timeout=_LEAVE_SECONDS)
    await asyncio.get_running_loop().shutdown_asyncgens()
