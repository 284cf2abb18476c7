"""What a file of the operator's holds, read again whenever the file changes."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import structlog

from tide.domain.errors import Unauthorized

T = TypeVar("T")
Identity = tuple[int, ...] | None

_log = structlog.get_logger(__name__)


def identity(path: Path) -> Identity:
    """Give what changes when a file is replaced or written; None where there is none.

    The inode tells a swapped symlink (a mounted Secret is swapped under its name); the time and the size tell a file
    that is written in place.
    """
    try:
        stat = os.stat(path)  # noqa: PTH116 - follows the links of a mounted Secret, as Path.stat does, in one call
    except OSError:
        return None
    return stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_size


class KeptFile(Generic[T]):
    """The value of a file that may be replaced while we run.

    While the file cannot be read the last good value stays in use, which is told once.

    Args:
        path: The file.
        what: What it holds, in words.
        read: Makes the value of the file's content; raises ValueError, without telling the content.
    """

    def __init__(self, path: Path, what: str, read: Callable[[bytes], T]) -> None:
        self.path, self._what, self._read = path, what, read
        self._seen: Identity = None
        self._value: T | None = None
        self._told = ""

    def __repr__(self) -> str:
        return f"KeptFile({str(self.path)!r})"

    def value(self) -> T:
        """Give the value as it stands in the file now; raise Unauthorized when there never was a usable one."""
        try:
            seen = identity(self.path)
            if seen is None or seen != self._seen:
                self._value = self._read(self.path.read_bytes())
                self._seen = seen
            self._told = ""
        except (OSError, ValueError) as error:
            self._stay(f"no {self._what} can be read from {self.path}: {reason(error)}")
        if self._value is None:
            raise Unauthorized(f"{self.path} holds no {self._what}")
        return self._value

    def _stay(self, problem: str) -> None:
        if self._value is None:
            raise Unauthorized(problem) from None
        if problem != self._told:
            self._told = problem
            _log.warning("the last one stays in use", problem=problem)


def reason(error: OSError | ValueError) -> str:
    """Give why a file cannot be read, without its content."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not text"
    return getattr(error, "strerror", None) or str(error)
