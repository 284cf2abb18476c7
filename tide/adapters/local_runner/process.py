"""Runs one job's process: its own group, its limits, a bounded log, an end in time."""

import asyncio
import contextlib
import json
import os
import pwd
import shutil
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tide.adapters.local_runner import disk
from tide.adapters.local_runner.instructions import CannotRunError, Instructions
from tide.adapters.local_runner.job_log import JobLog
from tide.adapters.local_runner.limits import Limits

_LAST_WORDS = 2.0  # seconds for what is left in the pipe once the group is gone
_BECOME = Path(__file__).with_name("become_job.py")


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended; `code` is negative for a signal.

    `too_much` is what it used more of than it may, and was stopped for; `met` are limits that it may have met.
    """

    code: int
    timed_out: bool = False
    too_much: str = ""
    met: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job runs: it starts in `work_dir`, `home` is its own (HOME, TMPDIR, ARTIFACTS, GOPATH).

    `account` is the user, and the group, that it runs as; None: as ourselves.
    """

    work_dir: Path
    home: Path
    account: int | None


async def run_process(todo: Instructions, place: Place, log: JobLog, limits: Limits) -> Ending:
    """Run a job's command to its end.

    The whole group is killed when we are cancelled, and when the command has ended. Raise CannotRunError when it cannot
    be started.
    """
    reading, writing = os.pipe()
    if place.account is not None:
        os.fchown(writing, place.account, place.account)  # or a job could not open its own /dev/stdout
    copying = asyncio.create_task(log.copy(reading))
    try:
        try:
            process = await _start(todo, place, writing, limits)
        finally:
            os.close(writing)
        try:
            ending = await _await_end(process, todo, place, limits)
        finally:
            _signal_group(process.pid, signal.SIGKILL)
            await process.wait()
    finally:
        # Whoever left the group may hold the pipe open for ever.
        await asyncio.wait([copying], timeout=_LAST_WORDS)
        copying.cancel()
    is_telling = ending.code and not ending.too_much
    return replace(ending, met=log.symptoms.met(ending.code)) if is_telling else ending


async def _start(todo: Instructions, place: Place, output: int, limits: Limits) -> asyncio.subprocess.Process:
    environment = _environment(todo.environment, place)
    orders = {
        "program": shutil.which(todo.command[0], path=environment["PATH"]) or todo.command[0],
        "command": todo.command,
        "environment": environment,
        "account": place.account,
        "rlimits": limits.as_rlimits(),
    }
    hearing, telling = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(_BECOME), str(telling)),
            cwd=place.work_dir,
            env={"LC_ALL": "C.UTF-8"},
            stdin=asyncio.subprocess.PIPE,
            stdout=output,
            stderr=output,
            pass_fds=(telling,),
            start_new_session=True,
            umask=0o022,
        )
    except OSError as error:
        os.close(hearing)
        raise CannotRunError(f"Job cannot run here: {error}") from error
    finally:
        os.close(telling)
    try:
        trouble = await _order(process, json.dumps(orders).encode(), hearing)
    except BaseException:
        _signal_group(process.pid, signal.SIGKILL)
        await asyncio.shield(process.wait())
        raise
    if trouble:
        await process.wait()
        raise CannotRunError(f"Job cannot run here: {todo.command[0]}: {trouble}")
    return process


async def _order(process: asyncio.subprocess.Process, orders: bytes, hearing: int) -> str:
    """Give a process its orders; give what it could not do, "" once it has become the job."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    pipe = os.fdopen(hearing, "rb", buffering=0)
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    try:
        if process.stdin is not None:
            process.stdin.write(orders)
            with contextlib.suppress(ConnectionError):
                await process.stdin.drain()
            process.stdin.close()
        return (await reader.read()).decode(errors="replace")
    finally:
        transport.close()


def _environment(job: Mapping[str, str], place: Place) -> dict[str, str]:
    """Give a clean environment: nothing of ours but PATH, and who we are where the job is, too."""
    home, name = place.home, _name_of(place.account)
    ours = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "USER": name,
        "LOGNAME": name,
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "ARTIFACTS": str(home / "artifacts"),
        "GOPATH": str(home),
    }
    return {**ours, **job}


def _name_of(account: int | None) -> str:
    """Give a user's name; one without an entry in /etc/passwd has its number, as ls(1) shows it."""
    number = os.geteuid() if account is None else account
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


async def _await_end(process: asyncio.subprocess.Process, todo: Instructions, place: Place, limits: Limits) -> Ending:
    """Wait for its end, and bring it about when the time is over or the disk is full."""
    ended = asyncio.create_task(process.wait())
    filled = asyncio.create_task(disk.filled(place.home, place.account, limits))
    try:
        await asyncio.wait({ended, filled}, timeout=todo.timeout.total_seconds(), return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            return Ending(ended.result())
        too_much = filled.result() if filled.done() else ""
        _signal_group(process.pid, signal.SIGKILL if too_much else signal.SIGTERM)
        await asyncio.wait({ended}, timeout=todo.grace.total_seconds())
        _signal_group(process.pid, signal.SIGKILL)
        return Ending(await ended, timed_out=not too_much, too_much=too_much)
    finally:
        for task in (ended, filled):
            task.cancel()


def _signal_group(group: int, number: signal.Signals) -> None:
    # The group's id stays taken as long as anything of it is alive, also when its leader has ended.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)
