"""How much disk a job uses: its work tree, and what its account keeps elsewhere."""

import asyncio
import logging
import time
from datetime import timedelta
from pathlib import Path

from tide.adapters.coreutils import disk_usage
from tide.adapters.local_runner.limits import Limits
from tide.adapters.local_runner.processes import TooManyOpenError, nameless_bytes_of
from tide.adapters.local_runner.remains import files_of

log = logging.getLogger(__name__)

_REST = 10  # times as long as it took to count before it is counted again
_LONGEST_REST = 30.0  # seconds: how long it takes is for the job to say


async def filled(home: Path, account: int | None, limits: Limits) -> str:
    """Give what a job uses more of than it may, in words, as soon as it does.

    Never where its disk has no limit, nor for a fault of ours.
    """
    has_failed = False
    while True:
        began = time.monotonic()
        try:
            if limits.disk and await _used(home, account, limits.disk) > limits.disk:
                return limits.of("disk")
            took = time.monotonic() - began
        except TooManyOpenError as error:
            return str(error)
        except Exception:  # whatever it is, the job has not done it
            if not has_failed:
                log.exception("the disk that the job in %s uses cannot be counted", home)
            has_failed = True
            took = limits.look_every.total_seconds()
        await asyncio.sleep(rest_after(took, limits.look_every))


def rest_after(took: float, look_every: timedelta) -> float:
    """Tell how many seconds to wait before it is counted again, which took some seconds now."""
    return max(look_every.total_seconds(), min(_LONGEST_REST, _REST * took))


async def _used(home: Path, account: int | None, limit: int) -> int:
    if account is None:
        return await disk_usage([home], limit)
    around, nameless = await asyncio.to_thread(lambda: (list(files_of(account)), nameless_bytes_of(account)))
    return nameless + await disk_usage([home, *around], limit)
