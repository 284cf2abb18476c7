"""The processes of an account, and what only they still hold (proc(5))."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_BLOCK = 512  # bytes, of which stat(2) counts


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

    Those in memory (memfd_create(2)) have none either.
    """
    sizes = dict[tuple[int, int], int]()
    for process in _listed(account):
        folder = f"/proc/{process.number}/fd"
        with suppress(OSError):
            for number in os.listdir(folder):  # noqa: PTH208 - many names, and nothing but names
                with suppress(OSError):
                    status = os.stat(f"{folder}/{number}")  # noqa: PTH116 - as above
                    if stat.S_ISREG(status.st_mode) and not status.st_nlink:
                        sizes[status.st_dev, status.st_ino] = status.st_blocks * _BLOCK
    return sum(sizes.values())


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
