"""The sandbox's schema says nothing that GitHub's published one doesn't say in the same way."""

from collections.abc import Iterator, Mapping

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    is_required_argument,
    is_required_input_field,
    is_specified_scalar_type,
    print_ast,
)

from tide.sandbox.graphql.schema import github_schema


def differences(ours: GraphQLSchema, published: GraphQLSchema) -> list[str]:
    """Return what `ours` says otherwise than `published`, each as one line."""
    return [
        line
        for name, kind in sorted(ours.type_map.items())
        if not (name.startswith("__") or is_specified_scalar_type(kind))
        for line in _type_differences(kind, published.type_map.get(name))
    ]


def _type_differences(ours: GraphQLNamedType, published: GraphQLNamedType | None) -> Iterator[str]:
    if type(published) is not type(ours):
        yield f"{ours.name} is no {type(ours).__name__} there"
    elif isinstance(ours, GraphQLObjectType | GraphQLInterfaceType):
        assert isinstance(published, GraphQLObjectType | GraphQLInterfaceType)
        yield from _field_differences(ours, published)
        yield from _missing(f"{ours.name} implements", ours.interfaces, published.interfaces)
    elif isinstance(ours, GraphQLEnumType):
        assert isinstance(published, GraphQLEnumType)
        yield from (f"{ours.name} has no {value}" for value in ours.values if value not in published.values)
    elif isinstance(ours, GraphQLUnionType):
        assert isinstance(published, GraphQLUnionType)
        yield from _missing(f"{ours.name} holds", ours.types, published.types)
    elif isinstance(ours, GraphQLInputObjectType):
        assert isinstance(published, GraphQLInputObjectType)
        yield from _input_differences(ours.name, ours.fields, published.fields)


def _missing(what: str, ours: tuple[GraphQLNamedType, ...], published: tuple[GraphQLNamedType, ...]) -> Iterator[str]:
    names = {kind.name for kind in published}
    yield from (f"{what} no {kind.name}" for kind in ours if kind.name not in names)


def _field_differences(
    ours: GraphQLObjectType | GraphQLInterfaceType, published: GraphQLObjectType | GraphQLInterfaceType
) -> Iterator[str]:
    for name, field in ours.fields.items():
        place = f"{ours.name}.{name}"
        if name not in published.fields:
            yield f"{place} is not there"
            continue
        if str(field.type) != str(published.fields[name].type):
            yield f"{place} is a {published.fields[name].type}, not a {field.type}"
        yield from _input_differences(place, field.args, published.fields[name].args)


def _input_differences(
    place: str,
    ours: Mapping[str, GraphQLArgument] | Mapping[str, GraphQLInputField],
    published: Mapping[str, GraphQLArgument] | Mapping[str, GraphQLInputField],
) -> Iterator[str]:
    for name, value in ours.items():
        other = published.get(name)
        if other is None:
            yield f"{place}({name}) is not there"
        elif str(value.type) != str(other.type):
            yield f"{place}({name}) is a {other.type}, not a {value.type}"
        elif _default(value) != _default(other):
            yield f"{place}({name}) is {_default(other)} by default, not {_default(value)}"
    for name, other in published.items():
        required = is_required_argument(other) if isinstance(other, GraphQLArgument) else is_required_input_field(other)
        if required and name not in ours:
            yield f"{place}({name}) is required there"


def _default(value: GraphQLArgument | GraphQLInputField) -> str:
    written = value.ast_node.default_value if value.ast_node else None
    return print_ast(written) if written else "nothing"


@pytest.mark.published
def test_the_sandboxs_schema_is_a_subset_of_githubs(published_schema: GraphQLSchema) -> None:
    assert differences(github_schema(), published_schema) == []


@pytest.mark.parametrize(
    ("published", "difference"),
    [
        ("type Query { pulls(first: Int): Int! }", "Query.pulls is a Int!, not a Int"),
        ("type Query { pulls(first: Int!): Int }", "Query.pulls(first) is a Int!, not a Int"),
        ("type Query { pulls(first: Int = 3): Int }", "Query.pulls(first) is 3 by default, not nothing"),
        ("type Query { pulls: Int }", "Query.pulls(first) is not there"),
        ("type Query { pulls(first: Int, states: Int!): Int }", "Query.pulls(states) is required there"),
        ("type Query { issues: Int }", "Query.pulls is not there"),
        ("interface Query { pulls(first: Int): Int }", "Query is no GraphQLObjectType there"),
    ],
)
def test_a_difference_is_noticed(published: str, difference: str) -> None:
    ours = build_schema("type Query { pulls(first: Int): Int }")
    assert difference in differences(ours, build_schema(published, assume_valid=True))
