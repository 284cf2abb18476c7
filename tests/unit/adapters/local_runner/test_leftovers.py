import subprocess
from pathlib import Path

import pytest

from tide.adapters.local_runner.leftovers import kill_leftovers

NAME = "7d1c6d0e-4c2b-5b0e-9a55-3f1d6f7a2c11"


def sleeping(name: str, home: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "600"], env={"PATH": "/usr/bin:/bin", "PROW_JOB_ID": name, "HOME": str(home)})


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc here")
def test_only_processes_of_our_own_runs_are_killed(tmp_path: Path) -> None:
    place = tmp_path / "work" / NAME
    left = sleeping(NAME, place)
    others = [sleeping(f"{NAME}x", place), sleeping(NAME, tmp_path / "another" / "work" / NAME)]
    try:
        assert kill_leftovers([]) == 0
        assert kill_leftovers([place]) == 1
        assert left.wait(timeout=10) == -9
        assert [other.poll() for other in others] == [None, None]
    finally:
        for process in (left, *others):
            process.kill()
            process.wait()
