"""The replicas of a seed: real processes, which whoever watches over them starts again when they die."""

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.programs import ROOT, TIDE

AGAIN_AFTER = 0.5
START_SECONDS = 10.0
END_SECONDS = 30.0
PAUSE_SECONDS = 14.0


@dataclass(eq=False)
class Replica:
    """One `tide run`, again and again; `token` is what it shows GitHub and Kubernetes."""

    name: str
    token: str
    flags: Sequence[str]
    log: Path
    starts: int = 0
    exits: list[int] = field(default_factory=list)
    process: asyncio.subprocess.Process | None = None
    was_paused: bool = False
    started_at: float = 0.0
    _is_ending: bool = False

    @property
    def pid(self) -> int:
        """The process that lives, 0 when there is none."""
        alive = self.process is not None and self.process.returncode is None
        return self.process.pid if alive and self.process else 0

    async def run(self) -> None:
        """Start it, and start it again whenever it has ended, until it is told to end."""
        while not self._is_ending:
            with self.log.open("ab") as log:
                self.process = await asyncio.create_subprocess_exec(
                    *map(str, TIDE),
                    "run",
                    *self.flags,
                    cwd=ROOT,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            self.starts += 1
            self.started_at = time.monotonic()
            self.exits.append(await self.process.wait())
            if not self._is_ending:
                await asyncio.sleep(AGAIN_AFTER)

    def signal(self, number: signal.Signals) -> bool:
        """Send a signal; tell whether there was anybody to take it."""
        if self.pid:
            os.kill(self.pid, number)
            return True
        return False

    def kill(self) -> bool:
        """End it at once."""
        return self.signal(signal.SIGKILL)

    async def stop(self) -> int:
        """Ask it to end in good order; give the exit code, -1 when it took too long."""
        process = self.process
        self.signal(signal.SIGTERM)
        if process is None:
            return 0
        try:
            async with asyncio.timeout(END_SECONDS):
                return await process.wait()
        except TimeoutError:
            self.signal(signal.SIGABRT)
            return -1

    async def pause(self) -> bool:
        """Stop it where it stands for longer than a lease lasts, and let it go on."""
        if not self.signal(signal.SIGSTOP):
            return False
        try:
            self.was_paused = True
            await asyncio.sleep(PAUSE_SECONDS)
        finally:
            self.signal(signal.SIGCONT)
        return True

    async def end(self) -> int:
        """End it for good, in good order; give the exit code."""
        self._is_ending = True
        is_starting = time.monotonic() - self.started_at < START_SECONDS
        code = await self.stop() if self.pid else 0
        # Python itself has no manners before the program has begun.
        return 0 if is_starting and code == -signal.SIGTERM else code

    def destroy(self) -> None:
        """Leave nothing behind."""
        self._is_ending = True
        if self.pid:
            os.killpg(self.pid, signal.SIGKILL)
