"""When a periodic runs (Prow: cron.Parse): five fields, six with seconds first, or a descriptor."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from tide.config.go_values import parse_duration

_DESCRIPTORS = frozenset({"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"})
_EVERY = "@every "
_ZONE = re.compile(r"TZ=\S+ +")
_RANGE = re.compile(r"(?P<first>\*|\?|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>[0-9]+))?")
_MOST_DIGITS = 18
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


@dataclass(frozen=True, slots=True)
class _Field:
    """What one field may say."""

    name: str
    least: int
    most: int
    words: Mapping[str, int] = field(default_factory=dict)

    def fault(self, text: str) -> str:
        return next((fault for part in text.split(",") if (fault := self._part_fault(part))), "")

    def _part_fault(self, part: str) -> str:
        match = _RANGE.fullmatch(part)
        if not match:
            return f"{part!r} is no {self.name}"
        if match["step"] and (fault := _step_fault(match["step"])):
            return f"{part!r} steps by {fault}"
        if match["first"] in "*?":
            return ""
        first = self._number(match["first"])
        last = self._number(match["last"]) if match["last"] else first
        if first is None or last is None:
            return f"{part!r} is no {self.name} of {self.least} to {self.most}"
        return f"{part!r} ends before it starts" if last < first else ""

    def _number(self, text: str) -> int | None:
        number = _whole(text) if text.isdecimal() else self.words.get(text.lower())
        return number if number is not None and self.least <= number <= self.most else None


def _step_fault(digits: str) -> str:
    return {0: "0", None: "more than can be counted"}.get(_whole(digits), "")


def _whole(digits: str) -> int | None:
    """Read a number; None for one that Go's int may not hold."""
    significant = digits.lstrip("0")
    return int(significant or "0") if len(significant) <= _MOST_DIGITS else None


_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    _Field("day of the week", 0, 7, {name: number for number, name in enumerate(_DAYS)}),
)


@lru_cache(maxsize=4096)
def cron_fault(text: str) -> str:
    """Say what is wrong with a cron line; "" where nothing is."""
    text = _ZONE.sub("", text, count=1) if text.startswith("TZ=") else text
    if text.startswith("@"):
        return _descriptor_fault(text)
    fields = text.split()
    if len(fields) not in {len(_FIELDS) - 1, len(_FIELDS)}:
        return f"it has {len(fields)} fields; give minute, hour, day of the month, month and day of the week"
    kinds = _FIELDS[-len(fields) :]
    return next((fault for kind, each in zip(kinds, fields, strict=True) if (fault := kind.fault(each))), "")


def _descriptor_fault(text: str) -> str:
    if not text.startswith(_EVERY):
        return "" if text in _DESCRIPTORS else f"it is none of {', '.join(sorted(_DESCRIPTORS))} and @every DURATION"
    try:
        parse_duration(text.removeprefix(_EVERY))
    except ValueError as error:
        return str(error)
    return ""
