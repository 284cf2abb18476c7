"""The processes of an account, and what only they still hold (proc(5))."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_BLOCK = 512  # bytes, of which stat(2) counts
_MOST_OPEN = 500_000  # by the processes of one account: no job needs that, and some seconds are enough to look at them


class TooManyOpenError(Exception):
    """An account has more files open than can be looked at; the text says how many those are, in words."""


@dataclass(frozen=True, slots=True)
class _Process:
    number: int
    parent: int
    has_ended: bool


def processes_of(*accounts: int) -> list[int]:
    """List the processes that run as one of these in any way; those that only wait to be noticed do not count."""
    return [process.number for process in _listed(*accounts) if not process.has_ended]


def bury(account: int) -> None:
    """Notice the processes of an account that have ended and are ours to notice.

    Orphans are where there is no init (the first process of a container). Nothing else may wait for one of them: how it
    ended is told once.
    """
    for process in _listed(account):
        if process.has_ended and process.parent == os.getpid():
            with suppress(ChildProcessError):
                os.waitpid(process.number, os.WNOHANG)


def nameless_bytes_of(account: int) -> int:
    """Count the bytes in files that the processes of an account have open and that have no name any more.

    Those in memory (memfd_create(2)) have none either. Raise TooManyOpenError where there is no end of them.
    """
    sizes = dict[tuple[int, int], int]()
    for number, file in enumerate(_open_files_of(account)):
        if number >= _MOST_OPEN:
            raise TooManyOpenError(f"{_MOST_OPEN} open files")
        with suppress(OSError):
            status = os.stat(file)  # noqa: PTH116 - many names, and nothing but names
            if stat.S_ISREG(status.st_mode) and not status.st_nlink:
                sizes[status.st_dev, status.st_ino] = status.st_blocks * _BLOCK
    return sum(sizes.values())


def _open_files_of(account: int) -> Iterator[str]:
    for process in _listed(account):
        folder = f"/proc/{process.number}/fd"
        with suppress(OSError):
            yield from [f"{folder}/{number}" for number in os.listdir(folder)]  # noqa: PTH208 - as above


def _listed(*accounts: int) -> Iterator[_Process]:
    """List the processes of accounts. To look changes nothing: whoever waits for one of them still hears of its end."""
    wanted = set(map(str, accounts))
    for process in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - many names, and nothing but names
        try:
            status = Path("/proc", process, "status").read_text(errors="replace")
        except OSError:
            continue
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        if not wanted.isdisjoint(fields["Uid"].split()):
            yield _Process(int(process), int(fields["PPid"]), fields["State"][0] in "ZX")
