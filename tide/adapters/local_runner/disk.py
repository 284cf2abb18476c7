"""How much disk a job uses: its work tree, and what its account keeps where everybody may put files."""

import asyncio
import time
from datetime import timedelta
from pathlib import Path

from tide.adapters.coreutils import disk_usage
from tide.adapters.local_runner.remains import files_of

_REST = 10  # times as long as it took to count before it is counted again


async def filled(home: Path, account: int | None, limit: int, look_every: timedelta) -> None:
    """Return as soon as a job uses more than `limit` bytes of disk; never where that is 0."""
    while True:
        began = time.monotonic()
        if limit:
            around = await asyncio.to_thread(list, files_of(account)) if account is not None else []
            if await disk_usage([home, *around], limit) > limit:
                return
        took = time.monotonic() - began
        await asyncio.sleep(max(look_every.total_seconds(), _REST * took))
