"""How much disk a job uses: its work tree, and what its account keeps elsewhere."""

import asyncio
import time
from datetime import timedelta
from pathlib import Path

from tide.adapters.coreutils import disk_usage
from tide.adapters.local_runner.processes import nameless_bytes_of
from tide.adapters.local_runner.remains import files_of

_REST = 10  # times as long as it took to count before it is counted again


async def filled(home: Path, account: int | None, limit: int, look_every: timedelta) -> None:
    """Return as soon as a job uses more than `limit` bytes of disk; never where that is 0."""
    while True:
        began = time.monotonic()
        if limit and await _used(home, account, limit) > limit:
            return
        took = time.monotonic() - began
        await asyncio.sleep(max(look_every.total_seconds(), _REST * took))


async def _used(home: Path, account: int | None, limit: int) -> int:
    if account is None:
        return await disk_usage([home], limit)
    around, nameless = await asyncio.to_thread(lambda: (list(files_of(account)), nameless_bytes_of(account)))
    return nameless + await disk_usage([home, *around], limit)
