"""As an ordinary user jobs are ourselves: the operator is asked, once, whether that is how it should be."""

import importlib
import os
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Tide

ORDINARY = 1000
FLAGS = ("--prowjob-backend=local", "--github-token-path=/nowhere", "--dry-run=false")


@pytest.fixture
def start(tide: Tide, config: Path, tmp_path: Path) -> Tide:
    """Start a daemon that ends at its token, which comes after the question."""
    return lambda *flags: tide("run", f"--config-path={config}", f"--data-dir={tmp_path / 'data'}", *FLAGS, *flags)


@pytest.fixture
def _as_an_ordinary_user() -> object:
    """Be another user for a while, where we are root; that one may not be able to read the program."""
    importlib.import_module("tide.cli.run")
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(ORDINARY)
    yield
    os.seteuid(0)


@pytest.fixture(autouse=True)
def _open(tmp_path: Path) -> None:
    for place in (tmp_path, *tmp_path.parents):
        if place.stat().st_uid == os.geteuid() and place.stat().st_mode & 0o001 == 0:
            place.chmod(place.stat().st_mode | 0o011)
    tmp_path.chmod(0o777)


@pytest.mark.usefixtures("_as_an_ordinary_user")
def test_it_is_asked_once_for_a_data_directory(start: Tide) -> None:
    told = start()
    assert told.code == 2
    (line,) = told.errors
    assert "a job can read the GitHub token" in line
    assert "write what the embedded Postgres holds, the evidence that merges rest on" in line
    assert "--i-trust-contributors" in line
    for flags in (["--i-trust-contributors"], []):
        told = start(*flags)
        assert (told.code, told.errors) == (1, [told.errors[0]])
        assert "/nowhere" in told.errors[0]
        (warning,) = [entry for entry in told.err.splitlines() if "WARN" in entry.upper() and "{" in entry]
        assert "a job can read the GitHub token" in warning


@pytest.mark.usefixtures("_as_an_ordinary_user")
@pytest.mark.parametrize("flag", ["--dry-run", "--run-once", "--prowjob-backend=kubernetes"])
def test_it_is_not_asked_where_no_job_runs(start: Tide, flag: str) -> None:
    assert start(flag).code == 1


@pytest.mark.usefixtures("_as_an_ordinary_user")
def test_with_a_database_of_ones_own_it_is_the_password_that_jobs_read(start: Tide) -> None:
    (line,) = start("--database-url=postgresql://tide@host.invalid/tide").errors
    assert "read the password of the database and write what it holds" in line


@pytest.mark.usefixtures("_as_an_ordinary_user")
def test_a_data_directory_that_cannot_remember_is_told(start: Tide) -> None:
    told = start("--i-trust-contributors", "--data-dir=/proc/x")
    assert (told.code, told.errors) == (
        1,
        ["tide: error: the data directory /proc/x cannot be used: No such file or directory"],
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has other accounts")
def test_root_is_not_asked(start: Tide) -> None:
    assert start().code == 1
