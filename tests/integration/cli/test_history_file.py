import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.builders import BASE, NOW, POOL
from tests.integration.cli.conftest import CONFIG, Tide
from tests.programs import TIDE, Sandbox, open_directory, started
from tide.adapters.history.tide_json import history_json
from tide.domain.records import HistoryRecord

RECORD = HistoryRecord(POOL, NOW, "MERGE", BASE, (), tenant_ids=("",))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Tide's history file with one record."""
    path = tmp_path / "history.json"
    path.write_bytes(history_json([RECORD]))
    return path


@pytest.mark.parametrize("dry_run", [True, False])
def test_what_tide_has_done_is_taken_over_once(
    run_once: Tide, tide: Tide, database_url: str, file: Path, *, dry_run: bool
) -> None:
    for _ in range(2):
        told = run_once(f"--history-uri={file}", f"--dry-run={dry_run}")
        assert told.code == 0, told.err
    known = json.loads(tide("history", "--format=json", f"--database-url={database_url}").out)
    assert [(item["action"], item["base_sha"]) for item in known["items"]] == [("MERGE", BASE)]
    assert file.read_bytes() == history_json([RECORD])


def test_the_database_is_written_into_a_new_file(run_once: Tide, file: Path, tmp_path: Path) -> None:
    run_once(f"--history-uri={file}")
    new = tmp_path / "new.json"
    told = run_once(f"--history-uri={new}", "--dry-run=false")
    assert told.code == 0, told.err
    assert new.read_bytes() == file.read_bytes()


def test_a_dry_run_writes_no_file(run_once: Tide, file: Path, tmp_path: Path) -> None:
    run_once(f"--history-uri={file}")
    run_once(f"--history-uri={tmp_path / 'new.json'}")
    assert not (tmp_path / "new.json").exists()


def test_only_the_newest_are_kept(run_once: Tide, file: Path, tmp_path: Path) -> None:
    older = HistoryRecord(POOL, NOW.replace(year=2025), "TRIGGER", BASE, (), tenant_ids=("",))
    file.write_bytes(history_json([RECORD, older]))
    run_once(f"--history-uri={file}")
    new = tmp_path / "new.json"
    run_once(f"--history-uri={new}", "--dry-run=false", "--max-records-per-pool=1")
    assert new.read_bytes() == history_json([RECORD])


def test_a_file_that_is_no_history_is_told_before_anything_is_started(run_once: Tide, file: Path) -> None:
    file.write_text("{")
    told = run_once(f"--history-uri={file}", "--database-url=postgresql://tide@host.invalid/tide")
    assert told.code == 1
    assert [str(file) in error and "this is no history of Tide" in error for error in told.errors] == [True]
    assert file.read_text() == "{"


def test_a_file_in_no_directory_is_told_before_anything_is_started(run_once: Tide, tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "h.json"
    told = run_once(f"--history-uri={file}", "--database-url=postgresql://tide@host.invalid/tide")
    said = f"tide: error: {file}: the directory {file.parent} does not exist"
    assert (told.code, told.errors) == (1, [said])


def test_a_file_that_cannot_be_written_is_told_and_stops_nothing(run_once: Tide, file: Path) -> None:
    run_once(f"--history-uri={file}")
    told = run_once("--history-uri=/proc/h.json", "--dry-run=false")
    assert told.code == 0
    (line,) = [line for line in told.err.splitlines() if "the history file is not written" in line]
    assert "it cannot be written: No such file or directory" in line


def test_the_file_is_written_at_the_end(
    run_once: Tide, config: Path, github: Sandbox, database_url: str, file: Path
) -> None:
    run_once(f"--history-uri={file}")
    config.write_text(CONFIG.replace("tide:", "tide:\n  sync_period: 1h"))
    with open_directory("history") as place:
        where = (f"--config-path={config}", f"--database-url={database_url}", f"--data-dir={place / 'data'}")
        ports = ("--port=0", "--metrics-port=0", "--health-port=0", "--bind=127.0.0.1")
        flags = ("--dry-run=false", "--prowjob-backend=local", "--i-trust-contributors", *github.flags, *where, *ports)
        new = place / "new.json"
        with started((*TIDE, "run", *flags, f"--history-uri={new}"), place, "run") as program:
            program.wait_for(lambda: '"synced"' in program.stderr.read_text(), "end of the first round")
            assert not new.exists()
            assert program.end() == 0, program.told
        assert new.read_bytes() == file.read_bytes()


def test_history_is_listed_as_far_as_it_is_wanted(
    run_once: Tide, tide: Tide, database_url: str, file: Path, tmp_path: Path
) -> None:
    moments = [NOW + timedelta(seconds=second) for second in range(1500)]
    many = [HistoryRecord(POOL, moment, "TRIGGER", BASE, (), tenant_ids=("",)) for moment in moments]
    file.write_bytes(history_json([*many, RECORD]))
    run_once(f"--history-uri={file}", "--max-records-per-pool=2000")

    def listed(*flags: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            tide("history", "--format=json", f"--database-url={database_url}", *flags).out
        )
        return found

    everything = listed("--limit=5000")
    assert (len(everything["items"]), everything["next"]) == (1501, None)
    assert listed("--limit=1200")["items"] == everything["items"][:1200]
    assert listed("--limit=1200")["next"]
    merged = listed("--action=MERGE", "--state=success", str(POOL))
    assert [item["action"] for item in merged["items"]] == ["MERGE"]
    assert listed("--author=nobody")["items"] == listed("--pull=7")["items"] == []
