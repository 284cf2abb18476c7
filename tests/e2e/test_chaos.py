"""One seed of `make chaos`: two replicas that are killed while everything around them fails."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.programs import ROOT

# Chosen for what it strikes early, and for its brevity; `make chaos` plays as many as it is told.
SEED = 198
KILLS = {"merge, before: kill -9", "merge, after: kill -9", "start a run, after: kill -9"}
PATIENCE = 550.0


@pytest.mark.timeout(600)
def test_whatever_fails_each_good_change_lands_once_and_no_branch_is_red() -> None:
    command = [sys.executable, "-m", "tests.chaos", "--json", "--seed", str(SEED)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            out, err = process.communicate(timeout=PATIENCE)
        finally:
            process.terminate()  # it takes its replicas with it
    assert process.returncode == 0, f"{out}\n{err[-5000:]}"
    told: dict[str, Any] = json.loads(out.splitlines()[-1])
    assert (told["broken"], told["left"]) == ([], [])
    assert told["landed"] == told["good"] > 5
    assert set(told["hits"]) >= KILLS
