import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest

from tide.adapters.postgres.embedded import embedded, running
from tide.adapters.postgres.programs import Account, account, programs, reachable_copy
from tide.domain.errors import StoreError

OWNER = """
import asyncio, sys
from pathlib import Path
from tide.adapters.postgres.embedded import embedded

async def main() -> None:
    async with embedded(Path(sys.argv[1])) as url:
        print(url, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run Postgres as somebody else")


@pytest.fixture
def home() -> Iterator[Path]:
    """A directory that the server's user may go through, which pytest's tmp_path is not."""
    directory = Path(tempfile.mkdtemp(prefix="tide-test-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


def ask(url: str, statement: LiteralString) -> object:
    with psycopg.connect(libpq(url), autocommit=True) as connection:
        cursor = connection.execute(statement)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def libpq(url: str) -> str:
    return url.replace("postgresql+psycopg", "postgresql")


def postmaster(data_dir: Path) -> int:
    return int((data_dir / "pgdata" / "postmaster.pid").read_text().split()[0])


def is_running(pid: int) -> bool:
    """Tell whether a process runs; one that ended but was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def owner(data_dir: Path, **options: Any) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER, str(data_dir), stdout=asyncio.subprocess.PIPE, **options
    )
    assert process.stdout is not None
    assert (await process.stdout.readline()).startswith(b"postgresql+psycopg://")
    return process


async def test_data_outlives_the_server_and_the_server_not_its_owner(home: Path) -> None:
    async with embedded(home / "data") as url:
        ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")
        assert ask(url, "SHOW fsync") == "on"
        assert ask(url, "SHOW listen_addresses") == ""
        assert ask(url, "SELECT datcollate FROM pg_database WHERE datname = current_database()") == "C"
        pid = postmaster(home / "data")
        assert os.getsid(pid) != os.getsid(0)
    assert not is_running(pid)
    async with embedded(home / "data", durable=False) as url:
        assert ask(url, "SELECT answer FROM kept") == 42
        assert ask(url, "SHOW fsync") == "off"


async def test_a_second_user_of_a_data_directory_is_refused(home: Path) -> None:
    assert running(home / "data") is None
    async with embedded(home / "data", durable=False) as url:
        assert running(home / "data") == url
        with pytest.raises(StoreError, match="another process runs the embedded Postgres") as caught:
            async with embedded(home / "data"):
                pytest.fail("two servers on one directory")
        assert "\n" not in str(caught.value)
        assert ask(url, "SELECT 1") == 1
    assert running(home / "data") is None


async def test_the_server_goes_with_a_killed_owner_and_the_next_one_starts(home: Path) -> None:
    process = await owner(home / "data")
    ask(str(running(home / "data")), "CREATE TABLE kept AS SELECT 42 AS answer")
    pid = postmaster(home / "data")
    process.kill()
    await process.wait()
    async with embedded(home / "data", durable=False) as url:
        assert not is_running(pid)
        assert ask(url, "SELECT answer FROM kept") == 42


async def test_the_server_starts_again_after_it_was_killed_itself(home: Path) -> None:
    process = await owner(home / "data")
    url = str(running(home / "data"))
    ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    with psycopg.connect(libpq(url)):
        os.kill(postmaster(home / "data"), signal.SIGKILL)
        process.kill()
        await process.wait()
        async with embedded(home / "data", durable=False) as again:
            assert ask(again, "SELECT answer FROM kept") == 42


async def test_an_initdb_that_was_cut_off_does_no_harm(home: Path) -> None:
    (home / "data" / "pgdata.draft").mkdir(parents=True)
    (home / "data" / "pgdata.draft" / "PG_VERSION").write_text("")
    async with embedded(home / "data", durable=False) as url:
        assert ask(url, "SELECT 1") == 1


async def test_a_long_path_is_no_trouble(home: Path) -> None:
    async with embedded(home / ("long" * 30) / "data", durable=False) as url:
        assert ask(url, "SELECT 1") == 1


async def test_an_error_of_the_user_passes_through_and_stops_the_server(home: Path) -> None:
    pid = 0

    async def use() -> None:
        nonlocal pid
        async with embedded(home / "data", durable=False):
            pid = postmaster(home / "data")
            raise FileNotFoundError

    with pytest.raises(FileNotFoundError):
        await use()
    assert pid
    assert not is_running(pid)


async def test_data_of_another_major_version_is_refused(home: Path) -> None:
    (home / "data" / "pgdata").mkdir(parents=True)
    (home / "data" / "pgdata" / "PG_VERSION").write_text("9\n")
    with pytest.raises(StoreError, match=r"was made by Postgres 9, and this is Postgres \d\d$"):
        async with embedded(home / "data"):
            pytest.fail("the files are of another version")


async def test_what_the_server_says_when_it_cannot_start_is_told_in_one_line(home: Path) -> None:
    async with embedded(home / "data", durable=False):
        pass
    (home / "data" / "pgdata" / "postgresql.conf").write_text("work_mem = nonsense\n")
    with pytest.raises(StoreError, match=r"nonsense|errors") as caught:
        async with embedded(home / "data"):
            pytest.fail("the configuration is broken")
    assert "\n" not in str(caught.value)


@pytest.fixture
def closed_home(home: Path) -> Path:
    """A directory that only we may go through."""
    home.chmod(0o700)
    return home


@root_only
async def test_a_closed_parent_is_told(closed_home: Path) -> None:
    with pytest.raises(StoreError, match=f"may not enter {closed_home}"):
        async with embedded(closed_home / "data"):
            pytest.fail("the server cannot get there")


@root_only
async def test_only_the_owner_may_connect(home: Path) -> None:
    """Not even the server's own user may."""
    psql, server = programs(account()).directory / "psql", account()
    async with embedded(home / "data", durable=False) as url:
        process = await asyncio.create_subprocess_exec(
            psql, libpq(url), "-c", "SELECT 1", user=server.uid, cwd="/", stderr=asyncio.subprocess.PIPE
        )
        _, told = await process.communicate()
    assert process.returncode != 0
    assert b"eer authentication failed" in told


@root_only
async def test_what_jobs_run_as_can_neither_read_nor_change_nor_stop_the_database(home: Path) -> None:
    data = home / "data" / "pgdata"
    attacks = (
        f"cat {data}/PG_VERSION",
        f"echo 'x = 1' >> {data}/postgresql.auto.conf",
        f"kill -0 {{server}} && echo {data}",
    )
    async with embedded(home / "data", durable=False):
        server = (data / "postmaster.pid").read_text().split()[0]
        for attack in attacks:
            process = await asyncio.create_subprocess_exec(
                "sh", "-c", attack.format(server=server), user="nobody", cwd="/", stderr=asyncio.subprocess.DEVNULL
            )
            assert await process.wait() != 0, attack


@root_only
@pytest.mark.skipif(
    account().closed_parent(Path(sys.executable).resolve()) is not None, reason="nobody cannot reach this Python"
)
async def test_it_runs_as_an_ordinary_user_too(home: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    process = await owner(home / "data", user="nobody", cwd="/")
    process.terminate()
    await process.wait()


@root_only
def test_programs_out_of_reach_are_copied_once(home: Path) -> None:
    ourselves = Account(os.geteuid(), os.getegid(), "root", "root")
    found = programs(ourselves)
    copied = reachable_copy(found.directory, home / "cache")
    assert account().closed_parent(copied / "postgres") is None
    said = subprocess.run(
        [copied / "postgres", "--version"], user="nobody", cwd="/", capture_output=True, text=True, check=True
    )
    assert found.major in said.stdout
    before = (copied / "postgres").stat()
    assert reachable_copy(found.directory, home / "cache") == copied
    assert (copied / "postgres").stat() == before
    assert [path.name for path in (home / "cache").iterdir()] == [copied.parents[2].name]
