"""How Go's JSON decoder fills a struct, as pydantic types."""

import json
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Strict, model_validator

from tide.config.places import Path
from tide.domain.names import ByName
from tide.golang.durations import parse_duration
from tide.golang.yaml_reader import go_text


def _text(value: object) -> object:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return go_text(value) if isinstance(value, bool | int | float) else value


def _duration(value: object) -> timedelta:
    return parse_duration(value if isinstance(value, str) else json.dumps(value))


T = TypeVar("T")

Text = Annotated[str, BeforeValidator(_text)]
Flag = Annotated[bool, Strict(), BeforeValidator(lambda value: False if value is None else value)]
Number = Annotated[int, Strict(), BeforeValidator(lambda value: 0 if value is None else value)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
ListOf = Annotated[tuple[T, ...], BeforeValidator(lambda value: () if value is None else value)]
MapOf = Annotated[dict[str, T], BeforeValidator(lambda value: {} if value is None else value)]
NamesTo = Annotated[MapOf[T], AfterValidator(ByName)]
"""A map whose keys are names of GitHub's, or `*`."""
Opaque = dict[str, Any]


@cache
def _fields(model: type[BaseModel]) -> dict[str, str]:
    """Map the key of each field, and that in lower case, to the key."""
    keys = [field.alias or name for name, field in model.model_fields.items()]
    return {key.lower(): key for key in keys} | {key: key for key in keys}


class GoStruct(BaseModel):
    """A mapping read as Go's encoding/json reads a struct.

    A null leaves a field at its default; a key that matches no field exactly may match one in another case; what
    matches none is ignored, and kept for `unknown_keys`.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    known_to_others: ClassVar[frozenset[str]] = frozenset()
    """Keys that Prow knows and a merge queue has no use for."""

    @model_validator(mode="before")
    @classmethod
    def _fill_as_go(cls, value: object) -> object:
        if value is None:
            return {}
        if not isinstance(value, dict):
            return value
        fields = _fields(cls)
        if all(fields.get(key) == key for key in value):
            given = value
        else:
            given = {fields.get(key) or fields.get(key.lower(), key): value[key] for key in sorted(value)}
        return {key: item for key, item in given.items() if item is not None}


def unknown_keys(value: object, path: Path = ()) -> Iterator[Path]:
    """List the paths of the keys that Prow does not know."""
    if isinstance(value, GoStruct):
        for key in value.model_extra or ():
            if key not in value.known_to_others:
                yield *path, key
        for name, field in type(value).model_fields.items():
            yield from unknown_keys(getattr(value, name), (*path, field.alias or name))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from unknown_keys(item, (*path, index))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from unknown_keys(item, (*path, key))
