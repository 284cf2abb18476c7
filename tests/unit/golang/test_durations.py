from datetime import timedelta

import pytest

from tide.golang.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("0", timedelta()),
        ("90s", timedelta(seconds=90)),
        ("1m30s", timedelta(seconds=90)),
        ("24h", timedelta(days=1)),
        ("24h0m0s", timedelta(days=1)),
        ("1.5h", timedelta(minutes=90)),
        ("-3ms", timedelta(milliseconds=-3)),
        ("1.5s", timedelta(milliseconds=1500)),
        ("+.5m", timedelta(seconds=30)),
        ("2\u00b5s", timedelta(microseconds=2)),
        ("1500us", timedelta(microseconds=1500)),
    ],
)
def test_durations_are_read_as_in_go(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize("text", ["", "1", "1 s", "s", "1d", "1h-2m", ".s", "1e3s", "2562048h", "-"])
def test_what_is_no_duration_in_go_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"(is not a duration such as 90s|is longer than a duration can be)"):
        parse_duration(text)


def test_what_is_no_duration_is_refused_at_once_however_long_it_is() -> None:
    # It takes days to try all ways of splitting so many digits in two.
    with pytest.raises(ValueError, match="is not a duration such as 90s"):
        parse_duration("7" * 1_000_000)
