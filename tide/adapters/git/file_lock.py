"""A lock between processes that share a cache directory."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from tide.domain.errors import Unavailable

_PAUSE = timedelta(milliseconds=50)


@asynccontextmanager
async def locked(path: Path, patience: timedelta) -> AsyncIterator[int]:
    """Hold an exclusive lock on a file; give its descriptor.

    A child process that is given the descriptor holds the lock as well: when we are killed, nobody else starts
    before the git that we left behind has ended. Raise Unavailable when it is not free within `patience`.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        await _acquire(descriptor, path, patience)
        yield descriptor
    finally:
        os.close(descriptor)


async def _acquire(descriptor: int, path: Path, patience: timedelta) -> None:
    attempts = max(1, int(patience / _PAUSE))
    for _ in range(attempts):
        if _try(descriptor):
            return
        await asyncio.sleep(_PAUSE.total_seconds())
    raise Unavailable(f"{path.stem} is in use by another process")


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
