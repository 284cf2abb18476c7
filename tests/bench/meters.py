"""Meters of processes: CPU seconds and peak memory."""

import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MB = 1_000_000
_PROC = Path("/proc")


@dataclass(slots=True)
class Spent:
    """What a stretch of work took: seconds on the wall, seconds of our own CPU and of others that work for us."""

    wall: float = 0.0
    cpu: float = 0.0
    others_cpu: float = 0.0


@contextmanager
def measured(others_cpu: Callable[[], float] = lambda: 0.0) -> Iterator[Spent]:
    """Measure what the block takes; `others_cpu` reads the CPU seconds of other processes so far."""
    spent = Spent(time.perf_counter(), time.process_time(), others_cpu())
    yield spent
    spent.wall = time.perf_counter() - spent.wall
    spent.cpu = time.process_time() - spent.cpu
    spent.others_cpu = others_cpu() - spent.others_cpu


def peak_memory() -> int:
    """Give the most memory that this process has held so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux tells kilobytes (getrusage(2))


def cpu_of_family(pid: int) -> float:
    """Give the CPU seconds of a process with its children, those that have ended included; 0 where /proc is not."""
    if not _PROC.is_dir():
        return 0.0
    stats = [_stat(path) for path in _PROC.glob("[0-9]*/stat")]
    ticks = sum(
        own + (ended if its_pid == pid else 0) for its_pid, parent, own, ended in stats if pid in (its_pid, parent)
    )
    return ticks / os.sysconf("SC_CLK_TCK")


def _stat(path: Path) -> tuple[int, int, int, int]:
    """Give pid, parent, own ticks, ticks of children that have ended (proc_pid_stat(5)); zeros for a process gone."""
    try:
        fields = path.read_text().rpartition(")")[2].split()
    except OSError:
        return 0, 0, 0, 0
    return int(path.parent.name), int(fields[1]), int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
