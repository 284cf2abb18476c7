"""Times for people: how long ago, and exactly when."""

from datetime import UTC, datetime, timedelta

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_JUST_NOW = timedelta(seconds=3)


def ago(moment: datetime, now: datetime) -> str:
    """Say how long before `now` a moment was: `just now`, `12 s ago`, `3 min ago`, `5 h ago`, `4 days ago`."""
    age = now - moment
    return "just now" if age < _JUST_NOW else f"{span(age)} ago"


def span(length: timedelta) -> str:
    """Say a length of time in its largest sensible unit, rounded down."""
    if length < _MINUTE:
        return f"{max(0, int(length.total_seconds()))} s"
    if length < _HOUR:
        return f"{length // _MINUTE} min"
    if length < 2 * _DAY:
        return f"{length // _HOUR} h"
    return f"{length // _DAY} days"


def exactly(moment: datetime) -> str:
    """Give a moment as `2026-11-22 20:36:07 UTC`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def time_of_day(moment: datetime) -> str:
    """Give a moment of today as `20:36:07 UTC`."""
    return moment.astimezone(UTC).strftime("%H:%M:%S UTC")


def rfc3339(moment: datetime) -> str:
    """Give a moment for machines, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
