"""Where the local runner works: logs that stay, work trees that go, and a mark that tells runners apart."""

import logging
import os
import stat
import uuid
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from tide.adapters.coreutils import remove
from tide.adapters.git.file_lock import locked

log = logging.getLogger(__name__)

_MOST_SHOWN = 16 * 1024 * 1024  # of a log, which every run of the same name goes on with
# A job of our own user could have put a link or a pipe in the place of its log.
_AS_IT_IS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Directory:
    """The directory at `path`: others may pass through it (jobs have accounts of their own) and see nothing.

    A work tree that is done with is moved to a room beside, in no time whatever it holds, and removed there.
    """

    path: Path
    _stuck: set[Path] = field(default_factory=set, repr=False, compare=False)

    def prepare(self) -> None:
        """Make what is missing, and put aside the work trees that a killed runner has left."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.path.chmod(0o711)
        for room, mode in ((self._aside, 0o700), (self._work, 0o711), (self._logs, 0o700)):
            self._make_room(room, mode)
        for left in self._work.iterdir():
            self._put_aside(left)

    def claim(self) -> AbstractAsyncContextManager[int]:
        """Hold the directory for one process; entering raises Unavailable when another one has it."""
        return locked(self.path / "local-runner.lock", timedelta(0))

    def identity(self) -> str:
        """Give a name that no other directory has; it outlives restarts."""
        file = self.path / "identity"
        if not file.is_file():
            self.path.mkdir(parents=True, exist_ok=True)
            self._put_aside(file)
            file.write_text(str(uuid.uuid4()))
        return file.read_text().strip()

    def open_log(self, name: str) -> BinaryIO:
        """Open a run's log to add to it; raise ValueError unless `name` is a UUID, as all names of runs are.

        It has no buffer: what cannot be written is not tried once more when the log is closed.
        """
        path = self._log(name)
        with suppress(FileNotFoundError):
            if not stat.S_ISREG(path.lstat().st_mode):
                self._put_aside(path)
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _AS_IT_IS, 0o600), "ab", buffering=0)

    def read_log(self, name: str) -> bytes:
        """Give a run's log, of a very long one the end.

        Raises:
            ValueError: `name` is no UUID.
            OSError: there is no such log.
        """
        with os.fdopen(os.open(self._log(name), os.O_RDONLY | _AS_IT_IS), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise FileNotFoundError(name)
            file.seek(max(0, status.st_size - _MOST_SHOWN))
            return file.read(_MOST_SHOWN)

    def work(self, name: str) -> Path:
        """Give the place of one run; raise ValueError unless `name` is a UUID."""
        return self._work / str(uuid.UUID(name))

    def make_work(self, name: str) -> Path:
        """Make an empty place for one run, which nobody else may enter."""
        self.end_work(name)
        place = self.work(name)
        place.mkdir(mode=0o700)
        for folder in ("tmp", "artifacts"):
            (place / folder).mkdir()
        return place

    def end_work(self, name: str) -> None:
        """Put a run's place aside, to be removed."""
        self._put_aside(self.work(name))

    async def clear(self) -> None:
        """Remove what was put aside; tell what cannot be removed, which is not tried again before a restart."""
        for left in sorted(set(self._aside.iterdir()) - self._stuck):
            if not await remove(left):
                self._stuck.add(left)
                log.warning("what a job has left cannot be removed, and stays at %s", left)

    def prune_logs(self, before: datetime) -> int:
        """Delete the logs that were last written before a moment; give how many."""
        old = [log for log in self._logs.glob("*.log") if log.lstat().st_mtime < before.timestamp()]
        for file in old:
            with suppress(OSError):
                file.unlink(missing_ok=True)
        return len(old)

    def _make_room(self, room: Path, mode: int) -> None:
        if room.is_symlink() or not room.is_dir():
            self._put_aside(room)
            room.mkdir()
        room.chmod(mode)

    def _put_aside(self, left: Path) -> None:
        """Move something to where nobody comes across it. What cannot even be moved stays, and is told."""
        try:
            status = left.lstat()
            if stat.S_ISDIR(status.st_mode):
                left.chmod(0o700)  # a directory that may not be written cannot be moved either (rename(2))
            room = self._aside if self._aside.is_dir() and left != self._aside else self.path
            left.rename(room / f"{left.name}-{uuid.uuid4()}")
        except FileNotFoundError:
            return
        except OSError as error:
            log.warning("what a job has left at %s cannot be moved: %s", left, error.strerror)

    def _log(self, name: str) -> Path:
        return self._logs / f"{uuid.UUID(name)}.log"

    @property
    def _aside(self) -> Path:
        return self.path / "aside"

    @property
    def _logs(self) -> Path:
        return self.path / "logs"

    @property
    def _work(self) -> Path:
        return self.path / "work"
