"""The way down: what is at hand is finished, but not for ever."""

import asyncio
from collections.abc import Coroutine


async def ended_in_time(work: Coroutine[None, None, None], stopping: asyncio.Event, grace: float) -> bool:
    """Do work that ends itself once `stopping` is set; cut it short `grace` seconds after that.

    Returns:
        Whether it ended by itself.
    """
    async with asyncio.TaskGroup() as group:
        working = group.create_task(work)
        stopped = group.create_task(stopping.wait())
        await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
        ended, _ = await asyncio.wait({working}, timeout=grace)
        working.cancel()
        stopped.cancel()
    return bool(ended)
