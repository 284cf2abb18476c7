"""Runs one job's process: its own group, a bounded log, an end in time."""

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tide.adapters.local_runner.instructions import CannotRunError, Instructions

_CHUNK = 65_536
_LAST_WORDS = 2.0  # seconds for what is left in the pipe once the group is gone


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended; `code` is negative for a signal."""

    code: int
    timed_out: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """The user that jobs run as; None means as ourselves."""

    user: int
    group: int


def job_account() -> Account | None:
    """Give `nobody` when we are root, for what others wrote never runs as root."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return Account(entry.pw_uid, entry.pw_gid)


def hand_over(directory: Path, account: Account | None) -> None:
    """Give a directory and all in it to the account that the job runs as, and to nobody else."""
    directory.chmod(0o700)
    if account is None:
        return
    for folder, folders, files in os.walk(directory):
        for name in (*folders, *files):
            os.chown(Path(folder) / name, account.user, account.group, follow_symlinks=False)
    os.chown(directory, account.user, account.group)


async def run_process(
    todo: Instructions, *, work_dir: Path, home: Path, log: Path, log_limit: int, account: Account | None
) -> Ending:
    """Run a job's command to its end, in `work_dir`.

    `home` is the job's own directory (HOME, TMPDIR, ARTIFACTS, GOPATH); at most `log_limit` bytes of its output are
    kept. The whole group is killed when we are cancelled, and when the command has ended. Raise CannotRunError when
    it cannot be started.
    """
    reading, writing = os.pipe()
    copying = asyncio.create_task(_copy(reading, log, log_limit))
    try:
        try:
            process = await _start(todo, work_dir, home, writing, account)
        finally:
            os.close(writing)
        try:
            return await _await_end(process, todo)
        finally:
            _signal_group(process.pid, signal.SIGKILL)
            await process.wait()
    finally:
        # Whoever left the group may hold the pipe open for ever.
        await asyncio.wait([copying], timeout=_LAST_WORDS)
        copying.cancel()


async def _start(
    todo: Instructions, work_dir: Path, home: Path, output: int, account: Account | None
) -> asyncio.subprocess.Process:
    options: dict[str, Any] = {}
    if account is not None:
        options = {"user": account.user, "group": account.group, "extra_groups": []}
    environment = _environment(todo.environment, home)
    program = shutil.which(todo.command[0], path=environment["PATH"]) or todo.command[0]
    try:
        return await asyncio.create_subprocess_exec(
            program,
            *todo.command[1:],
            cwd=work_dir,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            umask=0o022,
            **options,
        )
    except (OSError, ValueError) as error:
        raise CannotRunError(f"Job cannot run here: {todo.command[0]}: {error}") from error


def _environment(job: Mapping[str, str], home: Path) -> dict[str, str]:
    """Give a clean environment: nothing of ours but PATH."""
    ours = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "ARTIFACTS": str(home / "artifacts"),
        "GOPATH": str(home),
    }
    return {**ours, **job}


async def _await_end(process: asyncio.subprocess.Process, todo: Instructions) -> Ending:
    try:
        async with asyncio.timeout(todo.timeout.total_seconds()):
            return Ending(await process.wait())
    except TimeoutError:
        _signal_group(process.pid, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(todo.grace.total_seconds()):
            return Ending(await process.wait(), timed_out=True)
    _signal_group(process.pid, signal.SIGKILL)
    return Ending(await process.wait(), timed_out=True)


def _signal_group(group: int, number: signal.Signals) -> None:
    # The group's id stays taken as long as anything of it is alive, also when its leader has ended.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


async def _copy(source: int, log: Path, limit: int) -> None:
    reader = asyncio.StreamReader()
    pipe = os.fdopen(source, "rb", buffering=0)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    try:
        with _bounded(log, limit) as write:
            while chunk := await reader.read(_CHUNK):
                write(chunk)
    finally:
        transport.close()


@contextlib.contextmanager
def _bounded(log: Path, limit: int) -> Iterator[Any]:
    """Open a log that takes `limit` bytes; the rest is dropped, and the log says so."""
    written = 0
    with log.open("ab") as file:

        def write(chunk: bytes) -> None:
            nonlocal written
            file.write(chunk[: max(0, limit - written)])
            if written <= limit < written + len(chunk):
                file.write(b"\n[the rest of the log was dropped]\n")
            written += len(chunk)
            file.flush()

        yield write
