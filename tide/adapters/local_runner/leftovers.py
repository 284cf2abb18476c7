"""Finds what is left of jobs that a killed process of ours had started."""

import contextlib
import os
import signal
from collections.abc import Collection
from pathlib import Path


def kill_leftovers(places: Collection[Path], processes: Path = Path("/proc")) -> int:
    """Kill the processes whose environment says that they belong to a run of ours; give how many.

    A place is the directory of one run and has the run's name. The name alone does not tell: another runner on this
    host gives the same one to the same test. A no-op where there is no such directory of processes.
    """
    found = [int(entry.name) for entry in processes.glob("[0-9]*") if _is_of(entry, places)] if places else []
    for number in found:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(number, signal.SIGKILL)
    return len(found)


def _is_of(process: Path, places: Collection[Path]) -> bool:
    try:
        environment = (process / "environ").read_bytes()
    except OSError:
        return False
    variables = environment.split(b"\0")
    return any(
        f"PROW_JOB_ID={place.name}".encode() in variables and os.fsencode(place) in environment for place in places
    )
