"""Where in a YAML text something stands. Worked out only when there is something to say about it."""

import json
import re
from collections.abc import Iterator
from typing import TypeAlias

import yaml
from yaml.cyaml import CBaseLoader
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from tide.config.go_yaml import is_merge, line_of, scalar_key

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


class Places:
    """Finds lines in the first document of one YAML text."""

    def __init__(self, text: bytes) -> None:
        self._events = list(_nodes(text))
        self._ends = _ends(self._events)

    def line(self, path: Path) -> int:
        """Give the line, counted from 1, of the key or item at `path`, or of the nearest thing around it."""
        if not self._events:
            return 0
        line, index = line_of(self._events[0]), 0
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
        event = self._events[index]
        return str(event.value) if isinstance(event, ScalarEvent) else None

    def _step(self, index: int, step: str | int) -> tuple[int, int] | None:
        """Go from the collection at `index` into one entry: the line that names it, and the index of its value."""
        event = self._events[index]
        if isinstance(event, MappingStartEvent) and isinstance(step, str):
            return self._entry(index, step)
        if isinstance(event, SequenceStartEvent) and isinstance(step, int):
            items = list(self._items(index))
            if step < len(items):
                return line_of(self._events[items[step]]), self._resolved(items[step])
        return None

    def _entry(self, index: int, key: str) -> tuple[int, int] | None:
        items = list(self._items(index))
        for key_index, value_index in zip(items[-2::-2], items[:0:-2], strict=True):
            name = self._events[key_index]
            if not isinstance(name, ScalarEvent):
                continue
            if is_merge(name):
                if found := self._merged(self._resolved(value_index), key):
                    return found
            elif scalar_key(name) == key:
                return line_of(name), self._resolved(value_index)
        return None

    def _merged(self, index: int, key: str) -> tuple[int, int] | None:
        if isinstance(self._events[index], MappingStartEvent):
            return self._entry(index, key)
        sources = (self._resolved(item) for item in self._items(index))
        return next((found for source in sources if (found := self._entry(source, key))), None)

    def _items(self, index: int) -> Iterator[int]:
        """List the indices of what a collection holds; of a mapping keys and values in turn."""
        end = self._ends.get(index, index)
        index += 1
        while index < end:
            yield index
            index = self._ends.get(index, index) + 1

    def _resolved(self, index: int) -> int:
        """Follow an alias to what it stands for."""
        event = self._events[index]
        if not isinstance(event, AliasEvent):
            return index
        earlier = range(index - 1, -1, -1)
        return next((i for i in earlier if _anchor(self._events[i]) == event.anchor), index)


def _nodes(text: bytes) -> Iterator[Event]:
    """Give the events of the first document's nodes, as far as the text can be read."""
    parser = CBaseLoader(text)
    depth = 0
    try:
        while (event := parser.get_event()) is not None:
            if isinstance(event, NodeEvent | CollectionEndEvent):
                yield event
                depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
                if depth == 0:
                    return
    except yaml.YAMLError:
        return


def _ends(events: list[Event]) -> dict[int, int]:
    """Map the index of each collection's start to that of its end."""
    open_starts: list[int] = []
    ends: dict[int, int] = {}
    for index, event in enumerate(events):
        if isinstance(event, CollectionStartEvent):
            open_starts.append(index)
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            ends[open_starts.pop()] = index
    return ends


def _anchor(event: Event) -> str | None:
    return event.anchor if isinstance(event, ScalarEvent | CollectionStartEvent) else None
