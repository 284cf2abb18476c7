import asyncio
from datetime import timedelta

import pytest

from tests.unit.daemon.timeline import Timeline
from tide.adapters.github.allowance import (
    Allowance,
    Bucket,
    HourlyAllowance,
    is_free,
    status_allowance,
    sync_allowance,
)

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SECONDS = HOUR.total_seconds()


def drained(bucket: Bucket, since: float, until: float) -> int:
    """Count the calls of somebody who makes one whenever there is a token."""
    now, count = since, 0
    while (now := now + bucket.wait(now)) < until:
        bucket = bucket.with_more(-1, now)
        count += 1
    return count


@pytest.mark.parametrize(("hourly", "burst"), [(800, 39), (400, 200), (60, 10), (7, 7), (1, 1)])
def test_the_first_hour_has_no_more_calls_than_an_hour_may_have(hourly: int, burst: int) -> None:
    bucket = Bucket.full(hourly, burst, 1000.0)
    assert drained(bucket, 1000.0, 1000.0 + SECONDS + 0.1) == hourly


def test_after_its_burst_calls_are_even() -> None:
    bucket = Bucket.full(800, 39, 0.0).with_more(-39, 0.0)
    assert bucket.wait(0.0) == 39 * 4.5 + 4.5
    bucket = bucket.with_more(-1, 180.0)
    assert (bucket.wait(180.0), bucket.wait(182.0), bucket.wait(184.5)) == (4.5, 2.5, 0)


def test_no_more_than_the_burst_is_saved() -> None:
    bucket = Bucket.full(800, 39, 0.0).with_more(-39, 0.0)
    assert bucket.with_more(-38, 10 * SECONDS).wait(10 * SECONDS) == 0
    assert bucket.with_more(-39, 10 * SECONDS).wait(10 * SECONDS) == 4.5


def test_what_is_given_back_is_there_at_once_but_never_beyond_the_burst() -> None:
    empty = Bucket.full(60, 10, 0.0).with_more(-10, 0.0)
    assert empty.with_more(1, 1.0).wait(1.0) == 0
    assert empty.with_more(11, 1.0).with_more(-10, 1.0).wait(1.0) > 0


def spent(timeline: Timeline, hourly: int = 3600) -> HourlyAllowance:
    """Give an allowance of one call a second whose burst is spent, and has been waited for."""
    allowance = HourlyAllowance(hourly, 1, timeline, timeline.sleep)
    allowance.spend()
    timeline.seconds += SECONDS / hourly
    return allowance


async def test_who_waits_gets_a_turn_in_the_order_of_asking() -> None:
    timeline = Timeline()
    allowance = spent(timeline, hourly=60)
    first = asyncio.create_task(allowance.wait())
    await timeline.go_on(0.5)
    second = asyncio.create_task(allowance.wait())
    await timeline.go_on(0.7)
    allowance.give_back()
    await timeline.go_on(1)
    assert (first.done(), second.done()) == (True, False)
    await timeline.go_on(60)
    assert second.done()


async def test_what_cannot_wait_passes_and_is_made_up_for() -> None:
    timeline = Timeline()
    allowance = spent(timeline)
    for _ in range(3):
        allowance.spend()
    assert allowance.is_spent()
    waiting = asyncio.create_task(allowance.wait())
    await timeline.go_on(3.5)
    assert not waiting.done()
    await timeline.go_on(0.5)
    assert waiting.done()


async def test_a_token_that_comes_back_is_had_by_who_waits() -> None:
    timeline = Timeline()
    allowance = spent(timeline, hourly=60)
    waiting = asyncio.create_task(allowance.wait())
    await timeline.go_on(5)
    assert not waiting.done()
    allowance.give_back()
    await timeline.go_on(1)
    assert waiting.done()
    assert allowance.is_spent()


async def test_who_gives_up_waiting_takes_no_token() -> None:
    timeline = Timeline()
    allowance = spent(timeline)
    waiting = asyncio.create_task(allowance.wait())
    await timeline.go_on(0.5)
    waiting.cancel()
    await timeline.go_on(0.5)
    assert not allowance.is_spent()


def calls_at_once(allowance: Allowance) -> int:
    count = 0
    while not allowance.is_spent() and count < 10_000:
        allowance.spend()
        count += 1
    return count


@pytest.mark.parametrize(
    ("hourly", "period", "expected"),
    [(800, MINUTE, 39), (1200, MINUTE, 60), (800, 2 * MINUTE, 78), (100, MINUTE, 10), (7, MINUTE, 7), (60, HOUR, 60)],
)
def test_a_sync_has_three_rounds_worth_at_once_and_enough_to_begin_with(
    hourly: int, period: timedelta, expected: int
) -> None:
    assert calls_at_once(sync_allowance(hourly, period, Timeline())) == expected


@pytest.mark.parametrize(("hourly", "expected"), [(400, 200), (5000, 200), (30, 30)])
def test_two_hundred_statuses_are_written_at_once_where_an_hour_has_so_many(hourly: int, expected: int) -> None:
    assert calls_at_once(status_allowance(hourly, Timeline())) == expected


async def test_none_is_no_limit() -> None:
    for unlimited in (sync_allowance(0, MINUTE, Timeline()), status_allowance(0, Timeline())):
        assert calls_at_once(unlimited) == 10_000
        await unlimited.wait()


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("COALESCED", True), ("REVALIDATED", True), ("CHANGED", False), ("MISS", False), ("NO-STORE", False)],
)
def test_what_a_proxy_knew_is_free(mode: str, expected: bool) -> None:  # noqa: FBT001 - a table
    assert is_free({"X-Cache-Mode": mode}) is expected
    assert not is_free({})
