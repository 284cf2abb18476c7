"""A job that wants too much is stopped, and says which limit it has met."""

from datetime import timedelta

import pytest

from tests.integration.local_runner.lab import Lab
from tide.domain.runs import RunState

MIB = 1024 * 1024


async def test_memory_is_bounded_and_what_is_only_reserved_does_not_count(lab: Lab) -> None:
    runner = lab.runner(memory=200 * MIB)
    reserve = "import mmap; mmap.mmap(-1, 8 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ)"
    run = await lab.run(f"python3 -c '{reserve}' && python3 -c 'x = bytes(300 << 20)'", lab.head(7), runner=runner)
    limit = "200 MiB of memory in each process (--local-job-memory)"
    assert (run.state, run.description) == (RunState.FAILURE, f"Job failed: it may have met its limit of {limit}.")
    assert lab.log(run.name).endswith(f"MemoryError\n[it may have met its limit of {limit}]\n")


async def test_a_large_file_is_cut(lab: Lab) -> None:
    runner = lab.runner(disk=MIB)
    run = await lab.run("head -c 3000000 /dev/zero > $HOME/large", lab.head(7), runner=runner)
    assert run.state is RunState.FAILURE
    assert "1 MiB of disk (--local-job-disk)" in run.description


@pytest.mark.parametrize("place", ["$HOME", "$HOME/closed", "$TMPDIR"])
async def test_many_small_files_fill_no_disk(lab: Lab, place: str) -> None:
    script = (
        f"mkdir -p {place}; cd {place}; chmod 300 .; i=0; while :; do head -c 500000 /dev/zero > f$i; i=$((i+1)); done"
    )
    if place == "$HOME/closed":
        script = script.replace("chmod 300", "chmod 700")
    run = await lab.run(script, lab.head(7), runner=lab.runner(disk=8 * MIB))
    said = "Job failed: it used more than 8 MiB of disk (--local-job-disk)."
    assert (run.state, run.description) == (RunState.FAILURE, said)
    assert lab.log(run.name).endswith("[it used more than 8 MiB of disk (--local-job-disk)]\n")


async def test_a_job_that_passes_says_nothing_of_limits(lab: Lab) -> None:
    run = await lab.run("echo MemoryError", lab.head(7), runner=lab.runner(memory=500 * MIB))
    assert (run.state, run.description, lab.log(run.name)) == (RunState.SUCCESS, "Job succeeded.", "MemoryError\n")


async def test_limits_that_are_not_set_are_not_named(lab: Lab) -> None:
    run = await lab.run("echo MemoryError; ulimit -c; ulimit -n; exit 1", lab.head(7))
    assert (run.description, lab.log(run.name)) == ("Job failed.", "MemoryError\n0\n1024\n")


async def test_the_rest_of_a_time_out_is_as_before(lab: Lab) -> None:
    timeouts = {"timeout": "300ms", "grace_period": "100ms"}
    runner = lab.runner(disk=MIB, look_every=timedelta(hours=1))
    run = await lab.run("sleep 600", lab.head(7), runner=runner, decoration_config=timeouts)
    assert run.description == "Job failed: it did not end in time."
