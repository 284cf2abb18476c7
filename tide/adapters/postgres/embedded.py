"""A Postgres of our own, for one process on one host.

The server lives exactly as long as the context manager `embedded`: it is stopped at the end, and the kernel stops it
when its owner is killed. It listens on a socket in a directory that only its own user may enter, and lets in only the
user that started it.
"""

import asyncio
import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import URL

from tide.adapters.postgres.programs import Account, Programs, account, programs
from tide.domain.errors import StoreError

_SUPERUSER = "postgres"
_PORT = 5432  # names the socket file; nothing listens on TCP
_LONGEST_SOCKET_DIRECTORY = 80  # a socket's path may have 107 bytes (unix(7)); Postgres appends its file name and .lock
_PR_SET_PDEATHSIG = 1  # prctl(2)
_POLL_SECONDS = 0.02
_START_SECONDS = 120.0  # recovery after a crash of the host is counted in
_PREDECESSOR_SECONDS = 10.0  # how long a killed predecessor's processes may take to leave
_STOP_SECONDS = 10.0
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
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
_ANOTHER_IS_THERE = ("already exists", "is still in use")


@dataclass(frozen=True, slots=True)
class _Home:
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


@asynccontextmanager
async def embedded(data_dir: Path, *, durable: bool = True) -> AsyncIterator[str]:
    """Run Postgres on a data directory, made when it is not there; give the URL of its database.

    As root the directory's parents must let the user `daemon` through. Without `durable` a crash of the host may lose
    or spoil everything: for tests and demonstrations. Raise StoreError, in one line, when another process uses the
    directory or the server does not start.
    """
    home = _Home(Path(os.path.abspath(data_dir)))  # noqa: PTH100, ASYNC240 - no I/O but for the working directory
    with ExitStack() as stack:
        try:
            stack.enter_context(_locked(home))
            sockets = stack.enter_context(_socket_directory(home))
            who = account()
            which = await asyncio.to_thread(_prepare, home, sockets, who, durable=durable)
            stack.callback(_stop, await _started(home, sockets, (which, who), durable=durable))
        except (OSError, subprocess.SubprocessError) as error:
            raise StoreError(f"the embedded Postgres in {data_dir} failed: {error}") from error
        yield url_of(sockets)


@asynccontextmanager
async def temporary() -> AsyncIterator[str]:
    """Run Postgres on a new directory that is removed at the end; give the URL of its database."""
    with tempfile.TemporaryDirectory(prefix="tide-postgres-") as directory:
        if os.geteuid() == 0:
            os.chmod(directory, 0o711)  # noqa: PTH101, S103 - the server's user has to get through
        async with embedded(Path(directory, "data"), durable=False) as url:
            yield url


def url_of(sockets: Path) -> str:
    """Give the URL of the database whose server's socket is in `sockets`."""
    url = URL.create("postgresql+psycopg", username=_SUPERUSER, database="postgres", query={"host": str(sockets)})
    return url.render_as_string()


def running(data_dir: Path) -> str | None:
    """Give the URL of the server that some process, maybe another one, runs on a data directory now."""
    home = _Home(data_dir.absolute())
    if not _is_ready(home, None):
        return None
    try:
        with _locked(home):
            return None  # a killed owner has left its pid file behind
    except StoreError:
        return url_of(Path(_postmaster_lines(home)[4]))


@contextmanager
def _locked(home: _Home) -> Iterator[None]:
    """Hold the directory for this process; the kernel lets go of it when we die."""
    home.directory.mkdir(parents=True, exist_ok=True)
    with home.lock.open("ab") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreError(f"another process runs the embedded Postgres in {home.directory}") from error
        yield


@contextmanager
def _socket_directory(home: _Home) -> Iterator[Path]:
    """Give a directory with a short enough path, inside the data directory where possible."""
    if len(os.fsencode(home.sockets)) <= _LONGEST_SOCKET_DIRECTORY:
        home.sockets.mkdir(mode=0o700, exist_ok=True)
        yield home.sockets
        return
    short = Path(tempfile.mkdtemp(prefix="tide-pg-", dir="/tmp"))
    try:
        yield short
    finally:
        shutil.rmtree(short, ignore_errors=True)


def _prepare(home: _Home, sockets: Path, who: Account, *, durable: bool) -> Programs:
    """Make the data directory when it is not there, and say who may connect."""
    if who.popen:
        home.directory.chmod(0o711)  # whatever the umask is, the other user has to get through
    closed = who.closed_parent(home.data)
    if closed is not None:
        raise StoreError(
            f"the embedded Postgres runs as the user {who.name}, who may not enter {closed}: "
            "choose another data directory, or give --database-url"
        )
    which = programs(who)
    os.chown(sockets, who.uid, who.gid)
    if not home.data.exists():
        _initialise(home, which, who, durable=durable)
    made_by = (home.data / "PG_VERSION").read_text().strip()
    if made_by != which.major:
        raise StoreError(f"{home.data} was made by Postgres {made_by}, and this is Postgres {which.major}")
    home.access.write_text("local all all peer map=owner\n")
    home.identities.write_text(f'owner "{who.owner}" {_SUPERUSER}\n')
    for path in (home.access, home.identities):
        path.chmod(0o644)
    return which


def _initialise(home: _Home, which: Programs, who: Account, *, durable: bool) -> None:
    """Run initdb on a draft that is renamed when it is whole, so that a crash half-way leaves nothing to trip over."""
    draft = home.directory / "pgdata.draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    os.chown(draft, who.uid, who.gid)
    command = [which.initdb, "--pgdata", str(draft), "--username", _SUPERUSER, "--auth", "peer"]
    command += ["--encoding", "UTF8", "--locale", "C", *([] if durable else ["--no-sync"])]
    made = subprocess.run(  # type: ignore[call-overload]  # noqa: S603 - keywords from a dict; no shell
        command, cwd="/", env=_ENVIRONMENT, capture_output=True, text=True, check=False, **who.popen
    )
    if made.returncode:
        raise StoreError(f"initdb failed in {home.directory}: {_last_line(made.stderr)}")
    draft.rename(home.data)


async def _started(
    home: _Home, sockets: Path, program: tuple[Programs, Account], *, durable: bool
) -> subprocess.Popen[bytes]:
    """Start the server and wait until it takes connections.

    We hold the lock, so another server on these files can only be that of a killed predecessor: it, or its children,
    are about to leave, and until then Postgres refuses to start.
    """
    clock = asyncio.get_running_loop().time
    patience = clock() + _PREDECESSOR_SECONDS
    deadline = clock() + _START_SECONDS
    server = _spawn(home, sockets, program, durable=durable)
    while not _is_ready(home, server.pid):
        await _pause(server)
        if server.poll() is not None:
            told = home.log.read_text(errors="replace")
            if clock() > patience or not any(sign in told for sign in _ANOTHER_IS_THERE):
                raise StoreError(f"Postgres did not start in {home.directory}: {_last_line(told, 'FATAL')}")
            await asyncio.sleep(_POLL_SECONDS)
            server = _spawn(home, sockets, program, durable=durable)
        elif clock() > deadline:
            _stop(server)
            raise StoreError(f"Postgres did not start in {home.directory} within {_START_SECONDS:.0f} seconds")
    return server


async def _pause(server: subprocess.Popen[bytes]) -> None:
    """Wait a moment; leave no server behind when cancelled."""
    try:
        await asyncio.sleep(_POLL_SECONDS)
    except BaseException:
        _stop(server)
        raise


def _spawn(home: _Home, sockets: Path, program: tuple[Programs, Account], *, durable: bool) -> subprocess.Popen[bytes]:
    """Start the server in a session of its own, so that a terminal's Ctrl-C reaches us and not the server."""
    which, who = program
    places = {
        "unix_socket_directories": str(sockets),
        "hba_file": str(home.access),
        "ident_file": str(home.identities),
    }
    settings = _SETTINGS | places | ({} if durable else _FORGETFUL)
    command = [which.postgres, "-D", str(home.data), "-p", str(_PORT)]
    command += [argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")]
    with home.log.open("wb") as log:
        return subprocess.Popen(  # type: ignore[call-overload,no-any-return]  # noqa: S603 - keywords from a dict; no shell
            command,
            cwd="/",
            env=_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=_die_with_parent(),  # noqa: PLW1509 - two system calls, prepared before the fork
            **who.popen,
        )


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


def _is_ready(home: _Home, pid: int | None) -> bool:
    """Tell whether the server (the one with this pid) has said in its pid file that it takes connections."""
    lines = _postmaster_lines(home)
    return len(lines) > 7 and lines[7] == "ready" and (pid is None or lines[0] == str(pid))  # noqa: PLR2004 - miscadmin.h LOCK_FILE_LINE_PM_STATUS


def _postmaster_lines(home: _Home) -> list[str]:
    with suppress(FileNotFoundError):
        return [line.strip() for line in (home.data / "postmaster.pid").read_text().splitlines()]
    return []


def _stop(server: subprocess.Popen[bytes]) -> None:
    """Stop the server and wait for its end.

    This blocks the event loop on purpose: it is the last thing that is done, takes a tenth of a second, and cannot be
    cancelled half-way.
    """
    for request in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):  # fast, immediate, none
        with suppress(ProcessLookupError):
            server.send_signal(request)
        with suppress(subprocess.TimeoutExpired):
            server.wait(_STOP_SECONDS)
            return


def _last_line(text: str, mark: str = "") -> str:
    """Give the last line with `mark` in it, or else the last one of all."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in reversed(lines) if mark in line), lines[-1] if lines else "it said nothing")
