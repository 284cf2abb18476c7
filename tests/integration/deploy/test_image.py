"""What the image promises, as far as it can be tried without a container engine: the wheel in a box."""

import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from tests.box import CONTAINERFILE, DATA, IMAGE_USER, Box, image_environment, instructions, needs_namespaces
from tests.programs import ROOT, open_directory

UNKNOWN_USER = 1_000_620_000  # of the kind that OpenShift gives
BUILT_FROM = ("LICENSE", "README.md", "pyproject.toml", "requirements/run.txt", "migrations", "tide")


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A directory that every user may enter."""
    with open_directory("image") as directory:
        yield directory


@pytest.fixture(scope="module")
def programs(place: Path) -> Path:
    """The wheel, built and installed as the image does it, over the requirements that are here already."""
    home = place / "installed"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    made = ["--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "wheel", *made, "--wheel-dir", place, ROOT], check=True)
    (wheel,) = place.glob("*.whl")
    subprocess.run([*pip, "--python", home / "bin/python", "install", *made, wheel], check=True)
    (packages,) = home.glob("lib/python*/site-packages")
    (packages / "requirements.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return home / "bin"


def box(place: Path, programs: Path, *, user: int, has_name: bool) -> Box:
    """Make a container of the image for one user."""
    home = place / f"{user}-{has_name}"
    home.mkdir(exist_ok=True)
    return Box(home, programs, {programs.parent: programs.parent}, user).prepared(has_name=has_name)


def test_it_runs_tide_as_a_user_with_a_number_and_the_group_of_root() -> None:
    assert instructions("ENTRYPOINT") == ['["tini", "--", "tide", "run"]']
    assert instructions("USER") == [f"{IMAGE_USER}:0"]
    assert image_environment(Path("/opt/tide/bin"))["XDG_DATA_HOME"] == str(Path(DATA).parent)


def test_all_that_it_is_built_from_is_there_and_reaches_the_builder() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", CONTAINERFILE.read_text(), re.MULTILINE)
    assert sorted(" ".join(copied).split()) == sorted(BUILT_FROM)
    assert [name for name in BUILT_FROM if not (ROOT / name).exists()] == []
    let_through = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert sorted(let_through) == sorted(BUILT_FROM)


@needs_namespaces
@pytest.mark.parametrize(("user", "has_name"), [(IMAGE_USER, True), (UNKNOWN_USER, True), (UNKNOWN_USER, False)])
def test_it_starts_as_any_user(place: Path, programs: Path, user: int, has_name: bool) -> None:  # noqa: FBT001 - a case of a table
    inside = box(place, programs, user=user, has_name=has_name)
    told = inside.run("tide", "run", "--help")
    assert told.returncode == 0, told.stderr
    assert "--config-path" in told.stdout
    where = inside.run("python", "-c", "import tide, os; print(tide.__file__, os.getuid(), os.getgid())").stdout
    assert where.split()[1:] == [str(user), "0"]
    assert where.startswith(str(programs.parent))


@needs_namespaces
def test_only_the_data_directory_and_tmp_can_be_written(place: Path, programs: Path) -> None:
    (place / "writing").mkdir()
    inside = Box(place / "writing", programs, {programs.parent: programs.parent}).prepared()
    for path in ("/", "/etc", "/usr", programs.parent):
        assert "Read-only file system" in inside.run("touch", f"{path}/file").stderr
    for path in ("/tmp", DATA):  # noqa: S108 - the one inside
        assert inside.run("touch", f"{path}/file").returncode == 0


@needs_namespaces
@pytest.mark.parametrize("user", [IMAGE_USER, UNKNOWN_USER])
def test_without_a_database_it_makes_its_own_in_the_data_directory(place: Path, programs: Path, user: int) -> None:
    (place / f"database-{user}").mkdir()
    inside = Box(place / f"database-{user}", programs, {programs.parent: programs.parent}, user).prepared()
    made = inside.run("tide", "db", "upgrade")
    assert made.returncode == 0, made.stderr
    told = inside.run("tide", "db", "current")
    assert told.stdout.strip() == ScriptDirectory(str(ROOT / "migrations")).get_current_head(), told.stderr
    assert (inside.data / "postgres" / "pgdata").is_dir()


@needs_namespaces
def test_a_user_without_a_name_needs_a_database(place: Path, programs: Path) -> None:
    (place / "nameless").mkdir()
    inside = Box(place / "nameless", programs, {programs.parent: programs.parent}, UNKNOWN_USER).prepared(
        has_name=False
    )
    told = inside.run("tide", "db", "upgrade")
    assert told.returncode == 1
    assert told.stderr.startswith("tide: error: the embedded Postgres needs an entry in /etc/passwd")
    assert len(told.stderr.splitlines()) == 1
