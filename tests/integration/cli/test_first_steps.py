"""What a newcomer may meet first: no git, a taken port, a full disk, and second thoughts."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.box import needs_namespaces
from tests.integration.cli.conftest import CONFIG
from tests.programs import ROOT, TIDE, Program, open_directory, processes_that_name, started

NO_GIT = "tide: error: the git program is not on PATH; git 2.38 or newer is needed"
RUN = (
    *("run", "--config-path={place}/config.yaml", "--github-token-path={place}/token", "--data-dir={place}/data"),
    *("--i-trust-contributors", "--prowjob-backend=local", "--port=0", "--metrics-port=0", "--health-port=0"),
)


@pytest.fixture
def place() -> Iterator[Path]:
    with open_directory("first") as directory:
        (directory / "config.yaml").write_text(CONFIG)
        (directory / "token").write_text("sandbox-token\n")
        for name in ("tmp", "bin"):
            (directory / name).mkdir(mode=0o755)
        yield directory


def in_place(place: Path, *command: str) -> list[str]:
    """Give a command line about files in the place."""
    return [*TIDE, *(part.format(place=place) for part in command)]


def left(place: Path) -> list[str]:
    return [path.name for path in (place / "tmp").iterdir()]


@pytest.mark.parametrize("command", [("demo", "--port=0"), ("sandbox",), ("sandbox", "--data-dir={place}/data"), RUN])
def test_without_git_it_is_told_in_one_line_before_anything_is_made(place: Path, command: tuple[str, ...]) -> None:
    around = {"PATH": str(place / "bin"), "TMPDIR": str(place / "tmp")}
    with started(in_place(place, *command), place, "tide", around) as program:
        assert program.ended(patience=60) == 1, program.told
        told = program.stderr.read_text()
    assert [line for line in told.splitlines() if not line.startswith("{")] == [NO_GIT]
    assert "Traceback" not in told
    assert left(place) == []
    assert not (place / "data" / "postgres").exists()
    assert command is RUN or not (place / "data").exists()


@pytest.mark.parametrize("flag", ["--pulls=4", "--port={}"])
def test_a_sandbox_that_cannot_begin_leaves_no_directory(place: Path, flag: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        given = flag.format(taken.getsockname()[1])
        with started(in_place(place, "sandbox", "--data-dir={place}/data", given), place, "tide") as program:
            assert program.ended(patience=60) != 0, program.told
    assert "Traceback" not in program.told
    assert not (place / "data").exists()


def importing(program: Program, _place: Path) -> bool:
    return "pydantic_core" in Path(f"/proc/{program.process.pid}/maps").read_text()


def writing_commits(_program: Program, place: Path) -> bool:
    return any((place / "tmp").glob("tide-demo-*/github/repositories"))


def making_a_database(_program: Program, place: Path) -> bool:
    return any((place / "tmp").glob("tide-demo-*/data/postgres"))


@pytest.mark.parametrize("moment", [importing, writing_commits, making_a_database])
def test_a_second_thought_ends_a_demonstration_in_silence(place: Path, moment: Callable[[Program, Path], bool]) -> None:
    with started(in_place(place, "demo", "--port=0"), place, "tide", {"TMPDIR": str(place / "tmp")}) as program:
        program.wait_for(lambda: moment(program, place), moment.__name__)
        os.killpg(program.process.pid, signal.SIGINT)  # as a terminal does
        assert program.ended(patience=60) in {130, -signal.SIGINT}, program.told
    assert program.stderr.read_text().strip() in {"", "Aborted!"}
    assert left(place) == []
    assert processes_that_name(str(place / "tmp")) == []


SLOW_CLICK = """
import pathlib, time
pathlib.Path(__file__).with_name("imported").touch()
time.sleep(600)
"""


def test_a_second_thought_before_there_is_a_command_line_is_no_traceback(place: Path) -> None:
    (place / "bin" / "click.py").write_text(SLOW_CLICK)
    with started([*TIDE, "demo"], place, "tide", {"PYTHONPATH": str(place / "bin")}) as program:
        program.wait_for((place / "bin" / "imported").exists, "slow import")
        os.killpg(program.process.pid, signal.SIGINT)
        assert program.ended(patience=60) == -signal.SIGINT
    assert program.stderr.read_text() == ""


FULL_DISK = """
mount -t tmpfs -o size=6m,mode=0755 none "$1/tmp" && exec "$2" -m tide demo --port=0
"""


@needs_namespaces
def test_a_full_disk_is_told_and_not_how_it_was_cleaned_up(place: Path) -> None:
    script = ["unshare", "--mount", "sh", "-c", FULL_DISK, "sh", str(place), sys.executable]
    around = {**os.environ, "TMPDIR": str(place / "tmp")}
    done = subprocess.run(script, cwd=ROOT, env=around, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("tide: error: initdb failed in ")
    assert line.endswith("No space left on device"), line
