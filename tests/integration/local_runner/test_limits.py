"""A job that wants too much is stopped, and says which limit it has met."""

import asyncio
import errno
import hashlib
import os
import resource
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from tests.integration.local_runner.lab import Lab, job, until
from tide.adapters import coreutils
from tide.adapters.local_runner import disk
from tide.adapters.local_runner.limits import Limits
from tide.domain.runs import Purpose, RunState

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


@pytest.mark.parametrize("place", ["$HOME", "$TMPDIR/below", "/tmp", "/dev/shm"])  # noqa: S108 - where jobs may write
async def test_many_small_files_fill_no_disk(lab: Lab, place: str) -> None:
    if os.geteuid() != 0 and place in {"/tmp", "/dev/shm"}:  # noqa: S108
        pytest.skip("what else an ordinary user has there is not the job's")
    # Only root counts what its owner has closed.
    closed = "300" if os.geteuid() == 0 else "700"
    script = f"""
    mkdir -p {place}/many-$$$$; cd {place}/many-$$$$; chmod {closed} .
    number=0
    while :; do head -c 500000 /dev/zero > file$number; number=$((number + 1)); done
    """
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


async def test_each_process_may_open_so_many_files(lab: Lab) -> None:
    assert Limits().as_rlimits()["RLIMIT_NOFILE"] == 65_536
    run = await lab.run("ulimit -Hn", lab.head(7))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert int(lab.log(run.name)) == (65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536))


def test_how_often_the_disk_is_counted_is_not_for_the_job_to_say() -> None:
    every = timedelta(seconds=2)
    assert [disk.rest_after(took, every) for took in (0.1, 1, 3, 600)] == [2, 10, 30, 30]
    assert disk.rest_after(600, timedelta(hours=1)) == 3600


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's processes are not only the job's")
async def test_who_opens_files_without_end_is_stopped(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tide.adapters.local_runner.processes._MOST_OPEN", 1_000)
    script = "import os, time; [os.dup(1) for _ in range(600)]; os.fork(); time.sleep(600)"
    run = await lab.run(f'python3 -c "{script}"', lab.head(7), runner=lab.runner(disk=8 * MIB))
    assert run.description == "Job failed: it used more than 1000 open files."
    assert lab.log(run.name) == "[it used more than 1000 open files]\n"


@pytest.mark.parametrize("script", ["seq 500000", "seq 500000; exit 1"])
async def test_a_log_that_cannot_be_written_is_not_the_jobs_fault(lab: Lab, script: str) -> None:
    was = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, was[1]))
    try:
        run = await lab.run(f"({script}) && echo $? > {lab.shared}/passed", lab.head(7))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, was)
    said = "Job cannot run here: its log cannot be written: File too large"
    assert (run.state, run.description) == (RunState.ERROR, said)
    assert (lab.shared / "passed").exists() is (script == "seq 500000")
    assert len(lab.log(run.name)) == MIB


async def test_the_rest_of_a_time_out_is_as_before(lab: Lab) -> None:
    timeouts = {"timeout": "300ms", "grace_period": "100ms"}
    runner = lab.runner(disk=MIB, look_every=timedelta(hours=1))
    run = await lab.run("sleep 600", lab.head(7), runner=runner, decoration_config=timeouts)
    assert run.description == "Job failed: it did not end in time."


@pytest.mark.parametrize("times", [3, 1_000_000])
async def test_a_disk_that_cannot_be_counted_is_not_the_jobs_fault(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, times: int
) -> None:
    failures = 0

    async def disk_usage(paths: Sequence[Path], enough: int) -> int:
        nonlocal failures
        failures += 1
        if failures <= times:
            raise OSError(errno.EMFILE, "Too many open files")
        return await coreutils.disk_usage(paths, enough)

    monkeypatch.setattr(disk, "disk_usage", disk_usage)
    fill = "for n in $(seq 30); do head -c 500000 /dev/zero > $HOME/file$n; done"
    waits = "sleep 600" if times == 3 else "sleep 0.5"
    run = await lab.run(f"{fill}; {waits}", lab.head(7), runner=lab.runner(disk=8 * MIB))
    assert run.state is (RunState.FAILURE if times == 3 else RunState.SUCCESS)
    assert ("it used more than 8 MiB of disk" in run.description) is (times == 3)
    assert failures >= 3
    assert "cannot be counted" in caplog.text


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's processes are not only the job's")
@pytest.mark.parametrize("kind", ["os.memfd_create('x')", "os.open(os.environ['HOME'], os.O_TMPFILE | os.O_RDWR)"])
async def test_files_without_a_name_are_counted_too(lab: Lab, kind: str) -> None:
    script = f"import os, time; [os.write({kind}, bytes(1 << 20)) for _ in range(9)]; time.sleep(600)"
    run = await lab.run(f'python3 -c "{script}"', lab.head(7), runner=lab.runner(disk=8 * MIB))
    assert run.description == "Job failed: it used more than 8 MiB of disk (--local-job-disk)."


async def test_a_clone_that_does_not_fit_is_broken_off(lab: Lab) -> None:
    for number in range(9):
        large = "".join(hashlib.sha512(f"{number}/{line}".encode()).hexdigest() for line in range(16_000))
        lab.base = lab.origin.commit({f"large{number}": large}, lab.base, ref="refs/heads/main")
    run = await lab.run("sleep 600", lab.head(7), runner=lab.runner(disk=4 * MIB))
    assert run.state in {RunState.ERROR, RunState.FAILURE}
    assert "more than 4 MiB of disk (--local-job-disk)" in run.description


async def test_who_writes_without_end_is_held_back_and_the_others_go_on(lab: Lab) -> None:
    turns = 0
    runner = lab.runner(log_limit=1000)
    async with runner:
        (run,) = await runner.start(lab.candidate(lab.head(7)), [job("yes")], Purpose.RETEST, {})
        await lab.running(runner, run.name)
        log = lab.root / "jobs" / "logs" / f"{run.name}.log"
        await until(lambda: log.exists() and log.stat().st_size > 1000)
        before = time.process_time()
        for _ in range(100):
            await asyncio.sleep(0.005)
            turns += 1
        spent = time.process_time() - before
    assert turns == 100
    assert spent < 0.5
