"""Domain values as JSON documents, and what Postgres cannot store.

Titles, branch names and the like are written by strangers. Postgres takes neither the character NUL nor half of a
UTF-16 pair in texts (JSON from the web may hold both), so each of them becomes U+FFFD on its way in, here and nowhere
else. What decisions are made of is kept as bytes, and with its NULs: else it could not be decided again.
"""

import hashlib
import re
import zlib
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from tide.domain.decisions import Decision
from tide.domain.errors import Unreadable
from tide.domain.pulls import MergeState
from tide.domain.snapshot import PullView, Snapshot
from tide.policy.contexts import TIDE_CONTEXT

T = TypeVar("T")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_ADAPTERS: dict[Any, TypeAdapter[Any]] = {}
_NO_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)


def storable(value: T) -> T:
    """Replace the characters that Postgres refuses, in texts and in whatever holds texts."""
    return cast("T", _storable(value))


def _storable(value: Any) -> Any:
    match value:
        case Enum():
            return value
        case str():
            return _UNSTORABLE.sub(_REPLACEMENT, value)
        case tuple() | list():
            return type(value)(map(_storable, value))
        case dict():
            return {_storable(name): _storable(part) for name, part in value.items()}
        case _ if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{field.name: _storable(getattr(value, field.name)) for field in fields(value)})
        case _:
            return value


def document(value: object) -> bytes:
    """Write rows, or a domain value, as JSON that Postgres can store."""
    written = exact_document(value)
    return _written(storable(value)) if b"\\u0000" in written else written


def exact_document(value: object) -> bytes:
    """Write a domain value as JSON for a column of bytes, where NUL may stand: it is read back as it was.

    Only half of a UTF-16 pair, for which there are no bytes, is still replaced.
    """
    try:
        return _written(value)
    except PydanticSerializationError:
        return _written(storable(value))


def _written(value: object) -> bytes:
    """Write JSON; a domain value by its type, which is several times faster than by looking at each part."""
    return _adapter(type(value)).dump_json(value) if is_dataclass(value) else to_json(value)


def digest(written: bytes) -> str:
    """Give the digest that stands for a document: 64 hex digits."""
    return hashlib.sha256(written).hexdigest()


def snapshot_document(snapshot: Snapshot) -> bytes:
    """Write a snapshot without its moment, so that two are equal when what was read is.

    What we write ourselves is nothing new, and no decision rests on it: the contexts `tide` are left out, and UNSTABLE,
    which one of them alone makes of CLEAN, is the same.
    """
    return exact_document(replace(snapshot, now=_NO_MOMENT, pulls=tuple(map(_without_own_status, snapshot.pulls))))


def _without_own_status(view: PullView) -> PullView:
    pull = view.pull
    others = tuple(one for one in pull.contexts if one.name != TIDE_CONTEXT)
    state = MergeState.CLEAN if pull.merge_state is MergeState.UNSTABLE else pull.merge_state
    if len(others) == len(pull.contexts) and state is pull.merge_state:
        return view
    return replace(view, pull=replace(pull, contexts=others, merge_state=state))


def packed(written: bytes) -> bytes:
    """Compress a document."""
    return zlib.compress(written)


def snapshot_from(body: bytes, now: datetime) -> Snapshot:
    """Read a packed snapshot back, as of the moment `now`."""
    return replace(parsed(Snapshot, _unpacked(body)), now=now)


def decision_from(body: bytes) -> Decision:
    """Read a packed decision back."""
    return parsed(Decision, _unpacked(body))


def parsed(kind: type[T], written: bytes | str) -> T:
    """Read a domain value from its document; raise Unreadable when it is no such value."""
    try:
        return cast("T", _adapter(kind).validate_json(written))
    except ValidationError as error:
        raise Unreadable(f"a stored {kind.__name__} cannot be read: {error.errors()[0]['msg']}") from error


def _adapter(kind: Any) -> TypeAdapter[Any]:
    """Give the reader of a kind of value; making one takes long, so each is made once, when it is needed."""
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def _unpacked(body: bytes) -> bytes:
    try:
        return zlib.decompress(body)
    except zlib.error as error:
        raise Unreadable(f"a stored document cannot be unpacked: {error}") from error
