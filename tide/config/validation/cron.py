"""When a periodic runs: what the library takes that Prow reads cron lines with.

It is gopkg.in/robfig/cron.v2, lately github.com/robfig/cron/v3 with `SecondOptional | … | Descriptor`: five fields, six
with seconds first, or a descriptor (parser.go: Parse, getField, getRange, mustParseInt).
"""

import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from tide.golang.durations import parse_duration
from tide.policy.wording import plural

_DESCRIPTORS = frozenset({"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"})
_EVERY = "@every "
_ZONE, _ZONE_OF_V3 = "TZ=", "CRON_TZ="
_KNOWN_ZONES = frozenset({"", "UTC", "Local"})  # Go: time.LoadLocation
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # Go: unicode.IsSpace
_WORD = re.compile(rf"[^{_SPACE}]+")
_AROUND = re.compile(rf"\A[{_SPACE}]+|[{_SPACE}]+\Z")
_NUMBER = re.compile(r"[+-]?[0-9]+")
_LARGEST = (1 << 63) - 1  # Go: int
_MOST_DIGITS = 19
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


class Verdict(NamedTuple):
    """What is wrong with a cron line, "" where nothing is: a fault by which Prow refuses it, and what is doubtful."""

    fault: str = ""
    doubt: str = ""


class _FaultError(ValueError):
    """Why a line is refused."""


@dataclass(frozen=True, slots=True)
class _Field:
    """What one field may say."""

    name: str
    least: int
    most: int
    words: Mapping[str, int] = field(default_factory=dict)

    def check(self, text: str) -> None:
        for part in filter(None, text.split(",")):
            self._check_part(part)

    def _check_part(self, part: str) -> None:
        span, *steps = part.split("/")
        bounds = span.split("-")
        if bounds[0] in {"*", "?"}:  # whatever follows a hyphen then is not looked at
            first, last = self.least, self.most
        elif len(bounds) > len(("first", "last")):
            raise _FaultError(f"{part!r} is no {self.name}")
        else:
            first, last = self._number(bounds[0], part), self._number(bounds[-1], part)
        if len(steps) > 1:
            raise _FaultError(f"{part!r} is no {self.name}")
        if steps:
            if _whole(steps[0]) == 0:
                raise _FaultError(f"{part!r} steps by 0")
            if _whole(steps[0]) is None:
                raise _FaultError(f"{part!r} steps by no number")
            last = self.most if len(bounds) == 1 else last
        if first < self.least or max(first, last) > self.most:
            raise _FaultError(f"{part!r} is no {self.name} of {self.least} to {self.most}")
        if last < first:
            raise _FaultError(f"{part!r} ends before it starts")

    def _number(self, text: str, part: str) -> int:
        number = self.words.get(text.lower(), _whole(text))
        if number is None:
            raise _FaultError(f"{part!r} is no {self.name}")
        return number


def _whole(text: str) -> int | None:
    """Read a number as Go does (strconv.Atoi); None for what is none, is below 0, or more than its int holds."""
    digits = text.lstrip("+-").lstrip("0")
    if not _NUMBER.fullmatch(text) or len(digits) > _MOST_DIGITS:
        return None
    number = int(text)
    return number if 0 <= number <= _LARGEST else None


_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    _Field("day of the week", 0, 6, {name: number for number, name in enumerate(_DAYS)}),
)


@lru_cache(maxsize=4096)
def judged(text: str) -> Verdict:
    """Judge a cron line."""
    try:
        zone, rest = _divided(text)
        _check(rest)
        return Verdict(doubt=_doubt_of_zone(zone))
    except _FaultError as error:
        return Verdict(str(error))


def _divided(text: str) -> tuple[str, str]:
    """Give the time zone that a line begins with, such as `TZ=UTC`, or "", and what follows it."""
    if not text.startswith((_ZONE, _ZONE_OF_V3)):
        return "", text
    zone, space, rest = text.partition(" ")
    if not space:
        raise _FaultError(f"nothing follows {zone}")
    return zone, _AROUND.sub("", rest)


def _doubt_of_zone(zone: str) -> str:
    if not zone:
        return ""
    name = zone.partition("=")[2]
    if name not in _KNOWN_ZONES and not _is_zone(name):
        if _is_zone("Europe/Berlin"):
            raise _FaultError(f"{name!r} is no time zone")
        return f"whether {name!r} is a time zone cannot be told here, as this host has no list of them"
    return f"Prow's horologium puts TZ=UTC in front, and cannot read {zone} behind it: leave it out, and reckon in UTC"


@lru_cache(maxsize=256)
def _is_zone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _check(text: str) -> None:
    if text.startswith("@"):
        _check_descriptor(text)
        return
    fields = _WORD.findall(text)
    if len(fields) not in {len(_FIELDS) - 1, len(_FIELDS)}:
        had = f"{len(fields)} {plural(len(fields), 'field', 'fields')}"
        raise _FaultError(f"it has {had}; give minute, hour, day of the month, month and day of the week")
    for kind, each in zip(_FIELDS[-len(fields) :], fields, strict=True):
        kind.check(each)


def _check_descriptor(text: str) -> None:
    if not text.startswith(_EVERY):
        if text not in _DESCRIPTORS:
            raise _FaultError(f"it is none of {', '.join(sorted(_DESCRIPTORS))} and @every DURATION")
        return
    try:
        parse_duration(text.removeprefix(_EVERY))
    except ValueError as error:
        raise _FaultError(str(error)) from None
