"""Durations as Go writes them in ProwJobs: `1h30m0s`, `15s`, `1.5h`."""

import re
from datetime import timedelta

_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h)"
_WHOLE = re.compile(f"(?:{_PART})+")
_LONGEST = timedelta(days=365)


def duration(text: object, default: timedelta) -> timedelta:
    """Read a positive duration (Go: time.ParseDuration); `default` when it is missing, unreadable or not positive."""
    if not isinstance(text, str) or not _WHOLE.fullmatch(text):
        return default
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in re.findall(_PART, text))
    return timedelta(seconds=min(seconds, _LONGEST.total_seconds())) if seconds > 0 else default
