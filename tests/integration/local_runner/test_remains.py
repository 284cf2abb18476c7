"""Whatever a job leaves behind, the next job and the next start go on."""

import os
import shutil
from pathlib import Path

import pytest

from tests.integration.local_runner.lab import Lab, job, until
from tide.adapters.coreutils import give, remove
from tide.adapters.local_runner.directory import Directory
from tide.domain.runs import Purpose, RunState

NAME = "11111111-1111-1111-1111-111111111111"


def deep(place: Path, depth: int) -> None:
    """Make a tree deeper than any path can say."""
    place.mkdir(parents=True)
    here = os.open(place, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)


def put(path: Path, kind: str, target: Path = Path("/nonexistent")) -> None:
    """Make something that does not belong there."""
    if kind == "file":
        path.write_text("x")
    elif kind == "directory":
        path.mkdir(mode=0)
    elif kind == "link":
        path.symlink_to(target)
    else:
        os.mkfifo(path)


@pytest.mark.parametrize("depth", [1_900, 5_000])
async def test_a_tree_of_any_depth_is_removed(tmp_path: Path, depth: int) -> None:
    deep(tmp_path / "deep", depth)
    assert await remove(tmp_path / "deep")
    assert not (tmp_path / "deep").exists()


async def test_what_may_not_be_entered_is_removed_and_links_are_not_followed(tmp_path: Path) -> None:
    for place in ("tree/closed/below", "kept"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "kept" / "file").write_text("")
    (tmp_path / "kept").chmod(0o500)
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "kept")
    (tmp_path / "tree" / "-rf").write_text("")
    os.mkfifo(tmp_path / "tree" / "pipe")
    (tmp_path / "tree" / "closed").chmod(0)
    (tmp_path / "tree").chmod(0)
    assert await remove(tmp_path / "tree")
    assert (tmp_path / "kept" / "file").exists()
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o500


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
async def test_a_deep_tree_is_handed_over(tmp_path: Path) -> None:
    deep(tmp_path / "deep", 2_500)
    (tmp_path / "kept").write_text("")
    (tmp_path / "deep" / "link").symlink_to(tmp_path / "kept")
    assert await give(tmp_path / "deep", 58_000) == ""
    assert (tmp_path / "deep" / "d" / "d").stat().st_uid == 58_000
    assert (tmp_path / "deep" / "link").lstat().st_uid == 58_000
    assert (tmp_path / "kept").stat().st_uid == 0
    assert "No such file" in await give(tmp_path / "missing", 58_000)
    assert await remove(tmp_path / "deep")


DEEP = "import os\nfor _ in range({}): os.mkdir('d'); os.chdir('d')"


async def test_a_job_that_leaves_a_deep_tree_keeps_nobody_from_starting(lab: Lab) -> None:
    for depth in (1_000, 1_900):
        run = await lab.run(f'cd $HOME; python3 -c "{DEEP.format(depth)}"; chmod 0 $TMPDIR', lab.head(depth))
        assert run.state is RunState.SUCCESS, lab.log(run.name)
    async with lab.runner():
        await until(lambda: not list((lab.root / "jobs" / "aside").iterdir()))
    assert not list((lab.root / "jobs" / "work").iterdir())


async def test_the_remains_of_a_killed_daemon_are_out_of_the_way_at_once(lab: Lab) -> None:
    work = lab.root / "jobs" / "work"
    deep(work / NAME, 2_500)
    (work / NAME).chmod(0)
    (work / "link").symlink_to(lab.shared)
    (work / "file").write_text("")
    Directory(lab.root / "jobs").prepare()
    assert not list(work.iterdir())
    assert lab.shared.is_dir()
    async with lab.runner():
        await until(lambda: not list((lab.root / "jobs" / "aside").iterdir()))


async def test_what_cannot_be_removed_stays_aside_and_is_told(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (lab.root / "jobs" / "work" / NAME).mkdir(parents=True)
    git = shutil.which("git")
    assert git
    programs = lab.root / "programs"
    programs.mkdir()
    for name in ("git", "sh", "du", "chown", "true"):
        (programs / name).symlink_to(shutil.which(name) or "")
    monkeypatch.setenv("PATH", str(programs))  # there is no rm on it
    async with lab.runner() as runner:
        (run,) = await runner.start(lab.candidate(lab.head(7)), [job("true")], Purpose.RETEST, {})
        assert (await lab.ended(runner, run.name)).state is RunState.SUCCESS
        await until(lambda: "cannot be removed" in caplog.text)
    (left,) = (path for path in (lab.root / "jobs" / "aside").iterdir() if path.name.startswith(NAME))
    assert str(left) in caplog.text


async def test_what_cannot_be_removed_is_tried_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rm, programs = shutil.which("rm"), tmp_path / "programs"
    programs.mkdir()
    (programs / "rm").write_text(
        f'#!/bin/sh\necho $3 >> {tmp_path}/tried\ncase $3 in *stuck*) ;; *) {rm} "$@" ;; esac\n'
    )
    (programs / "rm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    directory = Directory(tmp_path / "jobs")
    directory.prepare()
    aside = tmp_path / "jobs" / "aside"
    for name in ("stuck", "one", "two"):
        (aside / name).mkdir(exist_ok=True)
        await directory.clear()
    assert [path.name for path in aside.iterdir()] == ["stuck"]
    assert (tmp_path / "tried").read_text().count("stuck") == 2  # with what was not open opened in between
    assert caplog.text.count("cannot be removed") == 1
    await Directory(tmp_path / "jobs").clear()
    assert caplog.text.count("cannot be removed") == 2


@pytest.mark.parametrize("room", ["work", "logs", "aside", "identity"])
@pytest.mark.parametrize("made", ["file", "directory", "link", "pipe"])
async def test_what_a_job_of_our_own_user_does_to_the_rooms_keeps_nobody_from_starting(
    lab: Lab, room: str, made: str
) -> None:
    path = lab.root / "jobs" / room
    path.parent.mkdir()
    put(path, made)
    run = await lab.run("echo hello", lab.head(7))
    assert (run.state, lab.log(run.name)) == (RunState.SUCCESS, "hello\n")


@pytest.mark.parametrize("made", ["directory", "link", "pipe"])
async def test_what_lies_in_the_place_of_a_log_is_neither_read_nor_written_through(lab: Lab, made: str) -> None:
    (lab.shared / "secret").write_text("secret\n")
    directory = Directory(lab.root / "jobs")
    directory.prepare()
    path = lab.root / "jobs" / "logs" / f"{NAME}.log"
    put(path, made, lab.shared / "secret")
    with pytest.raises(OSError):  # noqa: PT011 - each kind of file has its own
        directory.read_log(NAME)
    with directory.open_log(NAME) as log:
        log.write(b"hello\n")
    assert directory.read_log(NAME) == b"hello\n"
    assert (lab.shared / "secret").read_text() == "secret\n"


def test_of_a_very_long_log_the_end_is_shown(tmp_path: Path) -> None:
    directory = Directory(tmp_path)
    directory.prepare()
    with directory.open_log(NAME) as log:
        log.truncate(64 * 1024 * 1024)
        log.seek(0, os.SEEK_END)
        log.write(b"the end")
    shown = directory.read_log(NAME)
    assert len(shown) == 16 * 1024 * 1024
    assert shown.endswith(b"the end")
