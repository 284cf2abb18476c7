"""Where in a YAML text something stands. Worked out only when there is something to say about it."""

import json
import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import NamedTuple, TypeAlias

import yaml
from yaml.cyaml import CBaseLoader
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    Event,
    MappingStartEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from tide.golang.yaml_reader import YamlError, is_merge, line_of, scalar_key

Path: TypeAlias = tuple[str | int, ...]

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def path_text(path: Path) -> str:
    """Write a path as people do: `presubmits["org/repo"][3].run_if_changed`."""
    text = "".join(map(_step_text, path))
    return text.removeprefix(".")


def _step_text(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if _PLAIN_KEY.fullmatch(step):
        return f".{step}"
    return f"[{json.dumps(step, ensure_ascii=False)}]"


class _Kind(Enum):
    SCALAR = auto()
    MERGE = auto()  # a scalar that is `<<`
    ALIAS = auto()
    MAPPING = auto()
    SEQUENCE = auto()
    END = auto()


class _Node(NamedTuple):
    """What is kept of an event: the parser's own is many times as large, and a text has many."""

    kind: _Kind
    line: int
    text: str = ""
    key: str = ""
    anchor: str | None = None


class Places:
    """Finds lines in the first document of one YAML text."""

    def __init__(self, text: bytes) -> None:
        self._nodes = list(_read(text))
        self._ends = _ends(self._nodes)
        self._known_items: dict[int, list[int]] = {}

    def line(self, path: Path) -> int:
        """Give the line, counted from 1, of the key or item at `path`, or of the nearest thing around it."""
        if not self._nodes:
            return 0
        line, index = self._nodes[0].line, 0
        for step in path:
            found = self._step(index, step)
            if not found:
                break
            line, index = found
        return line

    def text(self, path: Path) -> str | None:
        """Give the scalar at `path` as it is written, None if there is none."""
        index = 0
        for step in path:
            found = self._step(index, step)
            if not found:
                return None
            index = found[1]
        node = self._nodes[index]
        return node.text if node.kind is _Kind.SCALAR else None

    def _step(self, index: int, step: str | int) -> tuple[int, int] | None:
        """Go from the collection at `index` into one entry: the line that names it, and the index of its value."""
        kind = self._nodes[index].kind
        if kind is _Kind.MAPPING and isinstance(step, str):
            return self._entry(index, step)
        if kind is _Kind.SEQUENCE and isinstance(step, int):
            items = self._items(index)
            if step < len(items):
                return self._nodes[items[step]].line, self._resolved(items[step])
        return None

    def _entry(self, index: int, key: str) -> tuple[int, int] | None:
        items = self._items(index)
        for key_index, value_index in zip(items[-2::-2], items[:0:-2], strict=True):
            node = self._nodes[key_index]
            if node.kind is _Kind.MERGE:
                if found := self._merged(self._resolved(value_index), key):
                    return found
            elif node.kind is _Kind.SCALAR and node.key == key:
                return node.line, self._resolved(value_index)
        return None

    def _merged(self, index: int, key: str) -> tuple[int, int] | None:
        if self._nodes[index].kind is _Kind.MAPPING:
            return self._entry(index, key)
        sources = (self._resolved(item) for item in self._items(index))
        return next((found for source in sources if (found := self._entry(source, key))), None)

    def _items(self, index: int) -> list[int]:
        """List the indices of what a collection holds; of a mapping keys and values in turn."""
        if index not in self._known_items:
            self._known_items[index] = list(self._items_within(index))
        return self._known_items[index]

    def _items_within(self, index: int) -> Iterator[int]:
        end = self._ends.get(index, index)
        index += 1
        while index < end:
            yield index
            index = self._ends.get(index, index) + 1

    def _resolved(self, index: int) -> int:
        """Follow an alias to what it stands for."""
        node = self._nodes[index]
        if node.kind is not _Kind.ALIAS:
            return index
        earlier = range(index - 1, -1, -1)
        named = (
            at for at in earlier if self._nodes[at].anchor == node.anchor and self._nodes[at].kind is not _Kind.ALIAS
        )
        return next(named, index)


def _read(text: bytes) -> Iterator[_Node]:
    """Give the nodes of the first document, as far as the text can be read."""
    parser = CBaseLoader(text)
    depth = 0
    try:
        while (event := parser.get_event()) is not None:
            node = _node(event)
            if node:
                yield node
                depth += node.kind in {_Kind.MAPPING, _Kind.SEQUENCE}
                depth -= node.kind is _Kind.END
                if depth == 0:
                    return
    except (yaml.YAMLError, YamlError):
        return


def _node(event: Event) -> _Node | None:
    line = line_of(event)
    if isinstance(event, ScalarEvent):
        if is_merge(event):
            return _Node(_Kind.MERGE, line, event.value)
        return _Node(_Kind.SCALAR, line, event.value, _key(event), event.anchor)
    if isinstance(event, AliasEvent):
        return _Node(_Kind.ALIAS, line, anchor=event.anchor)
    if isinstance(event, MappingStartEvent):
        return _Node(_Kind.MAPPING, line, anchor=event.anchor)
    if isinstance(event, SequenceStartEvent):
        return _Node(_Kind.SEQUENCE, line, anchor=event.anchor)
    return _Node(_Kind.END, line) if isinstance(event, CollectionEndEvent) else None


def _key(event: ScalarEvent) -> str:
    """Give what a scalar would be as a key; only keys are ever asked for it."""
    try:
        return scalar_key(event)
    except YamlError:
        return ""


def _ends(nodes: list[_Node]) -> dict[int, int]:
    """Map the index of each collection's start to that of its end."""
    open_starts: list[int] = []
    ends: dict[int, int] = {}
    for index, node in enumerate(nodes):
        if node.kind in {_Kind.MAPPING, _Kind.SEQUENCE}:
            open_starts.append(index)
        elif node.kind is _Kind.END:
            ends[open_starts.pop()] = index
    return ends
