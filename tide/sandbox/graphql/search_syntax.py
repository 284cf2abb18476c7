"""GitHub's search syntax for issues and pull requests, read into values.

Sources: GitHub docs "Searching issues and pull requests", "Understanding the search syntax". A string is a flat list of
``qualifier:value`` terms, all of which must hold. What may stand several times is alternatives (``repo:``, ``base:``,
``author:`` …) or further demands (``label:``, ``is:``). Of GitHub's terms those are simulated that a merge queue asks
by; any other, free text too, is refused, because ignoring one would answer wrongly.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SIMULATED = frozenset({
    "archived", "author", "base", "created", "is", "label", "milestone", "org", "repo", "review", "sort", "state",
    "updated",
})  # fmt: skip

DATES = frozenset({"created", "updated"})

_TERM = re.compile(r'(?:[^\s"]|"(?:[^"\\]|\\.)*"|")+')
_QUALIFIER = re.compile(r"(-?)([A-Za-z][A-Za-z-]*):(.+)", re.DOTALL)
_VALUE = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*"|")+')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class SearchSyntaxError(ValueError):
    """GitHub would not take this search string, or the sandbox does not simulate it; the text says why."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One qualifier: any of ``values`` must hold, or none of them when ``negated``."""

    name: str
    values: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Sort:
    """The order asked for; ``field`` is ``created`` or ``updated``."""

    field: str = "created"
    descending: bool = True


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A search string as values."""

    filters: tuple[Filter, ...] = ()
    sort: Sort = field(default_factory=Sort)

    def values(self, *names: str, negated: bool = False) -> tuple[str, ...]:
        """Return the values of all filters of these names, in their order."""
        return tuple(
            value for each in self.filters if each.name in names and each.negated is negated for value in each.values
        )


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Moments from ``start`` to ``end``, both included, in whole seconds; an ``end`` of None is open."""

    start: datetime
    end: datetime | None = None

    def __contains__(self, moment: datetime) -> bool:
        second = moment.replace(microsecond=0)
        return self.start <= second and (self.end is None or second <= self.end)


def parse_search(text: str) -> SearchQuery:
    """Read a search string.

    Raises:
        SearchSyntaxError: a bad date, or something not simulated.
    """
    filters = [each for term in _terms(text) if (each := _filter(term)) is not None]
    sorts = [each for each in filters if each.name == "sort"]
    kept = tuple(each for each in filters if each.name != "sort")
    return SearchQuery(kept, _sort(sorts[-1].values[0]) if sorts else Sort())


def _terms(text: str) -> Iterator[str]:
    for match in _TERM.finditer(_balance(text.replace("\0", " "))):
        yield match.group()


def _balance(text: str) -> str:
    """Take away a quote that is never closed; thereby the expressions above run in linear time on any text."""
    opening: int | None = None
    escaped = False
    for position, character in enumerate(text):
        if escaped:
            escaped = False
        elif character == "\\" and opening is not None:
            escaped = True
        elif character == '"':
            opening = position if opening is None else None
    return text if opening is None else text[:opening] + text[opening:].replace('"', "")


def _filter(term: str) -> Filter | None:
    """Return the qualifier of a term, None where nothing stands in it."""
    match = _QUALIFIER.fullmatch(term)
    if match is None or match[2].lower() not in SIMULATED:
        if _unquote(term.removeprefix("-")).strip():
            raise SearchSyntaxError(f"The sandbox does not simulate {term}.")
        return None
    minus, name, rest = match[1], match[2].lower(), match[3]
    values = tuple(_unquote(value) for value in (_VALUE.findall(rest) if name == "label" else [rest]))
    if name in DATES:
        time_range(values[0])
    return Filter(name, values, negated=bool(minus)) if any(values) else None


def _unquote(value: str) -> str:
    """Take quotes away; one without its partner is dropped, a backslash saves the character after it."""
    unquoted = _QUOTED.sub(lambda match: re.sub(r"\\(.)", r"\1", match.group(1)).replace('"', "\0"), value)
    return unquoted.replace('"', "").replace("\0", '"')


def _sort(value: str) -> Sort:
    name, _, direction = value.lower().partition("-")
    # GitHub ignores a sort that it doesn't know.
    return Sort(name, direction != "asc") if name in {"created", "updated"} else Sort()


def time_range(text: str) -> TimeRange:
    """Read ``A..B`` or ``>=A``, of moments in UTC.

    Raises:
        SearchSyntaxError: neither of them.
    """
    if text.startswith(">="):
        return TimeRange(_moment(text.removeprefix(">=")))
    start, _, end = text.partition("..")
    return TimeRange(_moment(start), _moment(end))


def _moment(text: str) -> datetime:
    try:
        if _MOMENT.fullmatch(text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    raise SearchSyntaxError(
        f'"{text}" is not a recognized date/time format. '
        "Please provide an ISO 8601 date/time value, such as YYYY-MM-DD."
    )
