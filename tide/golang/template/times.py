"""What can be done with a time.Time (Go: time, format.go). Only UTC is known here."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from tide.golang.template.values import ExecutionError, NamedInt, Value

_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October"),
    *("November", "December"),
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_STRING = "2006-01-02 15:04:05.999999999 -0700 MST"
_NOON = 12

# Longer ones come first where one begins like another.
_LAYOUT: Mapping[str, Callable[[datetime], str]] = {
    "January": lambda at: _MONTHS[at.month - 1],
    "Jan(?![a-z])": lambda at: _MONTHS[at.month - 1][:3],
    "Monday": lambda at: _DAYS[at.weekday()],
    "Mon(?![a-z])": lambda at: _DAYS[at.weekday()][:3],
    "MST": lambda _: "UTC",
    "2006": lambda at: f"{at.year:04}",
    "__2": lambda at: f"{at.timetuple().tm_yday:3}",
    "002": lambda at: f"{at.timetuple().tm_yday:03}",
    "_2(?!006)": lambda at: f"{at.day:2}",
    "01": lambda at: f"{at.month:02}",
    "02": lambda at: f"{at.day:02}",
    "03": lambda at: f"{at.hour % _NOON or _NOON:02}",
    "04": lambda at: f"{at.minute:02}",
    "05": lambda at: f"{at.second:02}",
    "06": lambda at: f"{at.year % 100:02}",
    "15": lambda at: f"{at.hour:02}",
    "PM": lambda at: "PM" if at.hour >= _NOON else "AM",
    "pm": lambda at: "pm" if at.hour >= _NOON else "am",
    "-07:00:00": lambda _: "+00:00:00",
    "-07:00": lambda _: "+00:00",
    "-070000": lambda _: "+000000",
    "-0700": lambda _: "+0000",
    "-07": lambda _: "+00",
    "Z(?:07:00:00|07:00|070000|0700|07)": lambda _: "Z",
    "1": lambda at: str(at.month),
    "2": lambda at: str(at.day),
    "3": lambda at: str(at.hour % _NOON or _NOON),
    "4": lambda at: str(at.minute),
    "5": lambda at: str(at.second),
}
_FRACTION = r"(?P<fraction>[.,](?:0+|9+)(?![0-9]))"
_PIECE = re.compile("|".join((_FRACTION, *(f"(?P<p{index}>{piece})" for index, piece in enumerate(_LAYOUT)))))
_WRITERS = dict(enumerate(_LAYOUT.values()))


def formatted(moment: datetime, layout: str) -> str:
    """Write a moment as Go's Time.Format does."""
    at = moment.astimezone(UTC)
    return _PIECE.sub(lambda piece: _written(at, piece), layout)


def _written(at: datetime, piece: re.Match[str]) -> str:
    name = piece.lastgroup or ""
    if name != "fraction":
        return _WRITERS[int(name[1:])](at)
    digits = len(piece.group()) - 1
    figures = f"{at.microsecond:06}".ljust(digits, "0")[:digits]
    if piece.group()[1] == "9":
        figures = figures.rstrip("0")
    return piece.group()[0] + figures if figures else ""


def text(moment: datetime) -> str:
    """Write a moment as Go's Time.String does."""
    return formatted(moment, _STRING)


def call(moment: datetime, name: str, arguments: list[Value]) -> Value:
    """Call a method of time.Time; raise ExecutionError where there is none of that name, or it wants others."""
    at = moment.astimezone(UTC)
    if name == "Format":
        if len(arguments) == 1 and isinstance(arguments[0], str):
            return formatted(at, arguments[0])
        raise ExecutionError("Format wants a layout")
    if name not in _METHODS:
        raise ExecutionError(f"can't evaluate field {name} in type time.Time")
    if arguments:
        raise ExecutionError(f"wrong number of args for {name}: want 0 got {len(arguments)}")
    return _METHODS[name](at)


_METHODS: Mapping[str, Callable[[datetime], Value]] = {
    "String": text,
    "UTC": lambda at: at,
    "Unix": lambda at: int(at.timestamp()),
    "UnixMilli": lambda at: int(at.timestamp()) * 1000 + at.microsecond // 1000,
    "Year": lambda at: at.year,
    "Month": lambda at: NamedInt(at.month, _MONTHS[at.month - 1]),
    "Day": lambda at: at.day,
    "Weekday": lambda at: NamedInt(at.isoweekday() % 7, _DAYS[at.weekday()]),
    "Hour": lambda at: at.hour,
    "Minute": lambda at: at.minute,
    "Second": lambda at: at.second,
    "YearDay": lambda at: at.timetuple().tm_yday,
    "IsZero": lambda _: False,
}
