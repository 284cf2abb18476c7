"""What a job writes, as it arrives: kept up to a limit, and read for signs of other limits."""

import asyncio
import os
from dataclasses import dataclass
from typing import BinaryIO

from tide.adapters.local_runner.limits import Symptoms

_CHUNK = 65_536
_PAUSE = 0.005  # seconds


@dataclass(slots=True)
class JobLog:
    """A log to which at most `limit` bytes are added; the rest is dropped, and the log says so.

    `trouble` is why it cannot be written any more, "" while it can: the job goes on, and does not suffer for it.
    """

    file: BinaryIO
    limit: int
    symptoms: Symptoms
    trouble: str = ""
    _written: int = 0

    def write(self, chunk: bytes) -> None:
        """Add what the job has written."""
        self.symptoms.read(chunk)
        self.say(chunk[: max(0, self.limit - self._written)])
        if self._written <= self.limit < self._written + len(chunk):
            self.say(b"\n[the rest of the log was dropped]\n")
        self._written += len(chunk)

    def say(self, text: bytes) -> None:
        """Add something of ours, whatever the limit."""
        try:
            while text and not self.trouble:
                text = text[self.file.write(text) :]
        except OSError as error:
            self.trouble = error.strerror or str(error)

    async def copy(self, source: int) -> None:
        """Add all that comes from a descriptor, which is closed at the end."""
        reader = asyncio.StreamReader()
        pipe = os.fdopen(source, "rb", buffering=0)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        try:
            while chunk := await reader.read(_CHUNK):
                self.write(chunk)
                if self._written > self.limit:
                    # Who writes on and on for nobody waits, and does not keep the daemon busy.
                    await asyncio.sleep(_PAUSE)
        finally:
            transport.close()
