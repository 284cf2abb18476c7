"""Patches of objects: JSON merge patch (RFC 7386) and JSON patch (RFC 6902)."""

from __future__ import annotations

import copy
from typing import Any

from tide.sandbox.kubernetes.problems import Invalid

REJECTED = "the server rejected our request due to an error in our request"


def merged(target: Any, patch: Any) -> Any:
    """Return a target with a merge patch laid over it: null takes a field away, lists are replaced as a whole."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def patched(target: Any, operations: Any) -> Any:
    """Return a target after the operations of a JSON patch, one after the other.

    Raises:
        Invalid: an operation is not understood, its path leads nowhere, or a test fails.
    """
    result = copy.deepcopy(target)
    try:
        for operation in operations:
            result = _operate(result, operation)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise _rejected(f"{type(error).__name__}: {error}") from error
    return result


def _operate(document: Any, operation: dict[str, Any]) -> Any:
    path = _pointer(operation["path"])
    match operation["op"]:
        case "test":
            if _at(document, path) != operation["value"]:
                raise _rejected(f"testing value {operation['path']} failed")
        case "remove":
            _remove(document, path)
        case "add":
            return _add(document, path, operation["value"])
        case "replace":
            _at(document, path)
            return _put(document, path, operation["value"])
        case "move":
            moved = _remove(document, _pointer(operation["from"]))
            return _add(document, path, moved)
        case "copy":
            return _add(document, path, copy.deepcopy(_at(document, _pointer(operation["from"]))))
        case unknown:
            raise _rejected(f"Unexpected kind: {unknown}")
    return document


def _rejected(why: str) -> Invalid:
    return Invalid(REJECTED, {"causes": [{"reason": "UnexpectedServerResponse", "message": why}]})


def _pointer(path: str) -> list[str]:
    if path and not path.startswith("/"):
        raise ValueError(f"{path} is no path")
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _at(document: Any, path: list[str]) -> Any:
    for part in path:
        document = document[_index(document, part)]
    return document


def _index(parent: Any, part: str) -> str | int:
    if not isinstance(parent, list):
        return part
    if not part.isdecimal():
        raise ValueError(f"{part} is no index")
    return int(part)


def _add(document: Any, path: list[str], value: Any) -> Any:
    parent = _at(document, path[:-1])
    if not path or not isinstance(parent, list):
        return _put(document, path, value)
    place = len(parent) if path[-1] == "-" else int(_index(parent, path[-1]))
    if place > len(parent):
        raise IndexError(path[-1])
    parent.insert(place, value)
    return document


def _put(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent = _at(document, path[:-1])
    parent[_index(parent, path[-1])] = value
    return document


def _remove(document: Any, path: list[str]) -> Any:
    parent = _at(document, path[:-1])
    return parent.pop(_index(parent, path[-1]))
