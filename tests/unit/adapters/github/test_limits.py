from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from tests.unit.adapters.github.loopback import NOW, StillClock
from tide.adapters.github.limits import Budget, Governor, Pace, exhausted_until, pause_asked
from tide.domain.errors import RateLimited

SECOND = timedelta(seconds=1)
REST, GRAPHQL = Budget("one", "rest"), Budget("one", "graphql")


def epoch(after: timedelta) -> str:
    return str(int((NOW + after).timestamp()))


@pytest.mark.parametrize(
    ("status", "headers", "text", "expected"),
    [
        (403, {"Retry-After": "30"}, "", timedelta(seconds=31)),
        (429, {"Retry-After": "30"}, "", timedelta(seconds=31)),
        (403, {"Retry-After": "Fri, 02 Jan 2026 03:04:35 GMT"}, "", timedelta(seconds=31)),
        (
            403,
            {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": epoch(timedelta(minutes=9))},
            "",
            timedelta(minutes=9) + SECOND,
        ),
        # The window was over while the answer was under way.
        (429, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": epoch(-SECOND)}, "", SECOND),
        (429, {}, "", timedelta(minutes=1)),
        (403, {}, "You have exceeded a secondary rate limit.", timedelta(minutes=1)),
        (403, {}, "You have triggered an abuse detection mechanism.", timedelta(minutes=1)),
        (200, {}, "rate limit: API rate limit exceeded", timedelta(minutes=1)),
        (429, {"Retry-After": "soon"}, "", timedelta(minutes=1)),
        (429, {"Retry-After": "99999999999999999999"}, "", timedelta(hours=1, minutes=5)),
        (429, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9" * 30}, "", timedelta(minutes=1)),
    ],
)
def test_a_limit_says_how_long_to_wait(status: int, headers: Mapping[str, str], text: str, expected: timedelta) -> None:
    assert pause_asked(status, headers, text, NOW) == NOW + expected


def test_a_403_about_something_else_is_no_limit() -> None:
    headers = {"X-RateLimit-Remaining": "4999", "X-RateLimit-Reset": epoch(timedelta(minutes=9))}
    assert pause_asked(403, headers, "Resource not accessible by integration", NOW) is None


def test_the_last_point_is_noticed() -> None:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1767323105"}
    assert exhausted_until(headers) == datetime.fromtimestamp(1767323105, UTC)
    assert exhausted_until(headers | {"X-RateLimit-Remaining": "1"}) is None


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


def governor(clock: StillClock, pace: Pace | None = None) -> Governor:
    return Governor(clock, clock.sleep, pace or Pace())


async def test_a_read_waits_for_a_short_pause(clock: StillClock) -> None:
    held = governor(clock)
    held.pause(REST, NOW + timedelta(seconds=30))
    await held.admit_read(REST)
    assert clock.slept == [30]


async def test_a_read_is_told_of_a_long_pause(clock: StillClock) -> None:
    held = governor(clock)
    held.pause(REST, NOW + timedelta(minutes=3))
    with pytest.raises(RateLimited) as caught:
        await held.admit_read(REST)
    assert caught.value.until == NOW + timedelta(minutes=3)
    assert clock.slept == []


async def test_a_write_never_waits_for_a_pause(clock: StillClock) -> None:
    held = governor(clock)
    held.pause(REST, NOW + timedelta(seconds=1))
    with pytest.raises(RateLimited):
        await held.admit_write(REST)
    assert clock.slept == []


async def test_a_pause_of_one_resource_leaves_the_other_alone(clock: StillClock) -> None:
    held = governor(clock)
    held.pause(GRAPHQL, NOW + timedelta(minutes=50))
    await held.admit_read(REST)
    assert clock.slept == []


async def test_a_shorter_pause_does_not_shorten_a_longer_one(clock: StillClock) -> None:
    held = governor(clock)
    held.pause(REST, NOW + timedelta(seconds=60))
    held.pause(REST, NOW + timedelta(seconds=5))
    await held.admit_read(REST)
    assert clock.slept == [60]


async def test_writes_keep_their_distance(clock: StillClock) -> None:
    held = governor(clock, Pace(write_spacing=SECOND))
    for _ in range(3):
        await held.admit_write(REST)
    assert clock.slept == [1, 1]


async def test_a_write_after_its_distance_does_not_wait(clock: StillClock) -> None:
    held = governor(clock, Pace(write_spacing=SECOND))
    await held.admit_write(REST)
    clock.time += timedelta(seconds=5)
    await held.admit_write(REST)
    assert clock.slept == []


async def test_a_pause_of_one_owner_leaves_the_others_alone(clock: StillClock) -> None:
    held = governor(clock)
    held.pause(REST, NOW + timedelta(minutes=50))
    await held.admit_read(Budget("two", "rest"))
    await held.admit_write(Budget("two", "rest"))
    assert clock.slept == []


async def test_each_owner_has_its_own_distance_between_writes(clock: StillClock) -> None:
    held = governor(clock, Pace(write_spacing=SECOND))
    for owner in ("one", "two", "three"):
        await held.admit_write(Budget(owner, "rest"))
    assert clock.slept == []
