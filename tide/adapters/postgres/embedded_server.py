"""The process of the embedded Postgres: how it is started, watched and stopped."""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from tide.adapters.postgres.programs import Account, Programs
from tide.domain.errors import StoreError

log = structlog.get_logger(component="tide")

ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
_PORT = 5432  # names the socket file; nothing listens on TCP
_PR_SET_PDEATHSIG = 1  # prctl(2)
_POLL_SECONDS = 0.02
_START_SECONDS = 120.0  # recovery after a crash of the host is counted in
_PREDECESSOR_SECONDS = 10.0  # how long a killed predecessor's processes may take to leave
_STOP_SECONDS = 10.0
_WATCH_SECONDS = 0.2
_STEADY_SECONDS = 60.0  # a server that ran for so long is not one that ends again and again
_SHORTEST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.5, 30.0
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "min_wal_size": "32MB",
    "jit": "off",
    "log_min_messages": "error",
    "log_checkpoints": "off",
    "timezone": "UTC",
}
_FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_TELLING = ("PANIC:", "FATAL:", "error:", "ERROR:")  # the first of these that is there
_ANOTHER_IS_THERE = ("already exists", "is still in use")


@dataclass(frozen=True, slots=True)
class Home:
    """What lies in a data directory."""

    directory: Path

    @property
    def data(self) -> Path:
        """Postgres's own files."""
        return self.directory / "pgdata"

    @property
    def access(self) -> Path:
        """Who may connect (pg_hba.conf). It lies outside of `data`, where only the server's user may write."""
        return self.directory / "pg_hba.conf"

    @property
    def identities(self) -> Path:
        """Which user of the system is which of the database (pg_ident.conf)."""
        return self.directory / "pg_ident.conf"

    @property
    def log(self) -> Path:
        """What the server says since its last start."""
        return self.directory / "postgres.log"

    @property
    def lock(self) -> Path:
        """A file that is locked while a process runs a server here."""
        return self.directory / "lock"

    @property
    def sockets(self) -> Path:
        """Where the server's socket is, unless that would be too long a path."""
        return self.directory / "run"


@dataclass(slots=True)
class Server:
    """The server's process, and how it is started."""

    home: Home
    sockets: Path
    programs: Programs
    account: Account
    is_durable: bool
    process: subprocess.Popen[bytes] | None = None
    _trouble: str = ""

    async def start(self) -> None:
        """Start the server and wait until it takes connections.

        We hold the lock, so another server on these files can only be that of a killed predecessor: it, or its
        children, are about to leave, and until then Postgres refuses to start.

        Raises:
            StoreError: it ended, or took too long.
        """
        clock = asyncio.get_running_loop().time
        patience = clock() + _PREDECESSOR_SECONDS
        deadline = clock() + _START_SECONDS
        process = self._spawn()
        while not is_ready(self.home, process.pid):
            await asyncio.sleep(_POLL_SECONDS)
            if process.poll() is not None:
                told = self._told()
                if clock() > patience or not any(sign in told for sign in _ANOTHER_IS_THERE):
                    raise StoreError(f"Postgres did not start in {self.home.directory}: {telling_line(told)}")
                await asyncio.sleep(_POLL_SECONDS)
                process = self._spawn()
            elif clock() > deadline:
                self.stop()
                raise StoreError(f"Postgres did not start in {self.home.directory} within {_START_SECONDS:.0f} seconds")

    async def keep_running(self) -> None:
        """Start the server again whenever it has ended; at once, but for one that does so again and again."""
        clock, wait = asyncio.get_running_loop().time, 0.0
        while True:
            started = clock()
            await self._ended()
            log.error("the embedded Postgres has ended and is started again", said=telling_line(self._told()))
            if clock() - started > _STEADY_SECONDS:
                wait = 0.0
            is_running = False
            while not is_running:
                await asyncio.sleep(wait)
                wait = min(max(2 * wait, _SHORTEST_WAIT_SECONDS), _LONGEST_WAIT_SECONDS)
                is_running = await self._is_started()

    def stop(self) -> None:
        """Stop the server and wait for its end.

        This blocks the event loop on purpose: it is the last thing that is done, takes a tenth of a second, and cannot
        be cancelled half-way.
        """
        if self.process is None:
            return
        for request in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):  # fast, immediate, none
            with suppress(ProcessLookupError):
                self.process.send_signal(request)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(_STOP_SECONDS)
                return

    async def _ended(self) -> None:
        # The end of a child is no event that every system gives.
        while self.process and self.process.poll() is None:  # noqa: ASYNC110 - see above
            await asyncio.sleep(_WATCH_SECONDS)

    async def _is_started(self) -> bool:
        try:
            await self.start()
        except (StoreError, OSError, subprocess.SubprocessError) as error:
            if str(error) != self._trouble:
                log.warning("the embedded Postgres cannot be started yet", error=str(error))
            self._trouble = str(error)
            return False
        self._trouble = ""
        log.info("the embedded Postgres takes connections again")
        return True

    def _told(self) -> str:
        return self.home.log.read_text(errors="replace")

    def _spawn(self) -> subprocess.Popen[bytes]:
        """Start the server in a session of its own, so that a terminal's Ctrl-C reaches us and not the server."""
        places = {
            "unix_socket_directories": str(self.sockets),
            "hba_file": str(self.home.access),
            "ident_file": str(self.home.identities),
        }
        settings = _SETTINGS | places | ({} if self.is_durable else _FORGETFUL)
        command = [self.programs.postgres, "-D", str(self.home.data), "-p", str(_PORT)]
        command += [argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")]
        with self.home.log.open("wb") as log_file:
            self.process = subprocess.Popen(  # type: ignore[call-overload]  # noqa: S603 - keywords from a dict; no shell
                command,
                cwd="/",
                env=ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=log_file,
                start_new_session=True,
                preexec_fn=_die_with_parent(),  # noqa: PLW1509 - two system calls, prepared before the fork
                **self.account.popen,
            )
        return self.process


def _die_with_parent() -> object:
    """Give what a child calls to be interrupted when its parent dies; None where the system cannot do it.

    SIGINT is Postgres's fast shutdown. It is called after the change of user, which would undo it (prctl(2)).
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def arrange() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return arrange


def is_ready(home: Home, pid: int | None) -> bool:
    """Tell whether the server (the one with this pid) has said in its pid file that it takes connections."""
    lines = postmaster_lines(home)
    return len(lines) > 7 and lines[7] == "ready" and (pid is None or lines[0] == str(pid))  # noqa: PLR2004 - miscadmin.h LOCK_FILE_LINE_PM_STATUS


def postmaster_lines(home: Home) -> list[str]:
    """Read the server's pid file (Postgres: miscadmin.h LOCK_FILE_LINE_*); empty when there is none."""
    with suppress(FileNotFoundError):
        return [line.strip() for line in (home.data / "postmaster.pid").read_text().splitlines()]
    return []


def telling_line(text: str) -> str:
    """Give the line that says why one of Postgres's programs has ended; the last ones tell how it cleans up."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = (line for mark in _TELLING for line in reversed(lines) if mark in line)
    return next(telling, lines[-1] if lines else "it said nothing")
