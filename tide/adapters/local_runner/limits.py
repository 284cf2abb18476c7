"""What one job may use, and how to tell that it wanted more."""

import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

_KIB = 1024
# Plain words and no patterns: a job may write as fast as it can, and each chunk is looked through.
_SIGNS = {
    "memory": (
        b"annot allocate memory",
        b"MemoryError",
        b"OutOfMemory",
        b"ut of memory",
        b"emory exhausted",
        b"bad_alloc",
        b"anitizer failed to allocate",
        b"(errno: 12)",
        b"memory allocation of ",
    ),
    "processes": (
        b"Resource temporarily unavailable",
        b"annot fork",
        b"can't start new thread",
        b"create native thread",
    ),
    "disk": (b"File too large", b"ile size limit exceeded"),
}
_LONGEST_SIGN = 64
_MOST_DESCRIPTORS = 65_536  # of one process: each of them is looked at where the disk is counted


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds for one job; 0 is none.

    Attributes:
        memory: bytes of data that each of its processes may have.
        processes: how many its account may have, threads included.
        disk: bytes of its work tree and of what its account keeps in /tmp and the like; of each file, too.
        look_every: how often the disk is looked at, at most.
    """

    memory: int = 0
    processes: int = 0
    disk: int = 0
    look_every: timedelta = timedelta(seconds=2)

    def as_rlimits(self) -> dict[str, int]:
        """Give the limits that the kernel keeps for us, by their names (setrlimit(2)).

        Not RLIMIT_AS: Go and Java reserve much that they never use. No job leaves a core, and the descriptors of each
        process have a bound.
        """
        given = {"RLIMIT_DATA": self.memory, "RLIMIT_NPROC": self.processes, "RLIMIT_FSIZE": self.disk}
        return {name: value for name, value in given.items() if value} | {
            "RLIMIT_CORE": 0,
            "RLIMIT_NOFILE": _MOST_DESCRIPTORS,
        }

    def of(self, kind: str) -> str:
        """Say in words what a job may use of a kind, and which flag says so."""
        return {
            "memory": f"{in_words(self.memory)} of memory in each process (--local-job-memory)",
            "processes": f"{self.processes} processes and threads (--local-job-processes)",
            "disk": f"{in_words(self.disk)} of disk (--local-job-disk)",
        }[kind]


@dataclass(slots=True)
class Symptoms:
    """Watches what a job writes for signs that it has met a limit: the kernel tells nobody but the process."""

    limits: Limits
    _found: set[str] = field(default_factory=set)
    _before: bytes = b""

    def read(self, chunk: bytes) -> None:
        """Take what it has written next."""
        text = self._before + chunk
        self._found.update(kind for kind, signs in _SIGNS.items() if any(sign in text for sign in signs))
        self._before = text[-_LONGEST_SIGN:]

    def met(self, code: int) -> tuple[str, ...]:
        """Tell the limits that a job which has failed with this exit code may have met, in words."""
        return tuple(self.limits.of(kind) for kind in self._kinds(code) if getattr(self.limits, kind))

    def _kinds(self, code: int) -> Iterator[str]:
        for kind in _SIGNS:
            is_too_large = kind == "disk" and code in {-signal.SIGXFSZ, 128 + signal.SIGXFSZ}
            if kind in self._found or is_too_large:
                yield kind


def in_words(size: int) -> str:
    """Write a number of bytes for people."""
    value, unit = float(size), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < _KIB:
            break
        value, unit = value / _KIB, larger
    return f"{value:.1f} {unit}".replace(".0 ", " ")
