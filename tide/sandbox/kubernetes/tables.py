"""Objects as tables, as ``kubectl get`` asks for them (apiserver: pkg/registry/rest/table.go)."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tide.sandbox.kubernetes.resources import JsonObject

_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\*|\d+)\]")
_NAME = {"name": "Name", "type": "string", "format": "name", "description": "Name of the object.", "priority": 0}
AGE = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_DURATIONS: tuple[tuple[float, int, str, int, str], ...] = (
    (2 * _MINUTE, 1, "s", 0, ""),
    (10 * _MINUTE, _MINUTE, "m", 1, "s"),
    (3 * _HOUR, _MINUTE, "m", 0, ""),
    (8 * _HOUR, _HOUR, "h", _MINUTE, "m"),
    (2 * _DAY, _HOUR, "h", 0, ""),
    (8 * _DAY, _DAY, "d", _HOUR, "h"),
    (float("inf"), _DAY, "d", 0, ""),
)
"""Durations below so many seconds are told in that unit and, if not zero, the smaller one."""


def is_wanted(accept: str) -> bool:
    """Whether the header ``Accept`` asks for a table before plain JSON."""
    return "as=Table" in accept and "v=v1;" in f"{accept};".replace(",", ";")


def table(
    items: Iterable[JsonObject],
    columns: list[JsonObject],
    *,
    now: datetime,
    metadata: JsonObject,
    include: str = "Metadata",
) -> JsonObject:
    """Lay objects out as rows.

    Args:
        items: the objects.
        columns: as a definition's ``additionalPrinterColumns``; Name comes before them by itself.
        now: against which ages are told.
        metadata: of the list.
        include: what of the object comes with its row: ``Metadata``, ``Object`` or ``None``.
    """
    told = [_NAME, *({"description": "", "format": "", "priority": 0} | _without_path(column) for column in columns)]
    rows = []
    for item in items:
        cells = [item["metadata"]["name"], *(_cell(item, column, now) for column in columns)]
        row: JsonObject = {"cells": cells}
        if include != "None":
            row["object"] = item if include == "Object" else _partial(item)
        rows.append(row)
    named = {"kind": "Table", "apiVersion": "meta.k8s.io/v1"}
    return named | {"metadata": metadata, "columnDefinitions": told, "rows": rows}


def _without_path(column: JsonObject) -> JsonObject:
    return {key: value for key, value in column.items() if key != "jsonPath"}


def _partial(item: JsonObject) -> JsonObject:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"]}


def _cell(item: JsonObject, column: JsonObject, now: datetime) -> Any:
    found = list(_walk(item, _STEP.findall(column["jsonPath"])))
    if not found:
        return None
    shown = _CELLS.get(column["type"])
    return shown(found, now) if shown else found[0]


def _walk(value: Any, steps: list[tuple[str, str]]) -> Iterator[Any]:
    if not steps:
        yield value
        return
    (key, index), rest = steps[0], steps[1:]
    if key and isinstance(value, dict) and key in value:
        yield from _walk(value[key], rest)
    elif index and isinstance(value, list):
        for item in value if index == "*" else value[int(index) :][:1]:
            yield from _walk(item, rest)


def _text(values: list[Any], _now: datetime) -> str:
    return " ".join(map(str, values))


def _ago(values: list[Any], now: datetime) -> str:
    try:
        seconds = int((now - datetime.fromisoformat(values[0])).total_seconds())
    except (TypeError, ValueError):
        return "<unknown>"
    return human_duration(seconds)


_CELLS: dict[str, Callable[[list[Any], datetime], Any]] = {"string": _text, "date": _ago}


def human_duration(seconds: int) -> str:
    """Tell a duration as kubectl does (apimachinery: pkg/util/duration/duration.go HumanDuration)."""
    if seconds < 0:
        return "<invalid>" if seconds < -1 else "0s"
    _, unit, letter, smaller, smaller_letter = next(form for form in _DURATIONS if seconds < form[0])
    whole, rest = divmod(seconds, unit)
    part = rest // smaller if smaller else 0
    return f"{whole}{letter}{part}{smaller_letter}" if part else f"{whole}{letter}"
