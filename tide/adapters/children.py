"""Processes of ours that are to end at once, with whatever they have started."""

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator


@contextlib.asynccontextmanager
async def bound(process: Process) -> AsyncIterator[None]:
    """Let a process that leads its own group live no longer than a block, which waits for its end.

    Where the block is broken off, the process is killed with all of its group, be it that it has ended itself. Whoever
    has left the group may hold its pipes open for ever, and asyncio waits for these too: they are let go.
    """
    try:
        yield
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        raise
    finally:
        process._transport.close()  # type: ignore[attr-defined] # noqa: SLF001 - asyncio has no other way to let go of pipes
        # A process that nobody waits for would stay as a zombie.
        await asyncio.shield(process.wait())


async def end_of(stream: asyncio.StreamReader | None, most: int) -> bytes:
    """Read to the end, and keep the last `most` bytes."""
    kept = b""
    while stream and (chunk := await stream.read(65_536)):
        kept = (kept + chunk)[-most:]
    return kept
