"""A few seeds of `make chaos`: two replicas that are killed while everything around them fails."""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from tests.programs import ROOT

# Chosen for what they strike early, and for their brevity.
SEEDS = (62, 198)
KILLS = {
    62: ("write a status, before: kill -9", "write a status, after: kill -9", "start a run, after: kill -9"),
    198: ("merge, before: kill -9", "merge, after: kill -9", "start a run, after: kill -9"),
}
PATIENCE = 550.0


@pytest.fixture(scope="module")
def played() -> Mapping[int, tuple[int, str, str]]:
    """Play the seeds beside each other, as they mostly wait; give exit code, stdout and stderr of each."""
    command = [sys.executable, "-m", "tests.chaos", "--json", "--seed"]
    running = {
        seed: subprocess.Popen(
            [*command, str(seed)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for seed in SEEDS
    }
    try:
        told = {seed: process.communicate(timeout=PATIENCE) for seed, process in running.items()}
    finally:
        for process in running.values():
            process.terminate()  # it takes its replicas with it
    return {seed: (process.wait(), *told[seed]) for seed, process in running.items()}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_fails_each_good_change_lands_once_and_no_branch_is_red(
    seed: int, played: Mapping[int, tuple[int, str, str]]
) -> None:
    code, out, err = played[seed]
    assert code == 0, f"{out}\n{err[-5000:]}"
    told: dict[str, Any] = json.loads(out.splitlines()[-1])
    assert (told["broken"], told["left"]) == ([], [])
    assert told["landed"] == told["good"] > 5
    assert set(KILLS[seed]) <= set(told["hits"])
