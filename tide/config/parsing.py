"""From the text of a file to its model. What was parsed once is kept by the digest of the text."""

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from tide.config.files import ConfigFile
from tide.config.places import Path
from tide.golang import yaml_reader

M = TypeVar("M", bound=BaseModel)

_WANTED = {
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "string_type": "must be text",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "extra_forbidden": "is no field that is known here",
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a text gives no model."""

    path: Path
    message: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Parsed(Generic[M]):
    """What a text says: the tree as it is written, and its model where it could be made."""

    tree: object
    model: M | None
    troubles: tuple[Trouble, ...] = ()


class Parser:
    """Parses files, each text once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, type[BaseModel]], Parsed[Any]] = {}

    def parse(self, file: ConfigFile, model: type[M]) -> Parsed[M]:
        """Give what a file says, as an instance of `model`; an empty file is an empty mapping."""
        key = file.digest, model
        if key not in self._known:
            self._known[key] = _parse(file.text, model)
        return self._known[key]

    def forget_all_but(self, files: Iterable[ConfigFile]) -> None:
        """Drop what belongs to texts that are not in use any more."""
        digests = {file.digest for file in files}
        self._known = {key: parsed for key, parsed in self._known.items() if key[0] in digests}


@contextmanager
def without_collecting() -> Iterator[None]:
    """Keep the garbage collector out of the way while a great many objects are made that all stay.

    It would go through all of them again and again; afterwards they are no business of its either.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if was_enabled:
            gc.enable()


def _parse(text: bytes, model: type[M]) -> Parsed[M]:
    try:
        tree = yaml_reader.load(text)
    except yaml_reader.YamlError as error:
        return Parsed(None, None, (Trouble((), f"is not YAML: {error}", error.line),))
    try:
        return Parsed(tree, model.model_validate({} if tree is None else tree))
    except ValidationError as error:
        details = error.errors(include_url=False)
        return Parsed(tree, None, tuple(Trouble(detail["loc"], _message(detail)) for detail in details))


def _message(detail: Any) -> str:
    wanted = _WANTED.get(detail["type"])
    if detail["type"] == "extra_forbidden":
        return f"{detail['loc'][-1]!r} is no field that is known here"
    if wanted:
        return f"{wanted}, not {_described(detail['input'])}"
    return str(detail["msg"]).removeprefix("Value error, ")


def _described(value: object) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(value) if isinstance(value, str) else str(value)
