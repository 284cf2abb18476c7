"""GitHub's search syntax for issues and pull requests, read into values.

Sources: GitHub docs "Searching issues and pull requests", "Understanding the search syntax", "Search" (REST: limits).
A string is a flat list of terms: words and ``qualifier:value`` pairs, all of which must hold. What may stand several
times is alternatives (``repo:``, ``base:``, ``author:`` …) or further demands (``label:``, ``is:``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_TEXT_LENGTH = 256
"""GitHub docs, "Limitations on query length": characters of text, operators and qualifiers not counted."""

MAX_OPERATORS = 5
"""GitHub docs, "Limitations on query length": AND, OR and NOT together."""

SIMULATED = frozenset({
    "archived", "author", "base", "closed", "comments", "created", "draft", "head", "in", "is", "label",
    "merged", "milestone", "no", "org", "repo", "review", "sort", "state", "status", "type", "updated", "user",
})  # fmt: skip

NOT_SIMULATED = frozenset({
    "assignee", "commenter", "interactions", "involves", "language", "linked", "mentions", "project", "reactions",
    "reason", "review-requested", "reviewed-by", "sha", "team", "team-review-requested", "topic",
    "user-review-requested",
})  # fmt: skip
"""Qualifiers that GitHub knows and the sandbox does not: refused, because ignoring one would answer wrongly."""

DATES = frozenset({"closed", "created", "merged", "updated"})

_TERM = re.compile(r'(?:[^\s"]|"(?:[^"\\]|\\.)*"|")+')
_QUALIFIER = re.compile(r"(-?)([A-Za-z][A-Za-z-]*):(.+)", re.DOTALL)
_VALUE = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*"|")+')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_DATE = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:?\d\d)?)?")


class SearchSyntaxError(ValueError):
    """GitHub would not take this search string, or the sandbox does not simulate it; the text says why."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One qualifier: any of ``values`` must hold, or none of them when ``negated``."""

    name: str
    values: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """Text that must stand in title or body in this order, or must not when ``negated``."""

    text: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Sort:
    """The order asked for; ``field`` is ``created``, ``updated`` or ``comments``."""

    field: str = "created"
    descending: bool = True


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A search string as values."""

    filters: tuple[Filter, ...] = ()
    words: tuple[Words, ...] = ()
    sort: Sort = field(default_factory=Sort)

    def values(self, *names: str, negated: bool = False) -> tuple[str, ...]:
        """Return the values of all filters of these names, in their order."""
        return tuple(
            value for each in self.filters if each.name in names and each.negated is negated for value in each.values
        )


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Moments from ``start`` to ``end``, both included, in whole seconds; None is open."""

    start: datetime | None = None
    end: datetime | None = None

    def __contains__(self, moment: object) -> bool:
        if not isinstance(moment, datetime):
            return False
        second = moment.replace(microsecond=0)
        return (self.start is None or self.start <= second) and (self.end is None or second <= self.end)


def parse_search(text: str) -> SearchQuery:
    """Read a search string.

    Raises:
        SearchSyntaxError: too long, too many operators, a bad date, or something not simulated.
    """
    filters: list[Filter] = []
    words: list[Words] = []
    operators = 0
    negate_next = False
    for term in _terms(text):
        if term in {"AND", "OR", "NOT"}:
            operators += 1
            negate_next = _take_operator(term)
            continue
        qualifier = _filter(term)
        if qualifier is not None:
            filters.append(qualifier)
        elif sought := _unquote(term.removeprefix("-")).strip():
            words.append(Words(sought, negated=negate_next or term.startswith("-")))
        negate_next = False
    _check_limits(words, operators)
    sorts = [each for each in filters if each.name == "sort"]
    kept = tuple(each for each in filters if each.name != "sort")
    return SearchQuery(kept, tuple(words), _sort(sorts[-1].values[0]) if sorts else Sort())


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


def _take_operator(term: str) -> bool:
    if term == "OR":
        raise SearchSyntaxError("The sandbox does not simulate OR between terms; write label:a,b for alternatives.")
    return term == "NOT"


def _filter(term: str) -> Filter | None:
    match = _QUALIFIER.fullmatch(term)
    if match is None:
        return None
    minus, name, rest = match.groups()
    name = name.lower()
    if name in NOT_SIMULATED:
        raise SearchSyntaxError(f"The sandbox does not simulate the qualifier {name}:.")
    if name not in SIMULATED:
        return None
    values = tuple(_unquote(value) for value in (_VALUE.findall(rest) if name == "label" else [rest]))
    if name in DATES:
        time_range(values[0])
    return Filter(name, values, negated=bool(minus)) if any(values) else None


def _unquote(value: str) -> str:
    """Take quotes away; one without its partner is dropped, a backslash saves the character after it."""
    unquoted = _QUOTED.sub(lambda match: re.sub(r"\\(.)", r"\1", match.group(1)).replace('"', "\0"), value)
    return unquoted.replace('"', "").replace("\0", '"')


def _check_limits(words: list[Words], operators: int) -> None:
    if sum(len(each.text) for each in words) > MAX_TEXT_LENGTH:
        raise SearchSyntaxError(f"The search is longer than {MAX_TEXT_LENGTH} characters.")
    if operators > MAX_OPERATORS:
        raise SearchSyntaxError("More than five AND / OR / NOT operators were used.")


def _sort(value: str) -> Sort:
    name, _, direction = value.lower().partition("-")
    # GitHub ignores a sort that it doesn't know.
    return Sort(name, direction != "asc") if name in {"created", "updated", "comments"} else Sort()


def time_range(text: str) -> TimeRange:
    """Read ``A..B``, ``>=A``, ``>A``, ``<=A``, ``<A`` or ``A``, where ``*`` is an open end.

    Raises:
        SearchSyntaxError: not a date or time in ISO 8601.
    """
    if ".." in text:
        start, _, end = text.partition("..")
        return TimeRange(_bounds(start)[0], _bounds(end)[1])
    for sign in (">=", "<=", ">", "<"):
        if text.startswith(sign):
            return _open_range(sign, *_bounds(text.removeprefix(sign)))
    return TimeRange(*_bounds(text))


def _open_range(sign: str, first: datetime | None, last: datetime | None) -> TimeRange:
    second = timedelta(seconds=1)
    match sign:
        case ">=":
            return TimeRange(start=first)
        case "<=":
            return TimeRange(end=last)
        case ">":
            return TimeRange(start=last and last + second)
        case _:
            return TimeRange(end=first and first - second)


def _bounds(text: str) -> tuple[datetime | None, datetime | None]:
    """Return the first and last second that a date or time means; a date means its whole day in UTC."""
    if text == "*":
        return None, None
    if _DATE.fullmatch(text) is None:
        raise _bad_date(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _bad_date(text) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if "T" in text:
        return moment, moment
    return moment, moment + timedelta(days=1, seconds=-1)


def _bad_date(text: str) -> SearchSyntaxError:
    return SearchSyntaxError(
        f'"{text}" is not a recognized date/time format. '
        "Please provide an ISO 8601 date/time value, such as YYYY-MM-DD."
    )
