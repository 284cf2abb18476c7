"""Cron lines as robfig's library takes them, with which Prow reads them.

It is gopkg.in/robfig/cron.v2, lately github.com/robfig/cron/v3 with `SecondOptional | … | Descriptor`: five fields, six
with seconds first, or a descriptor (parser.go: Parse, getField, getRange, mustParseInt). Not here: whether there is a
time zone of the name that a line begins with, as only the host's list of them tells.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from tide.golang.durations import parse_duration

_DESCRIPTORS = frozenset({"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"})
_EVERY = "@every "
_ZONE, _ZONE_OF_V3 = "TZ=", "CRON_TZ="
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # Go: unicode.IsSpace
_WORD = re.compile(rf"[^{_SPACE}]+")
_AROUND = re.compile(rf"\A[{_SPACE}]+|[{_SPACE}]+\Z")
_NUMBER = re.compile(r"[+-]?[0-9]+")
_LARGEST = (1 << 63) - 1  # Go: int
_MOST_DIGITS = 19
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


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
            raise ValueError(f"{part!r} is no {self.name}")
        else:
            first, last = self._number(bounds[0], part), self._number(bounds[-1], part)
        if len(steps) > 1:
            raise ValueError(f"{part!r} is no {self.name}")
        if steps:
            if _whole(steps[0]) == 0:
                raise ValueError(f"{part!r} steps by 0")
            if _whole(steps[0]) is None:
                raise ValueError(f"{part!r} steps by no number")
            last = self.most if len(bounds) == 1 else last
        if first < self.least or max(first, last) > self.most:
            raise ValueError(f"{part!r} is no {self.name} of {self.least} to {self.most}")
        if last < first:
            raise ValueError(f"{part!r} ends before it starts")

    def _number(self, text: str, part: str) -> int:
        number = self.words.get(text.lower(), _whole(text))
        if number is None:
            raise ValueError(f"{part!r} is no {self.name}")
        return number


def _whole(text: str) -> int | None:
    """Read a number as Go does (strconv.Atoi); None for what is none, is below 0, or more than its int holds."""
    digits = text.lstrip("+-").lstrip("0")
    if not _NUMBER.fullmatch(text) or len(digits) > _MOST_DIGITS:
        return None
    number = int(digits or "0")  # Python reads no more than 4300 digits, leading zeros included
    is_below_zero = text.startswith("-") and number > 0
    return None if is_below_zero or number > _LARGEST else number


_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    _Field("day of the week", 0, 6, {name: number for number, name in enumerate(_DAYS)}),
)


def check_cron(line: str) -> str:
    """Check a cron line; give the time zone that it begins with, such as `TZ=UTC`, or "".

    Raises:
        ValueError: it is no cron line; the message tells why.
    """
    zone, rest = _divided(line)
    _check(rest)
    return zone


def _divided(text: str) -> tuple[str, str]:
    """Give the time zone that a line begins with, such as `TZ=UTC`, or "", and what follows it."""
    if not text.startswith((_ZONE, _ZONE_OF_V3)):
        return "", text
    zone, space, rest = text.partition(" ")
    if not space:
        raise ValueError(f"nothing follows {zone}")
    return zone, _AROUND.sub("", rest)


def _check(text: str) -> None:
    if text.startswith("@"):
        _check_descriptor(text)
        return
    fields = _WORD.findall(text)
    if len(fields) not in {len(_FIELDS) - 1, len(_FIELDS)}:
        had = f"{len(fields)} {'field' if len(fields) == 1 else 'fields'}"
        raise ValueError(f"it has {had}; give minute, hour, day of the month, month and day of the week")
    for kind, each in zip(_FIELDS[-len(fields) :], fields, strict=True):
        kind.check(each)


def _check_descriptor(text: str) -> None:
    if not text.startswith(_EVERY):
        if text not in _DESCRIPTORS:
            raise ValueError(f"it is none of {', '.join(sorted(_DESCRIPTORS))} and @every DURATION")
        return
    parse_duration(text.removeprefix(_EVERY))
