"""The replicas of a seed: real processes, which whoever watches over them starts again when they die."""

import asyncio
import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.programs import ROOT, TIDE

AGAIN_AFTER = 0.5
END_SECONDS = 30.0
PAUSE_SECONDS = 14.0
CATCHES_UP_SECONDS = 1.0
_SERVES = '"msg": "serving"'
_SIGNS_OF_ERRORS = ("Traceback", "internal error", '"exception":')


@dataclass(eq=False)
class Replica:
    """One `tide run`, again and again; `token` is what it shows GitHub and Kubernetes.

    `surprises` are the ends of it that nobody has brought about, and the stops in good order that were none.
    """

    name: str
    token: str
    flags: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    process: asyncio.subprocess.Process | None = None
    surprises: list[str] = field(default_factory=list)
    bad_stops: list[str] = field(default_factory=list)
    _resumed_at: float = 0.0
    _silent_until: int = 0
    _is_ending: bool = False

    @property
    def pid(self) -> int:
        """The process that lives, 0 when there is none."""
        alive = self.process is not None and self.process.returncode is None
        return self.process.pid if alive and self.process else 0

    @property
    def has_just_resumed(self) -> bool:
        """Tell whether it was stopped where it stood a moment ago: it cannot know yet how late it is."""
        return time.monotonic() - self._resumed_at < CATCHES_UP_SECONDS

    @property
    def errors(self) -> list[str]:
        """Give the lines of its log that tell of an error that nobody has thought of."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return [line[:300] for line in lines if any(sign in line for sign in _SIGNS_OF_ERRORS)]

    async def run(self) -> None:
        """Start it, and start it again whenever it has ended, until it is told to end."""
        while not self._is_ending:
            with self.log.open("ab") as log:
                self._silent_until = log.tell()
                self.process = await asyncio.create_subprocess_exec(
                    *map(str, TIDE),
                    "run",
                    *self.flags,
                    cwd=ROOT,
                    env={**os.environ, **self.environment},
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            code = await self.process.wait()
            told = self.log.read_bytes()[self._silent_until :].decode(errors="replace")
            # What it needs of others is waited for; only this host can keep it from serving.
            if code > 0 and _SERVES in told:
                last = told.splitlines()[-1:]
                self.surprises.append(f"replica {self.name} ended with {code}: {' '.join(last)[-300:]}")
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

    async def stop(self) -> bool:
        """Ask it to end in good order, and wait until it has; tell whether it did so."""
        process, has_begun = self.process, self.log.stat().st_size > self._silent_until
        if process is None or not self.signal(signal.SIGTERM):
            return False
        try:
            async with asyncio.timeout(END_SECONDS):
                code = await process.wait()
        except TimeoutError:
            self.bad_stops.append(f"replica {self.name} took more than {END_SECONDS:.0f} s")
            self.signal(signal.SIGABRT)
            return False
        # Somebody else may have killed it meanwhile; and Python itself has no manners before the program has begun.
        if code != -signal.SIGKILL and (has_begun or code != -signal.SIGTERM) and code:
            self.bad_stops.append(f"replica {self.name} ended with {code}")
        return code == 0

    async def pause(self) -> bool:
        """Stop it where it stands for longer than a lease lasts, and let it go on."""
        if not self.signal(signal.SIGSTOP):
            return False
        try:
            await asyncio.sleep(PAUSE_SECONDS)
        finally:
            self._resumed_at = time.monotonic()
            self.signal(signal.SIGCONT)
        return True

    async def end(self) -> None:
        """End it for good, in good order."""
        self._is_ending = True
        await self.stop()

    def destroy(self) -> None:
        """Leave nothing behind."""
        self._is_ending = True
        if self.pid:
            os.killpg(self.pid, signal.SIGKILL)
