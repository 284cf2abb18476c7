"""A few seeds of `make chaos`: two replicas that are killed while everything around them fails."""

import json
import subprocess
import sys

import pytest

from tests.chaos.strikes import DEEDS, Trouble, strikes
from tests.programs import ROOT

SEEDS = (30, 52)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_fails_each_good_change_lands_once_and_no_branch_is_red(seed: int) -> None:
    command = [sys.executable, "-m", "tests.chaos", "--seed", str(seed), "--json"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=550, check=False)
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr[-5000:]}"
    told = json.loads(ran.stdout.splitlines()[-1])
    assert (told["broken"], told["left"]) == ([], [])
    assert told["landed"] == told["good"] > 5
    assert told["hits"]


def test_the_seeds_kill_a_replica_at_a_deed() -> None:
    for seed in SEEDS:
        assert any(one.cell.action in DEEDS and one.cell.trouble is Trouble.KILL for one in strikes(seed))
