"""Processes of ours that are to end at once, with whatever they have started."""

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import Process


async def put_down(process: Process) -> None:
    """Kill a process that leads its own group, with all of the group, and wait for its end, also when cancelled.

    Whoever has left the group may hold its pipes open for ever, and asyncio waits for these too: they are let go.
    """
    with contextlib.suppress(ProcessLookupError):
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
    process._transport.close()  # type: ignore[attr-defined] # noqa: SLF001 - asyncio has no other way to let go of pipes
    # A process that nobody waits for would stay as a zombie.
    await asyncio.shield(process.wait())


async def end_of(stream: asyncio.StreamReader | None, most: int) -> bytes:
    """Read to the end, and keep the last `most` bytes."""
    kept = b""
    while stream and (chunk := await stream.read(65_536)):
        kept = (kept + chunk)[-most:]
    return kept
