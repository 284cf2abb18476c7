"""The processes of an account, and what only they still hold (proc(5))."""

import os
import stat
from contextlib import suppress
from pathlib import Path

_BLOCK = 512  # bytes, of which stat(2) counts


def processes_of(*accounts: int) -> list[int]:
    """List the processes that run as one of these in any way; those that only wait to be noticed do not count."""
    wanted, found = set(map(str, accounts)), []
    for process in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - many names, and nothing but names
        try:
            status = Path("/proc", process, "status").read_text(errors="replace")
        except OSError:
            continue
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        if wanted.isdisjoint(fields["Uid"].split()):
            continue
        if fields["State"][0] not in "ZX":
            found.append(int(process))
        elif int(fields["PPid"]) == os.getpid():
            # Orphans are ours where there is no init (the first process of a container).
            with suppress(ChildProcessError):
                os.waitpid(int(process), os.WNOHANG)
    return found


def nameless_bytes_of(account: int) -> int:
    """Count the bytes in files that the processes of an account have open and that have no name any more.

    Those in memory (memfd_create(2)) have none either.
    """
    sizes = dict[tuple[int, int], int]()
    for process in processes_of(account):
        folder = f"/proc/{process}/fd"
        with suppress(OSError):
            for number in os.listdir(folder):  # noqa: PTH208 - many names, and nothing but names
                with suppress(OSError):
                    status = os.stat(f"{folder}/{number}")  # noqa: PTH116 - as above
                    if stat.S_ISREG(status.st_mode) and not status.st_nlink:
                        sizes[status.st_dev, status.st_ino] = status.st_blocks * _BLOCK
    return sum(sizes.values())
