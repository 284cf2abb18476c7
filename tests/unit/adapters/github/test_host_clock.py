"""GitHub's clock counts for what GitHub says, and ours may be off by any amount."""

from datetime import timedelta
from email.utils import format_datetime

import pytest

from tests.unit.adapters.github.loopback import NOW, StillClock
from tide.adapters.github.host_clock import HostClock
from tide.adapters.github.limits import Budget, Governor, Pace, http_date

OFF = [timedelta(minutes=10), timedelta(minutes=-10), timedelta(days=400)]
BUDGET = Budget("somebody", "rest")


def dated(offset: timedelta) -> dict[str, str]:
    return {"Date": format_datetime(NOW + offset, usegmt=True)}


@pytest.mark.parametrize("off", OFF)
def test_it_follows_the_date_of_answers(off: timedelta) -> None:
    clock = HostClock(StillClock())
    assert clock.now() == NOW
    assert clock.heard(dated(off), NOW)
    assert abs(clock.now() - (NOW + off)) <= timedelta(seconds=1)
    assert not clock.heard(dated(off), NOW), "it is right by now"
    assert clock.heard(dated(timedelta(0)), NOW)
    assert clock.now() == NOW


def test_clocks_that_agree_but_for_the_way_are_left_alone() -> None:
    ours = StillClock()
    clock = HostClock(ours)
    ours.time = NOW + timedelta(seconds=30)
    assert not clock.heard(dated(timedelta(seconds=20)), NOW), "the answer took half a minute"
    assert not clock.heard(dated(timedelta(seconds=29)), NOW + timedelta(seconds=30))
    assert clock.now() == ours.time


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Date": "yesterday"},
        dated(timedelta(days=-1)) | {"Age": "86400"},
        dated(timedelta(days=-1)) | {"X-Cache-Mode": "REVALIDATED"},
    ],
    ids=["no date", "no moment", "kept on the way", "known to a proxy"],
)
def test_what_does_not_tell_the_present_is_passed_over(headers: dict[str, str]) -> None:
    clock = HostClock(StillClock())
    assert not clock.heard(headers, NOW)
    assert clock.now() == NOW


@pytest.mark.parametrize("off", OFF[:2])
async def test_the_end_of_a_limit_is_by_githubs_clock(off: timedelta) -> None:
    ours = StillClock()
    clock = HostClock(ours)
    clock.heard(dated(off), NOW)
    governor = Governor(clock, ours.sleep, Pace())
    reset = int((NOW + off + timedelta(seconds=60)).timestamp())
    governor.note(BUDGET, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset)})
    await governor.admit_read(BUDGET)
    assert 55 <= sum(ours.slept) <= 65


def test_a_moment_without_a_zone_is_utc() -> None:
    assert http_date("Fri, 02 Jan 2026 03:04:05 -0000") == NOW
