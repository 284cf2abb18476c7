"""Times for people: how long ago, and exactly when.

A page that is kept has no ages in it, only marks of where which age belongs; `with_ages` puts them in.
"""

import re
from datetime import UTC, datetime, timedelta
from enum import Enum

from markupsafe import Markup

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_JUST_NOW = timedelta(seconds=3)


class Later(Enum):
    """Stands for a moment that is not known yet."""

    LATER = "later"


Now = datetime | Later
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# NUL is in no text: the store does not take it, and no name in an address holds it.
_MARK = re.compile(r"\x00(?P<kind>ago|since) (?P<moment>-?[0-9]+)\x00")


def with_ages(text: str, now: datetime) -> str:
    """Put the ages as of `now` where `ago` and `since` have set marks."""

    def age(match: re.Match[str]) -> str:
        moment = _EPOCH + int(match["moment"]) * _MICROSECOND
        return ago(moment, now) if match["kind"] == "ago" else since(moment, now)

    return _MARK.sub(age, text)


def _mark(kind: str, moment: datetime) -> Markup:
    return Markup(f"\0{kind} {(moment - _EPOCH) // _MICROSECOND}\0")  # noqa: S704 - a word of ours and a number


def since(moment: datetime, now: Now) -> str:
    """Say for how long something has been going on that began at a moment."""
    return _mark("since", moment) if isinstance(now, Later) else span(now - moment)


def ago(moment: datetime, now: Now) -> str:
    """Say how long before `now` a moment was: `just now`, `12 s ago`, `3 min ago`, `5 h ago`, `4 days ago`."""
    if isinstance(now, Later):
        return _mark("ago", moment)
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
