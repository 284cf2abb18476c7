"""The rules for names, labels and annotations.

The words are those of k8s.io/apimachinery: ``pkg/util/validation/validation.go``, ``pkg/api/validation/objectmeta.go``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tide.sandbox.kubernetes.problems import BadRequest, Cause

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tide.sandbox.kubernetes.resources import JsonObject, Resource

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = f"({_QUALIFIED})?"
_MAX_NAME = 253
_MAX_LABEL = 63
_MAX_ANNOTATIONS = 256 * 1024

_SUBDOMAIN_MESSAGE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    f"end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)
_LABEL_MESSAGE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    f"an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
_QUALIFIED_MESSAGE = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    f"character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_QUALIFIED}')"
)
_VALUE_MESSAGE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    f"'{_VALUE}')"
)


def label_key_faults(key: str) -> list[str]:
    """Say what is wrong with the key of a label or annotation (IsQualifiedName)."""
    prefix, slash, name = key.rpartition("/")
    if "/" in prefix:
        rule = _QUALIFIED_MESSAGE.removeprefix("name part ")
        return [f"a qualified name {rule} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"]
    faults = []
    if slash and not prefix:
        faults.append("prefix part must be non-empty")
    elif slash:
        faults += [f"prefix part {fault}" for fault in _subdomain_faults(prefix)]
    if not name:
        faults.append("name part must be non-empty")
    elif len(name) > _MAX_LABEL:
        faults.append(f"name part must be no more than {_MAX_LABEL} bytes")
    if not re.fullmatch(_QUALIFIED, name):
        faults.append(_QUALIFIED_MESSAGE)
    return faults


def label_value_faults(value: str) -> list[str]:
    """Say what is wrong with the value of a label (IsValidLabelValue)."""
    faults = [] if len(value.encode()) <= _MAX_LABEL else [f"must be no more than {_MAX_LABEL} bytes"]
    return faults if re.fullmatch(_VALUE, value) else [*faults, _VALUE_MESSAGE]


def metadata_causes(resource: Resource, metadata: JsonObject) -> Iterator[Cause]:
    """Say which rules an object's metadata breaks.

    Raises:
        BadRequest: it is not even of the right types.
    """
    _check_types(resource, metadata)
    yield from _name_causes(resource, metadata)
    for key, value in (metadata.get("labels") or {}).items():
        for fault in label_key_faults(key):
            yield _invalid("metadata.labels", key, fault)
        for fault in label_value_faults(value):
            yield _invalid("metadata.labels", value, fault)
    annotations = metadata.get("annotations") or {}
    for key in annotations:
        for fault in label_key_faults(key.lower()):
            yield _invalid("metadata.annotations", key, fault)
    if sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items()) > _MAX_ANNOTATIONS:
        message = f"Too long: may not be more than {_MAX_ANNOTATIONS} bytes"
        yield Cause("metadata.annotations", "FieldValueTooLong", message)


def _check_types(resource: Resource, metadata: JsonObject) -> None:
    for field in ("name", "generateName", "namespace", "resourceVersion", "uid"):
        _check_text(resource, field, metadata.get(field))
    for field in ("labels", "annotations"):
        pairs = metadata.get(field) or {}
        if not isinstance(pairs, dict):
            raise BadRequest(_mistyped(resource, field, pairs, "map[string]string"))
        for value in pairs.values():
            _check_text(resource, field, value)


def _check_text(resource: Resource, field: str, value: Any) -> None:
    if value is not None and not isinstance(value, str):
        raise BadRequest(_mistyped(resource, field, value, "string"))


def _mistyped(resource: Resource, field: str, value: Any, wanted: str) -> str:
    kinds = {bool: "bool", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    told = f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}'
    return (
        f"{told}: json: cannot unmarshal "
        f"{kinds.get(type(value), 'null')} into Go struct field ObjectMeta.metadata.{field} of type {wanted}"
    )


def _name_causes(resource: Resource, metadata: JsonObject) -> Iterator[Cause]:
    name = metadata.get("name")
    if not name:
        yield Cause("metadata.name", "FieldValueRequired", "Required value: name or generateName is required")
        return
    for fault in _label_faults(name) if resource.kind == "Namespace" else _subdomain_faults(name):
        yield _invalid("metadata.name", name, fault)


def _label_faults(name: str) -> list[str]:
    faults = [] if len(name) <= _MAX_LABEL else [f"must be no more than {_MAX_LABEL} bytes"]
    return faults if re.fullmatch(_LABEL, name) else [*faults, _LABEL_MESSAGE]


def _subdomain_faults(name: str) -> list[str]:
    faults = [] if len(name) <= _MAX_NAME else [f"must be no more than {_MAX_NAME} bytes"]
    return faults if re.fullmatch(_SUBDOMAIN, name) else [*faults, _SUBDOMAIN_MESSAGE]


def _invalid(field: str, value: str, fault: str) -> Cause:
    return Cause(field, "FieldValueInvalid", f'Invalid value: "{value}": {fault}')
