import subprocess
from pathlib import Path

import pytest

from tide.adapters.local_runner.leftovers import kill_leftovers

NAME = "7d1c6d0e-4c2b-5b0e-9a55-3f1d6f7a2c11"


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc here")
def test_only_processes_of_the_named_runs_are_killed() -> None:
    left = subprocess.Popen(["sleep", "600"], env={"PATH": "/usr/bin:/bin", "PROW_JOB_ID": NAME})
    other = subprocess.Popen(["sleep", "600"], env={"PATH": "/usr/bin:/bin", "PROW_JOB_ID": f"{NAME}x"})
    try:
        assert kill_leftovers([]) == 0
        assert kill_leftovers([NAME]) == 1
        assert left.wait(timeout=10) == -9
        assert other.poll() is None
    finally:
        left.kill()
        other.kill()
        left.wait()
        other.wait()
