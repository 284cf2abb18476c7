"""What the data of a template is made of (Go: reflect; text/template, exec.go IsTrue)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self, TypeAlias

from tide.golang.template.nodes import Body

# Surrogates that stand for no byte: JSON may hold half of a pair.
_HALF_PAIRS = re.compile("[\ud800-\udc7f\udd00-\udfff]")

Value: TypeAlias = object
"""str, bool, int, float, aware datetime, tuple, Record, or None, which is a nil pointer."""


@dataclass(frozen=True, slots=True)
class Record:
    """A struct: its exported fields by name."""

    type_name: str
    fields: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class _NoValue:
    """What is there where nothing was given: it has no type even."""

    def __bool__(self) -> bool:
        return False


NO_VALUE = _NoValue()


class NamedInt(int):
    """A number that prints as a word (Go: time.Month, time.Weekday)."""

    word: str

    def __new__(cls, number: int, word: str) -> Self:
        """Give `number` its word."""
        named = super().__new__(cls, number)
        named.word = word
        return named


@dataclass(frozen=True, slots=True)
class Template:
    """A template that was parsed: its own body, and those of the templates that it defines."""

    body: Body
    defined: Mapping[str, Body]


@dataclass(frozen=True, slots=True)
class TemplateFailed:
    """Why a template gives no text for some data, on one line."""

    reason: str


class TemplateSyntaxError(ValueError):
    """A text is no template; `line` counts from 1 within the text."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class ExecutionError(Exception):
    """A template cannot go on."""


def type_name(value: Value) -> str:
    """Name the type as Go does."""
    if isinstance(value, Record):
        return value.type_name
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "bool"
    names: tuple[tuple[type, str], ...] = ((str, "string"), (int, "int"), (float, "float64"), (datetime, "time.Time"))
    return next((name for kind, name in names if isinstance(value, kind)), "[]interface {}")


def is_true(value: Value) -> bool:
    """Tell whether a value counts as true (Go: template.IsTrue): structs always do."""
    return isinstance(value, Record | datetime) or bool(value)


def as_bytes(text: str) -> bytes:
    """Give the bytes of a string; those that are no UTF-8 are kept as surrogates, other surrogates are replaced."""
    return _HALF_PAIRS.sub("\N{REPLACEMENT CHARACTER}", text).encode("utf-8", "surrogateescape")


def as_text(content: bytes) -> str:
    """Give the string that has these bytes."""
    return content.decode("utf-8", "surrogateescape")
