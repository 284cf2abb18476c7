"""YAML exactly as Go's sigs.k8s.io/yaml reads it, which is how Prow reads its configuration.

PyYAML's C parser (libyaml, which Go's parser is a port of) gives the events; what they mean is decided here: `yes`,
`on` and `y` are booleans, `0400` is octal, `12:30` and dates are strings, a later duplicate key wins, keys become
strings, unknown tags and further documents are ignored. A `<<` takes effect where it stands, so keys that come
before it are overridden, as in Go and unlike the YAML description.
"""

import base64
import re
from functools import lru_cache
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import yaml
from yaml.cyaml import CBaseLoader
from yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from tide.golang.floats import float32_text, float_text

if TYPE_CHECKING:
    from collections.abc import Callable

Scalar: TypeAlias = str | bool | int | float | None

_TAGS = "tag:yaml.org,2002:"
_WORDS: dict[str, bool | float | None] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}
_NUMBER_STARTS = frozenset("+-0123456789")
_INTEGER = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<binary>[01]+)|0[oO]?(?P<octal>[0-7]+)|(?P<decimal>0|[1-9][0-9]*))"
)
_BASES = {"hex": 16, "binary": 2, "octal": 8, "decimal": 10}
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_DOT_FLOAT = re.compile(r"\.[0-9](?:_?[0-9])*(?:[eE][-+]?[0-9](?:_?[0-9])*)?")


_LARGEST_PLAIN_FLOAT = 1e21  # Go's JSON writes floats from here on with an exponent
_MOST_LEVELS = 100  # far more than a pod has; what goes through models and JSON bears about 200
_MOST_DIGITS = 4096  # of an integer, leading zeros included: Python refuses to read decimal ones of 4301
_FEW_REPEATED, _FEW_NODES = 100, 1000  # below these any share of aliases is fine (go-yaml v2: decode.go)


class YamlError(ValueError):
    """The text is not YAML that Go would take; `line` counts from 1, 0 where none can be named."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def load(text: bytes) -> object:
    """Read the first document of `text` into dicts with string keys, lists and scalars; None if there is none.

    What an alias stands for is shared, not copied: the result is to be read, never changed. A `<<` copies entries; how
    many there may be of both is bounded while the document is built (go-yaml: allowedAliasRatio).

    Raises:
        YamlError: in one line what is wrong, and where.
    """
    try:
        return _Document(CBaseLoader(text)).read()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(mark.line + 1 if mark else 0, _one_line(error.context, error.problem)) from None
    except yaml.reader.ReaderError as error:
        line = text[: error.position or 0].count(b"\n") + 1
        raise YamlError(line, _one_line(error.reason)) from None


def _one_line(*parts: str | None) -> str:
    return " ".join(": ".join(part for part in parts if part).split())


class WholeFloat(int):
    """A float without a fraction, such as 08 or 1e3: Go's JSON holds it as an integer, its text is a float's."""


class _Anchored(NamedTuple):
    """What an anchor names, with how many nodes and levels it has."""

    value: object
    nodes: int
    levels: int


class _Document:
    """Builds the value of one document while its events come in."""

    def __init__(self, parser: CBaseLoader) -> None:
        self._take: Callable[[], Event | None] = parser.get_event
        self._anchors: dict[str, _Anchored | None] = {}
        self._depth = 0
        self._deepest = 0  # that was reached inside of what is being read
        self._nodes = 0
        self._repeated = 0

    def read(self) -> object:
        self._take()  # the start of the stream
        if isinstance(self._take(), StreamEndEvent):
            return None
        return self._value(self._take())

    def _value(self, event: Event | None) -> object:
        before, height = self._nodes, 0
        if isinstance(event, ScalarEvent):
            value: object = _scalar(event)
            if isinstance(value, float) and not isfinite(value):
                raise YamlError(line_of(event), f"{event.value} is not a value that JSON can hold")
        elif isinstance(event, CollectionStartEvent):
            if event.anchor is not None:
                self._anchors[event.anchor] = None
            value, height = self._collection(event)
        else:
            return self._alias(event)
        self._nodes += 1
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(value, self._nodes - before, height)
        return value

    def _collection(self, event: CollectionStartEvent) -> tuple[object, int]:
        """Read a collection; give it with the number of levels it has."""
        around, self._deepest = self._deepest, 0
        self._enter(1, event)
        self._depth += 1
        value = self._mapping() if isinstance(event, MappingStartEvent) else self._sequence()
        self._depth -= 1
        height = self._deepest - self._depth
        self._deepest = max(around, self._deepest)
        return value, height

    def _enter(self, levels: int, event: Event | None) -> None:
        self._deepest = max(self._deepest, self._depth + levels)
        if self._deepest > _MOST_LEVELS:
            raise YamlError(line_of(event), "nested too deeply")

    def _alias(self, event: Event | None) -> object:
        if event is None:
            raise YamlError(0, "ends unexpectedly")
        name = event.anchor if isinstance(event, AliasEvent) and event.anchor else ""
        if name not in self._anchors:
            raise YamlError(line_of(event), f"unknown anchor {name!r} referenced")
        named = self._anchors[name]
        if named is None:
            raise YamlError(line_of(event), f"anchor {name!r} value contains itself")
        self._nodes += 1
        self._repeat(named.nodes, event)
        self._enter(named.levels, event)
        return named.value

    def _sequence(self) -> list[object]:
        items: list[object] = []
        while not isinstance(event := self._take(), SequenceEndEvent):
            items.append(self._value(event))
        return items

    def _mapping(self) -> dict[str, object]:
        entries: dict[str, object] = {}
        while not isinstance(event := self._take(), MappingEndEvent):
            if isinstance(event, ScalarEvent) and is_merge(event):
                self._merge(entries)
            else:
                key = self._key(event)
                entries[key] = self._value(self._take())
        return entries

    def _key(self, event: Event | None) -> str:
        if isinstance(event, ScalarEvent) and event.anchor is None:
            self._nodes += 1
            return scalar_key(event)
        value = self._value(event)
        return value if isinstance(value, str) else _key_text(value, line_of(event))

    def _merge(self, entries: dict[str, object]) -> None:
        event = self._take()
        value = self._value(event)
        # Of several, the first wins; several are written in place, never named by an alias.
        sources = value[::-1] if isinstance(event, SequenceStartEvent) and isinstance(value, list) else [value]
        for source in sources:
            if not isinstance(source, dict):
                raise YamlError(line_of(event), "map merge requires map or sequence of maps as the value")
            if isinstance(event, CollectionStartEvent):
                # An alias has counted what it brings. Maps written inside of each other are copied at each level.
                self._repeat(len(source), event)
            entries.update(source)

    def _repeat(self, nodes: int, event: Event | None) -> None:
        """Count nodes that are there again; refuse a document when most of it so far are such (go-yaml: unmarshal)."""
        self._nodes += nodes
        self._repeated += nodes
        if self._repeated <= _FEW_REPEATED or self._nodes <= _FEW_NODES:
            return
        span = min(max(self._nodes - 400_000, 0) / 3_600_000, 1)
        if self._repeated / self._nodes > 0.99 - 0.89 * span:
            raise YamlError(line_of(event), "document contains excessive aliasing")


def go_text(value: str | float) -> str:
    """Give the text of a scalar where Go expects a string: 1.10 becomes "1.1", yes becomes "true"."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, WholeFloat | float):
        return float_text(float(value))
    return str(value)


def line_of(event: Event | None) -> int:
    """Give the line an event starts in, counted from 1; 0 when it is not known."""
    return event.start_mark.line + 1 if event and event.start_mark else 0


def is_merge(event: ScalarEvent) -> bool:
    """Tell whether a key asks for other maps to be merged in."""
    return event.value == "<<" and (event.implicit[0] or event.tag == f"{_TAGS}merge")


def scalar_key(event: ScalarEvent) -> str:
    """Give the text that a scalar key becomes; raise YamlError for null."""
    value = _scalar(event)
    return value if isinstance(value, str) else _key_text(value, line_of(event))


def _scalar(event: ScalarEvent) -> Scalar:
    if event.tag is None:
        return resolve(event.value) if event.implicit[0] else str(event.value)
    return _tagged(event)


@lru_cache(maxsize=65536)
def resolve(text: str) -> Scalar:
    """Tell what a plain scalar means (go-yaml v2: resolve)."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] == ".":
        return _as_json(float(text)) if _DOT_FLOAT.fullmatch(text) and isfinite(float(text)) else text
    if text[0] in _NUMBER_STARTS:
        number = _number(text.replace("_", ""))
        return text if number is None else number
    return text


def _number(text: str) -> int | float | None:
    match = _INTEGER.fullmatch(text)
    if match and match.lastgroup and len(match[match.lastgroup]) <= _MOST_DIGITS:
        integer = int(f"{match['sign']}{match[match.lastgroup]}", _BASES[match.lastgroup])
        if -(1 << 63) <= integer < (1 << 63) or (not match["sign"] and integer < (1 << 64)):
            return integer
    if _FLOAT.fullmatch(text) and isfinite(number := float(text)):
        return _as_json(number)
    return None


def _as_json(number: float) -> int | float:
    return WholeFloat(number) if number.is_integer() and abs(number) < _LARGEST_PLAIN_FLOAT else number


def _tagged(event: ScalarEvent) -> Scalar:
    kind = str(event.tag).removeprefix(_TAGS) if str(event.tag).startswith(_TAGS) else ""
    if kind == "binary":
        return _binary(event)
    if kind not in _KINDS:
        return str(event.value)
    value = resolve(event.value)
    if kind == "float" and type(value) in {int, WholeFloat}:
        return _as_json(float(str(value)))
    if type(value) is not _KINDS[kind]:
        raise YamlError(line_of(event), f"cannot decode `{event.value}` as a !!{kind}")
    return value


_KINDS: dict[str, type] = {"bool": bool, "int": int, "float": float, "null": type(None)}


def _binary(event: ScalarEvent) -> str:
    try:
        content = base64.b64decode("".join(event.value.split()), validate=True)
    except ValueError:
        raise YamlError(line_of(event), "!!binary value contains invalid base64 data") from None
    return content.decode("utf-8", "replace")


def _key_text(value: object, line: int) -> str:
    """Write a key that is no string as sigs.k8s.io/yaml does."""
    if isinstance(value, WholeFloat | float):
        return float32_text(float(value))
    if isinstance(value, bool | int):
        return go_text(value)
    if value is None:
        raise YamlError(line, "a key may not be null")
    raise YamlError(line, "a key may not be a map or a list")
