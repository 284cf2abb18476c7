"""What the history tells of tests that failed."""

from dataclasses import replace

from tests.builders import BASE, NOW, POOL, make_run, make_snapshot, make_view, sha
from tide.domain.records import BATCH_FAILED, TEST_FAILED, HistoryTarget
from tide.domain.runs import Purpose, Run, RunState
from tide.policy.failures import batch_failed, failed_contexts, failed_tests

HERE = f"main at {BASE[:7]}"
FAILED, ERROR = RunState.FAILURE, RunState.ERROR
MEMBERS = ((1, sha(1)), (2, sha(2)), (3, sha(3)))
VIEWS = tuple(make_view(number) for number in (1, 2, 3))


def told(*ended: Run, failed: tuple[tuple[tuple[int, str], ...], ...] = (), runs: tuple[Run, ...] = ()) -> list[str]:
    snapshot = make_snapshot(*VIEWS, runs=runs, failed_batches=failed)
    records = failed_tests(snapshot, ended, NOW)
    assert all((one.pool, one.action, one.base_sha, one.time) == (POOL, TEST_FAILED, BASE, NOW) for one in records)
    return [f"{[target.number for target in one.targets]} {one.error}: {one.reason}" for one in records]


def test_a_first_run_and_a_retest_that_failed_are_told_one_record_for_each_head() -> None:
    ended = (
        make_run("unit", 2, FAILED),
        make_run("unit", 1, FAILED, purpose=Purpose.FIRST),
        make_run("lint", 1, FAILED, purpose=Purpose.FIRST),
    )
    assert told(*ended) == [
        f"[1] lint and unit failed: Its first run, on {HERE}.",
        f"[2] unit failed: Tested alone on {HERE}.",
    ]


def test_what_passed_or_has_no_verdict_or_is_not_ours_is_not_told() -> None:
    assert told(make_run(), make_run(state=ERROR), make_run(state=FAILED, purpose=Purpose.FOREIGN)) == []
    assert told(make_run("unit", (1, 2), FAILED)) == []


def test_what_ended_without_a_verdict_too_often_has_failed() -> None:
    assert told(make_run(state=ERROR, attempt=3)) == [f"[1] unit failed: Tested alone on {HERE}."]


def test_who_fails_alone_is_found_guilty_of_the_largest_batch_that_failed_with_it() -> None:
    (line,) = told(make_run("unit", 2, FAILED), failed=(MEMBERS[:2], MEMBERS))
    assert line.startswith("[2] unit failed, which is what made the batch of #1, #2 and #3 fail: ")
    assert "batch" not in told(make_run("unit", 3, FAILED), failed=(MEMBERS[:2],))[0]


def test_nobody_is_guilty_of_a_batch_that_failed_by_another_job() -> None:
    ended, batch = make_run("unit", 2, FAILED), make_run("lint", (1, 2, 3), FAILED)
    assert "batch" not in told(ended, failed=(MEMBERS,), runs=(batch,))[0]
    assert "batch" in told(ended, failed=(MEMBERS,), runs=(batch, make_run("unit", (1, 2, 3), FAILED)))[0]


def test_a_pull_request_that_is_gone_is_told_by_its_number_and_head() -> None:
    (record,) = failed_tests(make_snapshot(), (make_run("unit", 7, FAILED),), NOW)
    assert record.targets == (HistoryTarget(7, "", sha(7), "", ""),)


def test_the_head_that_failed_is_told_also_when_there_is_a_newer_one() -> None:
    snapshot = make_snapshot(make_view(1, head_sha=sha("newer")))
    (record,) = failed_tests(snapshot, (make_run("unit", 1, FAILED),), NOW)
    assert record.targets == (HistoryTarget(1, "alice", sha(1), "Change 1", "change-1"),)


def test_a_batch_that_failed_is_told_with_its_members_by_number_and_its_jobs() -> None:
    record = batch_failed(make_snapshot(*VIEWS), MEMBERS[::-1], ("lint", "unit"), NOW)
    assert (record.action, record.error, record.reason) == (
        BATCH_FAILED,
        "lint and unit failed",
        f"Tested together on {HERE}.",
    )
    assert [target.number for target in record.targets] == [1, 2, 3]


def test_the_jobs_that_failed_on_a_batch_are_those_of_exactly_its_members_in_their_order() -> None:
    runs = [
        make_run("unit", (1, 2), FAILED),
        make_run("lint", (1, 2)),
        replace(make_run("e2e", (1, 2), ERROR), attempt=3),
        make_run("docs", (2, 1), FAILED),
        make_run("docs", 1, FAILED),
    ]
    assert failed_contexts(MEMBERS[:2], runs) == ("e2e", "unit")
