import os
from pathlib import Path

import pytest

from tide.adapters.postgres.programs import Account, account, major_in, programs

STRANGER = Account(uid=64123, gid=64123, name="stranger", owner="root")


@pytest.mark.parametrize(
    ("mode", "may"), [(0o700, False), (0o750, False), (0o701, True), (0o755, True), (0o744, False)]
)
def test_a_stranger_goes_through_what_is_open_to_all(tmp_path: Path, mode: int, may: bool) -> None:  # noqa: FBT001 - a column of the table
    directory = tmp_path / "directory"
    directory.mkdir()
    directory.chmod(mode)
    assert STRANGER.can_search(directory) is may


def test_the_group_counts_for_its_members(tmp_path: Path) -> None:
    tmp_path.chmod(0o710)
    assert Account(64123, tmp_path.stat().st_gid, "stranger", "root").can_search(tmp_path)


def test_the_topmost_closed_directory_is_named(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    (closed / "also" / "deep").mkdir(parents=True)
    for directory in (closed, closed / "also"):
        directory.chmod(0o700)
    outside = STRANGER.closed_parent(tmp_path / "file")
    assert STRANGER.closed_parent(closed / "also" / "deep") == (outside or closed)


def test_we_ourselves_are_not_changed(tmp_path: Path) -> None:
    ourselves = Account(os.geteuid(), os.getegid(), "me", "me")
    assert ourselves.popen == {}
    assert ourselves.closed_parent(tmp_path / "file") is None


def test_root_becomes_somebody_else() -> None:
    assert account().uid != 0


def test_programs_that_can_be_run_are_found() -> None:
    found = programs(account())
    assert found.major.isdecimal()
    assert os.access(found.postgres, os.X_OK)
    assert os.access(found.initdb, os.X_OK)


@pytest.mark.parametrize(
    ("told", "major"),
    [
        ("postgres (PostgreSQL) 18.6\n", "18"),
        ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", "15"),
        ("postgres (PostgreSQL) 19devel\n", "19"),
        ("something else\n", ""),
        ("", ""),
    ],
)
def test_the_version_is_found_in_what_builders_make_of_it(told: str, major: str) -> None:
    assert major_in(told) == major
