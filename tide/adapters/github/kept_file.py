"""What a file of the operator's holds, read again whenever the file changes."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import structlog

from tide.domain.errors import Unauthorized

T = TypeVar("T")

_log = structlog.get_logger(__name__)


class KeptFile(Generic[T]):
    """The value of a file that may be replaced while we run (a mounted Secret is swapped under its name).

    While the file cannot be read the last good value stays in use.

    Args:
        path: The file.
        what: What it holds, in words.
        read: Makes the value of the file's content; raises ValueError, without telling the content.
    """

    def __init__(self, path: Path, what: str, read: Callable[[str], T]) -> None:
        self.path, self._what, self._read = path, what, read
        self._seen: tuple[int, ...] | None = None
        self._value: T | None = None

    def value(self) -> T:
        """Give the value as it stands in the file now; raise Unauthorized when there never was a usable one."""
        try:
            seen = _identity(self.path)
            if seen != self._seen:
                self._value = self._read(self.path.read_text(encoding="utf-8"))
                self._seen = seen
        except (OSError, ValueError) as error:
            problem = f"no {self._what} can be read from {self.path}: {_reason(error)}"
            if self._value is None:
                raise Unauthorized(problem) from None
            _log.warning("the last one stays in use", problem=problem)
        if self._value is None:
            raise Unauthorized(f"{self.path} holds no {self._what}")
        return self._value


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not text"
    return getattr(error, "strerror", None) or str(error)


def _identity(path: Path) -> tuple[int, ...]:
    # The inode tells a swapped symlink; the time and the size tell a file written in place.
    stat = os.stat(path)  # noqa: PTH116 - follows the links of a mounted Secret, as Path.stat does, in one call
    return stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_size
