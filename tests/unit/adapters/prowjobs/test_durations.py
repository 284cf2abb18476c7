from datetime import timedelta

import pytest

from tide.adapters.prowjobs.durations import duration

DEFAULT = timedelta(days=1)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2h0m0s", 7200), ("90s", 90), ("1.5h", 5400), ("100ms", 0.1), ("1h1m1s", 3661), (".5m", 30), ("1us", 1e-6)],
)
def test_durations_are_read_as_go_writes_them(text: str, seconds: float) -> None:
    assert duration(text, DEFAULT) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "1", "h", "-1h", "1h ", "0s", "1d", None, 5])
def test_what_is_no_positive_duration_is_the_default(text: object) -> None:
    assert duration(text, DEFAULT) == DEFAULT


def test_what_is_longer_than_a_year_is_a_year() -> None:
    assert duration("99999999h", DEFAULT) == timedelta(days=365)
