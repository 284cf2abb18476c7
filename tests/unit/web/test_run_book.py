from dataclasses import replace

from tests.builders import NOW, POOL, sha
from tide.domain.evidence import Batch
from tide.domain.records import HistoryRecord, HistoryTarget
from tide.domain.runs import Base, Run, RunKind, RunState
from tide.web.run_book import RunBook, bases_of, newest

MEMBERS = ((1, sha(1)), (2, sha(2)))
RUN = Run("r", "unit", "unit", RunKind.BATCH, POOL, sha("base"), MEMBERS, RunState.SUCCESS)
BATCH = Batch(POOL, sha("base"), MEMBERS, ("unit",), "", "")


def record(action: str, *numbers: int) -> HistoryRecord:
    """Build a record about pull requests, in their order."""
    targets = tuple(HistoryTarget(number, "", sha(number), "", "") for number in numbers)
    return HistoryRecord(POOL, NOW, action, sha("base"), targets)


def test_of_each_job_the_newest_run_is_told_and_what_failed_comes_first() -> None:
    failed = replace(RUN, context="z", state=RunState.ERROR)
    assert newest([RUN, failed, replace(RUN, name="older", state=RunState.FAILURE)]) == (failed, RUN)


def test_runs_are_found_by_what_they_test_in_any_order() -> None:
    book = RunBook([RUN, replace(RUN, heads=MEMBERS[:1]), replace(RUN, base_sha=sha("other"))])
    assert book.of_batch(BATCH) == (RUN,)
    assert book.of_record(record("TRIGGER_BATCH", 2, 1)) == (RUN,)
    assert book.of_record(record("TRIGGER_BATCH", 1, 3)) == ()


def test_a_merge_has_no_tests_of_its_own() -> None:
    merge = record("MERGE_BATCH", 1, 2)
    assert RunBook([RUN]).of_record(merge) == ()
    assert bases_of((), [merge]) == set()
    assert bases_of([BATCH], [record("TRIGGER", 1)]) == {Base(POOL, sha("base"))}
