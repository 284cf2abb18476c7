from datetime import timedelta

from tests.builders import POOL, sha
from tide.sync.reports import REPORT_COMES_WITHIN, Reports

LATE = REPORT_COMES_WITHIN.total_seconds()
FIRST, SECOND = (sha(1), "unit"), (sha(2), "unit")


def test_a_report_is_waited_for_and_then_given_up() -> None:
    reports = Reports()
    assert reports.missing(POOL, [FIRST], 0.0) == ()
    assert reports.awaited_for(POOL, 60.0) == REPORT_COMES_WITHIN - timedelta(minutes=1)
    assert reports.missing(POOL, [FIRST], LATE) == (FIRST,)
    assert reports.awaited_for(POOL, LATE) is None


def test_the_first_that_is_still_waited_for_counts() -> None:
    reports = Reports()
    reports.missing(POOL, [FIRST], 0.0)
    assert reports.missing(POOL, [FIRST, SECOND], LATE) == (FIRST,)
    assert reports.awaited_for(POOL, LATE + 1) == REPORT_COMES_WITHIN - timedelta(seconds=1)


def test_what_the_last_look_has_not_given_up_is_looked_at_again_however_late_it_is_by_now() -> None:
    reports = Reports()
    reports.missing(POOL, [FIRST], 0.0)
    assert reports.missing(POOL, [FIRST], LATE - 0.1) == ()
    assert reports.awaited_for(POOL, LATE + 0.5) == timedelta(seconds=-0.5)


def test_nothing_is_waited_for_where_nothing_is_pending_any_more_or_the_pool_is_gone() -> None:
    reports = Reports()
    reports.missing(POOL, [FIRST], 0.0)
    reports.keep([POOL])
    assert reports.awaited_for(POOL, 0.0) == REPORT_COMES_WITHIN
    reports.keep([])
    assert reports.awaited_for(POOL, 0.0) is None
    reports.missing(POOL, [FIRST], 0.0)
    reports.missing(POOL, [], 1.0)
    assert reports.awaited_for(POOL, 1.0) is None
