from datetime import timedelta

import pytest

from tide.golang.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "duration", "written"),
    [
        ("0", timedelta(), "0s"),
        ("90s", timedelta(seconds=90), "1m30s"),
        ("1m30s", timedelta(seconds=90), "1m30s"),
        ("24h", timedelta(days=1), "24h0m0s"),
        ("24h0m0s", timedelta(days=1), "24h0m0s"),
        ("1.5h", timedelta(minutes=90), "1h30m0s"),
        ("-3ms", timedelta(milliseconds=-3), "-3ms"),
        ("1.5s", timedelta(milliseconds=1500), "1.5s"),
        ("+.5m", timedelta(seconds=30), "30s"),
        ("2\u00b5s", timedelta(microseconds=2), "2\u00b5s"),
        ("1500us", timedelta(microseconds=1500), "1.5ms"),
    ],
)
def test_durations_are_read_and_written_as_in_go(text: str, duration: timedelta, written: str) -> None:
    assert parse_duration(text) == duration
    assert format_duration(duration) == written


@pytest.mark.parametrize("text", ["", "1", "1 s", "s", "1d", "1h-2m", ".s", "1e3s", "2562048h", "-"])
def test_what_is_no_duration_in_go_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"(is not a duration such as 90s|is longer than a duration can be)"):
        parse_duration(text)


def test_what_is_no_duration_is_refused_at_once_however_long_it_is() -> None:
    # It takes days to try all ways of splitting so many digits in two.
    with pytest.raises(ValueError, match="is not a duration such as 90s"):
        parse_duration("7" * 1_000_000)
