import asyncio
import stat
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.builders import BASE, NOW, POOL
from tide.adapters.history.local_file import LocalFile
from tide.adapters.history.stored import StoredHistory
from tide.adapters.history.tide_json import history_json
from tide.domain.errors import BadAnswer, Permanent
from tide.domain.records import HistoryRecord

T = TypeVar("T")
OLD = HistoryRecord(POOL, NOW, "TRIGGER", BASE, (), tenant_ids=("",))
NEW = HistoryRecord(POOL, NOW + timedelta(seconds=1), "MERGE", BASE, (), tenant_ids=("",))


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.json"


@pytest.fixture
def history(path: Path) -> StoredHistory:
    return StoredHistory(str(path), LocalFile(path), 1000)


def test_a_file_that_does_not_exist_is_an_empty_history(history: StoredHistory) -> None:
    assert run(history.news()) == ()


def test_another_process_reads_what_was_written(history: StoredHistory, path: Path) -> None:
    run(history.write([NEW, OLD]))
    assert run(StoredHistory("other", LocalFile(path), 1000).news()) == (OLD, NEW)


def test_what_was_read_or_written_here_is_no_news(history: StoredHistory, path: Path) -> None:
    path.write_bytes(history_json([OLD]))
    assert [run(history.news()), run(history.news())] == [(OLD,), ()]
    run(history.write([NEW, OLD]))
    assert run(history.news()) == ()
    path.write_bytes(history_json([NEW]))
    assert run(history.news()) == (NEW,)


def test_what_has_not_changed_is_not_written(history: StoredHistory, path: Path) -> None:
    path.write_bytes(history_json([OLD]))
    before = path.stat()
    run(history.news())
    run(history.write([OLD]))
    assert path.stat().st_ino == before.st_ino


def test_a_file_that_is_no_history_is_named_and_left_alone(history: StoredHistory, path: Path) -> None:
    path.write_text("mine")
    for _ in range(2):
        with pytest.raises(BadAnswer, match=r"history\.json: this is no history of Tide"):
            run(history.news())
    assert path.read_text() == "mine"


def test_a_directory_is_no_file(history: StoredHistory, path: Path) -> None:
    path.mkdir()
    with pytest.raises(Permanent, match=r"history\.json: it cannot be read: Is a directory"):
        run(history.news())
    with pytest.raises(Permanent, match=r"history\.json: it cannot be written: "):
        run(history.write([OLD]))
    assert list(path.parent.iterdir()) == [path]


def test_a_write_replaces_the_file_in_one_step_and_keeps_its_mode(history: StoredHistory, path: Path) -> None:
    path.write_text("{}")
    path.chmod(0o640)
    with path.open() as reader:
        run(history.write([OLD]))
        assert reader.read() == "{}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(path.parent.iterdir()) == [path]


def test_a_link_stays_one(history: StoredHistory, path: Path, tmp_path: Path) -> None:
    path.symlink_to(tmp_path / "real.json")
    run(history.write([OLD]))
    assert path.readlink() == tmp_path / "real.json"
    assert (tmp_path / "real.json").read_bytes() == history_json([OLD])


def test_a_write_that_fails_changes_nothing(tmp_path: Path) -> None:
    history = StoredHistory("there", LocalFile(tmp_path / "missing" / "history.json"), 1000)
    with pytest.raises(Permanent, match="there: it cannot be written: No such file or directory"):
        run(history.write([OLD]))
    assert list(tmp_path.iterdir()) == []
