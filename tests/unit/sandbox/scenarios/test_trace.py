from itertools import combinations
from pathlib import Path

import pytest

from tide.domain.errors import ConfigError
from tide.sandbox.scenarios.story import Fate
from tide.sandbox.scenarios.suite import failures
from tide.sandbox.scenarios.trace import COLUMNS, MINUTE, MOST_FILES, Row, read_trace, trace_story
from tide.sandbox.scenarios.writing import base_files

HEADER = ",".join(COLUMNS)
RECORDED = sorted(
    path
    for path in (Path(__file__).parents[5] / "shared/data/traces").glob("*.csv")
    if not path.name.endswith(".paths.csv")
)


def write(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "trace.csv"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def refusal(path: Path, count: int = 100) -> str:
    with pytest.raises(ConfigError) as caught:
        read_trace(path, count)
    return str(caught.value)


def test_a_trace_is_read_up_to_the_count(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER, "100,7,merge,90,2,0 1", "160,8,squash,,1,2", "170,9,merge,165,0,")
    assert read_trace(path, 100) == [Row(100, 7, (0, 1)), Row(160, 8, (2,)), Row(170, 9, ())]
    assert read_trace(path, 2) == [Row(100, 7, (0, 1)), Row(160, 8, (2,))]


def test_a_mark_at_the_beginning_and_quotes_are_read_over(tmp_path: Path) -> None:
    path = write(tmp_path, "\ufeff" + HEADER, '100,7,merge,90,2,"0 1"')
    assert read_trace(path, 1) == [Row(100, 7, (0, 1))]


def test_rows_after_the_count_are_not_looked_at(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER, "100,7,merge,90,1,0", "what,is,this,,,")
    assert len(read_trace(path, 1)) == 1


@pytest.mark.parametrize(
    "row",
    [
        "soon,8,merge,,1,0",
        "100,eight,merge,,1,0",
        "100,8,merge,,1,one",
        "100,8",
        "100,8,merge,,1",
        "100,8,merge,,1,1.5",
    ],
)
def test_a_broken_row_is_named_with_its_line(row: str, tmp_path: Path) -> None:
    path = write(tmp_path, HEADER, "100,7,merge,90,1,0", row)
    assert refusal(path).startswith(f"{path}:3: not a row of a trace: ")


@pytest.mark.parametrize(
    "header", ["", "a,b,c", HEADER + ",more", "pr,merged_ts,method,head_commit_ts,n_files,file_ids"]
)
def test_other_columns_are_refused(header: str, tmp_path: Path) -> None:
    path = write(tmp_path, header, "100,7,merge,90,1,0")
    assert refusal(path) == f"{path}:1: the columns must be {HEADER}"


def test_a_trace_without_merges_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER)
    assert refusal(path) == f"{path}: has no merges: a story needs one at least"


def test_what_is_no_text_and_what_is_not_there_is_refused_in_one_line(tmp_path: Path) -> None:
    binary = tmp_path / "binary.csv"
    binary.write_bytes(HEADER.encode() + b"\n\xff\xfe,1\n")
    huge = write(tmp_path, HEADER, f"100,7,merge,90,1,{'1' * 200_000}")
    for path in (binary, huge, tmp_path / "nowhere.csv", tmp_path):
        text = refusal(path)
        assert text.startswith(f"{path}: cannot be read: ")
        assert "\n" not in text


def test_the_rhythm_is_scaled_to_one_minute() -> None:
    rows = [Row(1000, 1, (0,)), Row(1600, 2, (0,)), Row(2200, 3, ())]
    assert [event.at for event in trace_story(rows, 1, seconds=0).events] == [0, MINUTE / 2, MINUTE]


def test_rows_that_are_not_in_order_make_a_story_that_is() -> None:
    rows = [Row(2000, 1, ()), Row(1000, 2, ())]
    assert [event.at for event in trace_story(rows, 1, seconds=0).events] == [0, MINUTE]


def test_a_single_merge_happens_at_the_start() -> None:
    assert [event.at for event in trace_story([Row(1000, 1, ())], 1, seconds=0).events] == [0]


def test_each_recorded_file_is_touched_by_a_file_of_its_own_so_that_nothing_conflicts() -> None:
    rows = [Row(1000, 1, tuple(range(30))), Row(1001, 2, tuple(range(30))), Row(1002, 3, (5,))]
    story = trace_story(rows, 1, seconds=0)
    assert [len(event.files) for event in story.opened] == [1 + MOST_FILES, 1 + MOST_FILES, 2]
    assert all(not one.files.keys() & other.files.keys() for one, other in combinations(story.opened, 2))
    assert {event.fate for event in story.opened} == {Fate.MERGED}
    tree = base_files(0)
    for event in story.opened:
        tree |= event.files
    assert failures(tree, story.jobs["acme/traced"]) == ()


def test_the_seed_decides_the_words_of_a_trace() -> None:
    rows = [Row(1000, 1, (0,)), Row(1600, 2, (0,))]
    assert trace_story(rows, 1, seconds=0) == trace_story(rows, 1, seconds=0)
    assert trace_story(rows, 1, seconds=0) != trace_story(rows, 2, seconds=0)


@pytest.mark.skipif(not RECORDED, reason="there are no recorded traces beside the project")
@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_recorded_traces_become_stories(path: Path) -> None:
    rows = read_trace(path, 200)
    story = trace_story(rows, 1, seconds=0)
    moments = [event.at for event in story.events]
    assert len(rows) == len(moments) == 200
    assert moments == sorted(moments)
    assert (moments[0], moments[-1]) == (0, MINUTE)
