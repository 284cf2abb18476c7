"""Where the local runner works: logs that stay, work trees that go, and a mark that tells runners apart."""

import shutil
import uuid
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tide.adapters.git.file_lock import locked


@dataclass(frozen=True, slots=True)
class Directory:
    """The directory at `path`: others may pass through it (a job runs as `nobody`) and see nothing."""

    path: Path

    def prepare(self) -> None:
        """Make what is missing, and remove work trees that a killed runner has left."""
        for folder in (self.path, self._work):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o711)
        self._logs.mkdir(mode=0o700, exist_ok=True)
        for left in self._work.iterdir():
            shutil.rmtree(left, ignore_errors=True)

    def claim(self) -> AbstractAsyncContextManager[int]:
        """Hold the directory for one process; entering raises Unavailable when another one has it."""
        return locked(self.path / "local-runner.lock", timedelta(0))

    def identity(self) -> str:
        """Give a name that no other directory has; it outlives restarts."""
        file = self.path / "identity"
        if not file.exists():
            self.path.mkdir(parents=True, exist_ok=True)
            file.write_text(str(uuid.uuid4()))
        return file.read_text().strip()

    def log(self, name: str) -> Path:
        """Give the path of a run's log; raise ValueError unless `name` is a UUID, as all names of runs are."""
        return self._logs / f"{uuid.UUID(name)}.log"

    def work(self, name: str) -> Path:
        """Give the place of one run; raise ValueError unless `name` is a UUID."""
        return self._work / str(uuid.UUID(name))

    def make_work(self, name: str) -> Path:
        """Make an empty place for one run."""
        place = self.work(name)
        shutil.rmtree(place, ignore_errors=True)
        for folder in ("tmp", "artifacts"):
            (place / folder).mkdir(parents=True)
        return place

    def remove_work(self, name: str) -> None:
        """Remove a run's place."""
        shutil.rmtree(self.work(name), ignore_errors=True)

    def prune_logs(self, before: datetime) -> int:
        """Delete the logs that were last written before a moment; give how many."""
        old = [log for log in self._logs.glob("*.log") if log.stat().st_mtime < before.timestamp()]
        for log in old:
            log.unlink(missing_ok=True)
        return len(old)

    @property
    def _logs(self) -> Path:
        return self.path / "logs"

    @property
    def _work(self) -> Path:
        return self.path / "work"
