"""A Postgres of our own, for one process on one host.

The server lives exactly as long as the context manager `embedded`: it is stopped at the end, the kernel stops it when
its owner is killed, and one that ends before that is started again. It listens on a socket in a directory that only its
own user may enter, and lets in only the user that started it.
"""

import asyncio
import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from sqlalchemy.engine import URL

from tide.adapters.postgres.embedded_server import ENVIRONMENT, Home, Server, is_ready, postmaster_lines, telling_line
from tide.adapters.postgres.programs import Account, Programs, account, programs
from tide.domain.errors import StoreError

T = TypeVar("T")

_SUPERUSER = "postgres"
_SOCKET_LINE = 4  # of the server's pid file (Postgres: miscadmin.h LOCK_FILE_LINE_SOCKET_DIR)
_LONGEST_SOCKET_DIRECTORY = 80  # a socket's path may have 107 bytes (unix(7)); Postgres appends its file name and .lock


@asynccontextmanager
async def embedded(data_dir: Path, *, durable: bool = True) -> AsyncIterator[str]:
    """Run Postgres on a data directory, made when it is not there; give the URL of its database.

    The URL stays the same when the server was started again; its clients have to connect anew then.

    As root the directory's parents must let the user `daemon` through. Without `durable` a crash of the host may lose
    or spoil everything: for tests and demonstrations. Raise StoreError, in one line, when another process uses the
    directory or the server does not start.
    """
    home = Home(Path(os.path.abspath(data_dir)))  # noqa: PTH100, ASYNC240 - no I/O but for the working directory
    with ExitStack() as stack:
        try:
            stack.enter_context(_locked(home))
            sockets = stack.enter_context(_socket_directory(home))
            who = account()
            which = await _to_its_end(partial(_prepare, home, sockets, who, durable=durable))
            server = Server(home, sockets, which, who, is_durable=durable)
            stack.callback(server.stop)
            await server.start()
        except (OSError, subprocess.SubprocessError) as error:
            raise StoreError(f"the embedded Postgres in {data_dir} failed: {error}") from error
        watching = asyncio.create_task(server.keep_running())
        try:
            yield url_of(sockets)
        finally:
            watching.cancel()
            await asyncio.wait({watching})


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
    home = Home(data_dir.absolute())
    if not is_ready(home, None):
        return None
    try:
        with _locked(home):
            return None  # a killed owner has left its pid file behind
    except StoreError:
        lines = postmaster_lines(home)
        # Another process may be starting its server again just now: then there is none yet.
        return url_of(Path(lines[_SOCKET_LINE])) if len(lines) > _SOCKET_LINE else None


async def _to_its_end(work: Callable[[], T]) -> T:
    """Do what blocks in a thread; whoever is cancelled waits for its end, so that nobody clears away under it."""
    working = asyncio.create_task(asyncio.to_thread(work))
    try:
        return await asyncio.shield(working)
    finally:
        await asyncio.wait({working})


@contextmanager
def _locked(home: Home) -> Iterator[None]:
    """Hold the directory for this process; the kernel lets go of it when we die."""
    home.directory.mkdir(parents=True, exist_ok=True)
    with home.lock.open("ab") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreError(f"another process runs the embedded Postgres in {home.directory}") from error
        yield


@contextmanager
def _socket_directory(home: Home) -> Iterator[Path]:
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


def _prepare(home: Home, sockets: Path, who: Account, *, durable: bool) -> Programs:
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


def _initialise(home: Home, which: Programs, who: Account, *, durable: bool) -> None:
    """Run initdb on a draft that is renamed when it is whole, so that a crash half-way leaves nothing to trip over."""
    draft = home.directory / "pgdata.draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    os.chown(draft, who.uid, who.gid)
    command = [which.initdb, "--pgdata", str(draft), "--username", _SUPERUSER, "--auth", "peer"]
    command += ["--encoding", "UTF8", "--locale", "C", *([] if durable else ["--no-sync"])]
    made = subprocess.run(  # type: ignore[call-overload]  # noqa: S603 - keywords from a dict; no shell
        command,
        cwd="/",
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,  # a terminal's Ctrl-C is for us
        **who.popen,
    )
    if made.returncode:
        shutil.rmtree(draft, ignore_errors=True)
        raise StoreError(f"initdb failed in {home.directory}: {telling_line(made.stderr)}")
    draft.rename(home.data)
