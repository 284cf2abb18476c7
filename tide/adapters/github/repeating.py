"""Ask one question about many things in a single request.

A request costs a point at least, and no more where it asks for no connections, however many things it is about (GitHub
docs: Rate limits and query limits for the GraphQL API).
"""

from dataclasses import replace
from functools import cache
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    NameNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    Visitor,
    parse,
    visit,
)

from tide.adapters.github.documents import document

RATE_LIMIT = "rateLimit"


def numbered(name: str, number: int) -> str:
    """Give the name that a variable or a field of the question has for the thing of that number."""
    return f"{name}_{number}"


@cache
def repeated(name: str, count: int) -> DocumentNode:
    """Give a document that asks the question of another one about `count` things.

    Its variables and the fields that it asks for are there once for each thing, with names that are `numbered`; what is
    left of the hour's points is asked for once.

    Args:
        name: The document's name; it has one operation, and its fragments use no variables.
        count: How many things.
    """
    asked = parse(document(name), no_location=True)
    return replace(asked, definitions=tuple(_repeated(definition, count) for definition in asked.definitions))


def _repeated(definition: Any, count: int) -> Any:
    if not isinstance(definition, OperationDefinitionNode):
        return definition
    selected = definition.selection_set.selections
    numberings = [_Numbering(number) for number in range(count)]
    selections = (
        *(field for field in selected if _is_once(field)),
        *(numbering.field(field) for numbering in numberings for field in selected if not _is_once(field)),
    )
    return replace(
        definition,
        variable_definitions=tuple(
            visit(variable, numbering) for numbering in numberings for variable in definition.variable_definitions or ()
        ),
        selection_set=SelectionSetNode(selections=selections),
    )


def _is_once(field: SelectionNode) -> bool:
    return isinstance(field, FieldNode) and field.name.value == RATE_LIMIT


class _Numbering(Visitor):
    """Gives variables the names that they have for the thing of a number."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def enter_variable(self, node: VariableNode, *_: object) -> VariableNode:
        return VariableNode(name=self._named(node.name))

    def field(self, node: SelectionNode) -> SelectionNode:
        """Give the field as it is asked for about this thing."""
        field: FieldNode = visit(node, self)
        return replace(field, alias=self._named(field.alias or field.name))

    def _named(self, name: NameNode) -> NameNode:
        return NameNode(value=numbered(name.value, self._number))
