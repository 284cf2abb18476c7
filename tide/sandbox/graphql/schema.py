"""The executable schema: the SDL beside this module, with every field bound to an attribute of a view."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLAbstractType,
    GraphQLField,
    GraphQLObjectType,
    GraphQLScalarType,
    build_schema,
    is_abstract_type,
)

from tide.sandbox.graphql.repositories import RepositoryView

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from graphql import GraphQLSchema

ARGUMENT_NAMES = {"id": "node_id", "type": "kind"}
"""Arguments that Python has other uses for; the rest are only written with underscores."""


@cache
def github_schema() -> GraphQLSchema:
    """Return the sandbox's part of GitHub's schema, ready to execute against a ``QueryView``."""
    schema = build_schema(files(__package__).joinpath("schema.graphql").read_text())
    for kind in schema.type_map.values():
        if kind.name.startswith("__"):
            continue
        if isinstance(kind, GraphQLObjectType):
            _bind(kind)
        elif is_abstract_type(kind):
            kind.resolve_type = _type_name
        elif isinstance(kind, GraphQLScalarType) and kind.name == "DateTime":
            kind.coerce_output_value = _date_time
    return schema


def _bind(kind: GraphQLObjectType) -> None:
    for name, definition in kind.fields.items():
        for argument_name, argument in definition.args.items():
            argument.out_name = ARGUMENT_NAMES.get(argument_name, _underscored(argument_name))
        definition.resolve = _resolver(kind.name, name, definition)


def _resolver(kind: str, name: str, definition: GraphQLField) -> Callable[..., Any]:
    attribute = _underscored(name)
    if name == "repository" and kind != "Query":
        # Bound here because repositories show pulls and commits, which would have to show repositories.
        return lambda view, _info: RepositoryView(view.reading, view.repo)
    if definition.args:
        return lambda view, _info, **arguments: getattr(view, attribute)(**arguments)
    return lambda view, _info: getattr(view, attribute)


def _type_name(view: Any, _info: object, _kind: GraphQLAbstractType) -> str:
    name: str = view.typename
    return name


def _date_time(value: Any) -> Any:
    moment: datetime = value
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _underscored(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()
