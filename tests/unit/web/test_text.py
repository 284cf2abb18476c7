from dataclasses import replace

import pytest

from tests.builders import NOW, make_pull, sha
from tests.unit.web.kept import busy_morning
from tide.domain.decisions import Requirement
from tide.domain.records import HistoryRecord, HistoryTarget, PullRecord
from tide.domain.runs import Run, RunKind, RunState
from tide.web.run_book import RunBook
from tide.web.text import decisions_table, explain_text, history_table, plain, pools_table

MORNING = busy_morning()
HELD = next(record for record in MORNING.pull_records if record.pull.number == 399)


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b2Jgone", "gone"),
        ("two\r\nlines\tand\x00more", "two lines andmore"),
        ("safe\u202egpj.exe", "safegpj.exe"),
        ("\x1b", ""),
    ],
)
def test_nothing_that_a_terminal_obeys_gets_through(hostile: str, shown: str) -> None:
    assert plain(hostile) == shown


def test_an_explanation_says_what_to_do_and_what_is_met() -> None:
    lines = explain_text(HELD).splitlines()
    assert lines[0] == "acme/rocket#399: blocked"
    assert "  - Remove the label do-not-merge/hold (comment /hold cancel)." in lines
    assert "  [x] Has the label lgtm" in lines
    assert "  [ ] Required contexts pass: unit failed: 2 of 311 tests." in lines
    assert lines[-1] == "As read 2026-01-02 03:03:25 UTC."


def test_queries_of_which_one_is_enough_stand_apart() -> None:
    asked = (
        Requirement("mergeable", met=True),
        Requirement("author a-bot", met=False, detail="is bob", query=0),
        Requirement("label lgtm", met=True, query=1),
    )
    assert HELD.verdict is not None
    record = replace(HELD, verdict=replace(HELD.verdict, requirements=asked))
    assert explain_text(record).partition("Requirements:\n")[2].splitlines()[:-2] == [
        "  [x] mergeable",
        "  And all that one of 2 queries asks for:",
        "  either",
        "    [ ] author a-bot: is bob",
        "  or",
        "    [x] label lgtm",
    ]


def test_an_explanation_without_a_decision_is_short() -> None:
    text = explain_text(PullRecord(make_pull(1, title="A\x1b[2J title"), None, NOW))
    assert text.startswith("acme/rocket#1: not decided yet\n  A title (by alice, ")
    assert "Requirements" not in text


def test_pools_are_told_in_columns() -> None:
    lines = pools_table(MORNING.pool_views).splitlines()
    assert len(lines) == 5
    assert lines[1].split("  ")[0] == "acme/rocket:main"
    assert "#412 #418 #421 #423" in lines[1]
    assert lines[2].endswith("#411 landed as tree 3f2c1ab, planned was 9d0e77f.")
    columns = [lines[0].index(name) for name in ("BASE", "ACTION", "REASON")]
    assert all(line[column - 1] == " " and line[column] != " " for line in lines for column in columns)


def test_what_a_pool_is_about_to_do_is_told_with_whom_it_is_about() -> None:
    testing = replace(MORNING.pool_views[0], action="TRIGGER", target=(make_pull(7),), reason="It has no result.")
    assert pools_table([testing]).splitlines()[1].endswith("  TRIGGER #7  It has no result.")


def test_history_and_decisions_are_told_in_columns() -> None:
    assert history_table(MORNING.records, RunBook(())).splitlines()[1].split()[:4] == [
        "2026-01-02",
        "03:00:05Z",
        "acme/rocket:main",
        "TRIGGER_BATCH",
    ]
    assert "TRIGGER_BATCH (dry run)" in decisions_table(MORNING.decision_records)


def test_an_error_is_told_in_place_of_the_reason() -> None:
    failed = replace(MORNING.pool_views[0], error="HTTP 502\nand more")
    assert pools_table([failed]).splitlines()[1].endswith("HTTP 502 and more")


def test_empty_lists_say_what_they_mean() -> None:
    assert pools_table([]).startswith("No open pull request")
    assert history_table([], RunBook(())) == "Nothing has been done yet."
    assert decisions_table([]) == "No decision has been recorded yet."


def test_a_failed_test_is_told_with_its_log() -> None:
    pull = HELD.pull
    run = Run(
        "r",
        "pull-rocket-unit",
        "unit",
        RunKind.PRESUBMIT,
        pull.pool,
        sha("base"),
        ((pull.number, pull.head_sha),),
        RunState.FAILURE,
        url="/runs/r/log",
    )
    batch = replace(run, kind=RunKind.BATCH, heads=(*run.heads, (1, sha(1))), url="https://ci.example/7")
    text = explain_text(HELD, (run, batch))
    assert "  unit: failure, log: /runs/r/log on tide's page\n" in text
    assert "  unit: failure in a batch of 2, log: https://ci.example/7\n" in text
    target = HistoryTarget(pull.number, pull.author, pull.head_sha, pull.title, pull.head_branch)
    record = HistoryRecord(pull.pool, NOW, "TRIGGER", run.base_sha, (target,), reason="It is next.")
    told = history_table([record], RunBook((run, batch))).splitlines()[1]
    assert told.endswith("It is next.; unit: failure, log: /runs/r/log on tide's page")
