"""The little of Kubernetes' protobuf that clients write to an API server's own kinds even where JSON would do.

kubectl describes namespaces and access reviews so, and takes JSON for an answer. A body is four bytes and a
``runtime.Unknown`` (apimachinery: pkg/runtime/serializer/protobuf); field numbers are from ``generated.proto`` of
api/core/v1, api/authorization/v1 and apimachinery's meta/v1. Fields that are not named here are passed over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tide.sandbox.kubernetes.resources import JsonObject

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\0"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True)
class _Field:
    """A field's name, and how its message is laid out; None is text."""

    name: str
    layout: Mapping[int, _Field] | None = None
    pairs: bool = False


_PAIR = {1: _Field("key"), 2: _Field("value")}
_METADATA = _Field(
    "metadata",
    {
        1: _Field("name"),
        2: _Field("generateName"),
        3: _Field("namespace"),
        11: _Field("labels", _PAIR, pairs=True),
        12: _Field("annotations", _PAIR, pairs=True),
    },
)
_ATTRIBUTES = dict(
    enumerate(map(_Field, ("namespace", "verb", "group", "version", "resource", "subresource", "name")), start=1)
)
_LAYOUTS: Mapping[tuple[str, str], Mapping[int, _Field]] = {
    ("v1", "Namespace"): {1: _METADATA},
    ("authorization.k8s.io/v1", "SelfSubjectAccessReview"): {
        1: _METADATA,
        2: _Field("spec", {1: _Field("resourceAttributes", _ATTRIBUTES)}),
    },
}
_TYPE, _RAW = 1, 2
_TYPE_META = {1: _Field("apiVersion"), 2: _Field("kind")}


def read_object(body: bytes) -> JsonObject:
    """Return the object that a body describes.

    Raises:
        ValueError: it is no protobuf of Kubernetes, or of a kind that is not understood here.
    """
    if not body.startswith(_MAGIC):
        raise ValueError("the body is no Kubernetes protobuf")
    parts = dict(_fields(body[len(_MAGIC) :]))
    named, raw = _message(parts.get(_TYPE, b""), _TYPE_META), parts.get(_RAW, b"")
    layout = _LAYOUTS.get((named.get("apiVersion", ""), named.get("kind", "")))
    if layout is None:
        raise ValueError(f"no protobuf of {named.get('kind')!r} is understood")
    return named | _message(raw, layout)


def _message(data: bytes, layout: Mapping[int, _Field]) -> JsonObject:
    content: dict[str, Any] = {}
    for number, value in _fields(data):
        field = layout.get(number)
        # Text that is not set is written too, as empty.
        if field is None or not value:
            continue
        if field.layout is None:
            content[field.name] = value.decode()
        elif field.pairs:
            pair = _message(value, field.layout)
            content.setdefault(field.name, {})[pair.get("key", "")] = pair.get("value", "")
        else:
            content[field.name] = _message(value, field.layout)
    return content


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Give the number and bytes of each field that has bytes."""
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        wire = tag & 7
        if wire == _BYTES:
            length, place = _varint(data, place)
            if place + length > len(data):
                raise ValueError("a field is cut short")
            yield tag >> 3, data[place : place + length]
            place += length
        elif wire == _VARINT:
            _, place = _varint(data, place)
        elif wire in {_FIXED64, _FIXED32}:
            place += 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {wire} is not understood")


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if place >= len(data):
            raise ValueError("a number is cut short")
        byte = data[place]
        value, shift, place = value | (byte & 0x7F) << shift, shift + 7, place + 1
        if byte < 0x80:  # noqa: PLR2004 - the highest bit says that there is more
            return value, place
