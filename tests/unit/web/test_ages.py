from datetime import timedelta

import pytest

from tests.builders import NOW
from tide.web.ages import ago, exactly, rfc3339


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "just now"),
        (2, "just now"),
        (12, "12 s ago"),
        (59, "59 s ago"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (3600, "1 h ago"),
        (47 * 3600, "47 h ago"),
        (48 * 3600, "2 days ago"),
    ],
)
def test_ages_are_told_in_the_largest_sensible_unit(seconds: int, text: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == text


def test_moments_are_told_in_utc() -> None:
    assert exactly(NOW) == "2026-01-02 03:04:05 UTC"
    assert rfc3339(NOW) == "2026-01-02T03:04:05Z"
