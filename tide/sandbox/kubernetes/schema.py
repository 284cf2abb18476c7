"""The structural schema of a custom resource: what is dropped, filled in, and refused.

Only what definitions such as Prow's use is understood (Kubernetes docs: "Extend the Kubernetes API with
CustomResourceDefinitions", validation, pruning and defaulting). The words are those of k8s.io/kube-openapi
``pkg/validation`` as apiextensions' ``pkg/apiserver/validation`` reports them.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tide.sandbox.kubernetes.problems import Cause

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_ROOT_FIELDS = ("apiVersion", "kind", "metadata")


def pruned(content: Any, schema: Mapping[str, Any]) -> Any:
    """Return an object without the fields that its schema does not know, and with defaults."""
    kept = _pruned({key: value for key, value in content.items() if key not in _ROOT_FIELDS}, schema)
    return {key: content[key] for key in _ROOT_FIELDS if key in content} | kept


def _pruned(value: Any, schema: Mapping[str, Any]) -> Any:
    if isinstance(value, list) and "items" in schema:
        return [_pruned(item, schema["items"]) for item in value]
    if not isinstance(value, dict):
        return value
    own, rest = schema.get("properties", {}), schema.get("additionalProperties")
    kept = {}
    for key, item in value.items():
        if key in own or isinstance(rest, dict):
            kept[key] = _pruned(item, own.get(key, rest))
        elif rest or schema.get("x-kubernetes-preserve-unknown-fields"):
            kept[key] = item
    missing = {key: each["default"] for key, each in own.items() if "default" in each and key not in value}
    return kept | missing


def schema_causes(content: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[Cause]:
    """Say which rules of its schema an object breaks; its metadata has rules of its own."""
    yield from _causes({key: value for key, value in content.items() if key not in _ROOT_FIELDS}, schema, "")


def _causes(value: Any, schema: Mapping[str, Any], path: str) -> Iterator[Cause]:
    if value is None and schema.get("nullable"):
        return
    kinds = ["integer", "string"] if schema.get("x-kubernetes-int-or-string") else [schema.get("type")]
    if not any(_is_of(value, kind) for kind in kinds):
        yield _invalid(
            path, _typename(value), f"must be of type {','.join(map(str, kinds))}: {_shown(_typename(value))}"
        )
        return
    for keyword, check in _CHECKS.items():
        if keyword in schema:
            yield from check(value, schema[keyword], path)
    yield from _inner_causes(value, schema, path)


def _inner_causes(value: Any, schema: Mapping[str, Any], path: str) -> Iterator[Cause]:
    if isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from _causes(item, schema["items"], f"{path}[{index}]")
    if isinstance(value, dict):
        own, rest = schema.get("properties", {}), schema.get("additionalProperties")
        for key, item in value.items():
            wanted = own.get(key, rest)
            if isinstance(wanted, dict):
                yield from _causes(item, wanted, f"{path}.{key}" if path else key)


def _is_of(value: Any, kind: str | None) -> bool:
    if isinstance(value, bool):
        return kind in {"boolean", None}
    return kind is None or isinstance(value, _TYPES[kind])


_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}


def _required(value: Any, keys: list[str], path: str) -> Iterator[Cause]:
    for key in keys:
        if isinstance(value, dict) and key not in value:
            yield Cause(f"{path}.{key}" if path else key, "FieldValueRequired", "Required value")


def _enumerated(value: Any, choices: list[Any], path: str) -> Iterator[Cause]:
    if value not in choices:
        supported = ", ".join(map(_shown, choices))
        message = f"Unsupported value: {_shown(value)}: supported values: {supported}"
        yield Cause(path, "FieldValueNotSupported", message)


def _at_least(value: Any, bound: float, path: str) -> Iterator[Cause]:
    if isinstance(value, int | float) and value < bound:
        yield _invalid(path, value, f"should be greater than or equal to {bound}")


def _long_enough(value: Any, bound: int, path: str) -> Iterator[Cause]:
    if isinstance(value, list) and len(value) < bound:
        yield _invalid(path, len(value), f"should have at least {bound} items")


def _matching(value: Any, pattern: str, path: str) -> Iterator[Cause]:
    if isinstance(value, str) and not re.search(pattern, value):
        yield _invalid(path, value, f"should match '{pattern}'")


def _formatted(value: Any, form: str, path: str) -> Iterator[Cause]:
    if form != "date-time" or not isinstance(value, str):
        return
    try:
        datetime.fromisoformat(value)
    except ValueError:
        yield _invalid(path, value, f"must be of type date-time: {_shown(value)}")


def _any_of(value: Any, schemas: list[Mapping[str, Any]], path: str) -> Iterator[Cause]:
    if all(next(_causes(value, schema, path), None) for schema in schemas):
        yield _invalid(path, value, "must validate at least one schema (anyOf)")


def _not(value: Any, schema: Mapping[str, Any], path: str) -> Iterator[Cause]:
    if next(_causes(value, schema, path), None) is None:
        yield _invalid(path, value, "must not validate the schema (not)")


_CHECKS: Mapping[str, Callable[[Any, Any, str], Iterator[Cause]]] = {
    "required": _required,
    "enum": _enumerated,
    "minimum": _at_least,
    "minItems": _long_enough,
    "pattern": _matching,
    "format": _formatted,
    "anyOf": _any_of,
    "not": _not,
}


def _invalid(path: str, value: Any, why: str) -> Cause:
    return Cause(path, "FieldValueInvalid", f"Invalid value: {_shown(value)}: {path} in body {why}")


def _typename(value: Any) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
