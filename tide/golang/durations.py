"""Durations as Go reads them: `1m30s`, `24h0m0s` (Go: time.ParseDuration)."""

import re
from datetime import timedelta
from decimal import Context, Decimal
from functools import lru_cache

_UNIT_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,  # micro sign
    "\u03bcs": 1_000,  # Greek mu
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_DURATION = re.compile(
    r"(?P<sign>[-+]?)(?P<terms>0|(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h))+)"
)
_TERM = re.compile(r"(?P<number>[0-9.]+)(?P<unit>[a-z\u00b5\u03bc]+)")
_LARGEST_NANOSECONDS = (1 << 63) - 1
_UNTRAPPED = Context(prec=28, traps=[])  # what has too many digits is infinite, not an error


@lru_cache(maxsize=1024)
def parse_duration(text: str) -> timedelta:
    """Read `text` as Go's time.ParseDuration does ("1m30s", "1.5h", "-3ms", "0"); below a microsecond is cut off.

    Raises:
        ValueError: it is no duration; the message shows what one looks like.
    """
    match = _DURATION.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is not a duration such as 90s, 1m30s or 24h")
    amounts = [] if match["terms"] == "0" else list(map(_nanoseconds, _TERM.finditer(match["terms"])))
    # Each by itself first: an integer is not made of what has a million digits.
    if any(amount > _LARGEST_NANOSECONDS for amount in amounts) or sum(map(int, amounts)) > _LARGEST_NANOSECONDS:
        raise ValueError(f"{text!r} is longer than a duration can be (about 292 years)")
    nanoseconds = sum(map(int, amounts))
    duration = timedelta(microseconds=nanoseconds // 1000)
    return -duration if match["sign"] == "-" else duration


def _nanoseconds(term: re.Match[str]) -> Decimal:
    return _UNTRAPPED.multiply(Decimal(term["number"]), _UNIT_NANOSECONDS[term["unit"]])
