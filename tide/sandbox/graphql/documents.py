"""Query texts, parsed and validated once each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from graphql import FieldNode, GraphQLError, OperationDefinitionNode, Visitor, parse, validate, visit

from tide.sandbox.graphql.schema import github_schema

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from graphql import DocumentNode

KEPT_DOCUMENTS = 256
TOKEN_LIMIT = 20_000
"""Longest query in tokens, so that a hostile one ends early; GitHub's own limit is not published."""


@dataclass(frozen=True)
class PreparedDocument:
    """A valid document with the names of all its fields."""

    document: DocumentNode
    field_names: frozenset[str]

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """Return the operation of that name, or the only one.

        Raises:
            GraphQLError: there is none, or several and no name.
        """
        operations = [each for each in self.document.definitions if isinstance(each, OperationDefinitionNode)]
        named = [each for each in operations if name is None or (each.name is not None and each.name.value == name)]
        if len(named) != 1:
            raise GraphQLError(f'No operation named "{name}"' if name else "An operation name is required")
        return named[0]


@lru_cache(KEPT_DOCUMENTS)
def prepared_document(text: str) -> PreparedDocument | Sequence[GraphQLError]:
    """Return the document of a query text, or what is wrong with it; clients send few texts, many times."""
    try:
        document = parse(text, max_tokens=TOKEN_LIMIT)
    except GraphQLError as error:
        return (error,)
    return tuple(validate(github_schema(), document)) or PreparedDocument(document, _field_names(document))


def _field_names(document: DocumentNode) -> frozenset[str]:
    names: set[str] = set()

    class Collect(Visitor):
        def enter_field(self, node: FieldNode, *_: Any) -> None:
            names.add(node.name.value)

    visit(document, Collect())
    return frozenset(names)
