"""A file on this machine."""

import asyncio
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tide.domain.errors import Permanent


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file that is read and replaced as a whole (tide.adapters.history.stored.Place)."""

    path: Path

    async def read(self) -> bytes | None:
        """Give what is in the file; None where there is none yet.

        Raises:
            Permanent: it cannot be read, or never be written, as its directory does not exist.
        """
        try:
            return await asyncio.to_thread(self.path.read_bytes)
        except FileNotFoundError as error:
            if not await asyncio.to_thread(self.path.parent.is_dir):
                raise Permanent(f"the directory {self.path.parent} does not exist") from error
            return None
        except OSError as error:
            raise Permanent(f"it cannot be read: {error.strerror}") from error

    async def write(self, content: bytes) -> None:
        """Replace the file at once: who reads it meets the old or the new, and a crash leaves either.

        Raises:
            Permanent: it cannot be written.
        """
        try:
            await asyncio.to_thread(_replace, self.path.resolve(), content)
        except OSError as error:
            raise Permanent(f"it cannot be written: {error.strerror}") from error


def _replace(path: Path, content: bytes) -> None:
    new, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(new, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), path.stat().st_mode & 0o777 if path.exists() else 0o644)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
