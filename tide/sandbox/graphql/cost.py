"""What a query costs, worked out before it runs from its text and variables.

Source: GitHub docs, "Rate limits and query limits for the GraphQL API". Points: the requests needed to fulfil each
unique connection, every page taken as full, divided by 100 and rounded, at least 1. Nodes: what all pages could hold
together. One deviation is measured (kubernetes/test-infra#19743, Tide's query): 37 pull requests a page cost 1 point,
38-62 cost 2, 63-87 cost 3, 88-99 cost 4. That is 1 + 4·page, not the rule's 1 + 6·page: the connections which the
pull request brings along (:data:`UNCHARGED`) are not charged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    get_named_type,
    is_object_type,
)
from graphql.execution.values import VariableValues, get_argument_values
from graphql.type import GraphQLInterfaceType, GraphQLObjectType

from tide.sandbox.graphql.errors import GithubError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphql import DocumentNode, GraphQLNamedType, GraphQLSchema, SelectionSetNode

PAGE_LIMIT = 100
NODE_LIMIT = 500_000
ID_LIMIT = 100
POINTS_DIVISOR = 100

UNCHARGED = frozenset({("PullRequest", "commits"), ("PullRequest", "labels")})

Path = tuple[str, ...]


@dataclass(frozen=True)
class Cost:
    """The points a query takes and the most nodes it could return."""

    points: int
    nodes: int


@dataclass
class _Count:
    """The walk's findings by response path: a connection asked for twice at one path is one connection."""

    requests: dict[Path, int] = field(default_factory=dict)
    nodes: dict[Path, int] = field(default_factory=dict)
    errors: list[GithubError] = field(default_factory=list)


@dataclass(frozen=True)
class _Walk:
    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: VariableValues
    count: _Count

    def selections(self, selection_set: SelectionSetNode | None, parent: Any, times: int, path: Path) -> None:
        """Count what a selection set asks for when its parent stands ``times`` times."""
        for selection in selection_set.selections if selection_set else ():
            if isinstance(selection, FieldNode):
                self._field(selection, parent, times, path)
            elif isinstance(selection, FragmentSpreadNode):
                fragment = self.fragments[selection.name.value]
                self.selections(fragment.selection_set, self._type(fragment.type_condition.name.value), times, path)
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                narrowed = self._type(condition.name.value) if condition else parent
                self.selections(selection.selection_set, narrowed, times, path)

    def _type(self, name: str) -> GraphQLNamedType:
        return self.schema.type_map[name]

    def _field(self, node: FieldNode, parent: Any, times: int, path: Path) -> None:
        name = node.name.value
        fields = parent.fields if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType) else {}
        if name not in fields:
            return
        definition = fields[name]
        below = (*path, (node.alias or node.name).value)
        arguments = get_argument_values(definition, node, self.variables)
        kind = get_named_type(definition.type)
        if is_object_type(kind) and kind.name.endswith("Connection"):
            times = self._connection(node, arguments, (parent.name, name), times, below)
        elif "ids" in arguments:
            times = self._ids(node, arguments["ids"], times, below)
        self.selections(node.selection_set, kind, times, below)

    def _connection(
        self, node: FieldNode, arguments: Mapping[str, Any], field_: tuple[str, str], times: int, path: Path
    ) -> int:
        size = self._page_size(node, arguments, path)
        if field_ not in UNCHARGED:
            self.count.requests[path] = times
        self.count.nodes[path] = times * size
        return times * size

    def _page_size(self, node: FieldNode, arguments: Mapping[str, Any], path: Path) -> int:
        given = {key: arguments[key] for key in ("first", "last") if arguments.get(key) is not None}
        kind, message = _complaint(node.name.value, given)
        if message:
            self.count.errors.append(GithubError(kind, message, nodes=[node], path=path))
            return 0
        return int(next(iter(given.values())))

    def _ids(self, node: FieldNode, ids: list[str], times: int, path: Path) -> int:
        if len(ids) > ID_LIMIT:
            message = f"You may not provide more than {ID_LIMIT} node ids; you provided {len(ids)}."
            self.count.errors.append(GithubError("ARGUMENT_LIMIT", message, nodes=[node], path=path))
        self.count.nodes[path] = times * len(ids)
        return times * len(ids)


def _complaint(name: str, given: Mapping[str, int]) -> tuple[str | None, str]:
    """Return GitHub's error type and text about the page size of a connection, an empty text where it is good."""
    if not given:
        message = f"You must provide a `first` or `last` value to properly paginate the `{name}` connection."
        return "MISSING_PAGINATION_BOUNDARIES", message
    if len(given) > 1:
        return None, f"Passing both `first` and `last` to paginate the `{name}` connection is not supported."
    ((argument, size),) = given.items()
    if size < 0:
        return None, f"`{argument}` on the `{name}` connection cannot be less than zero."
    if size > PAGE_LIMIT:
        message = (
            f"Requesting {size} records on the `{name}` connection exceeds the `{argument}` limit of "
            f"{PAGE_LIMIT} records."
        )
        return "EXCESSIVE_PAGINATION", message
    return None, ""


def price(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, variables: VariableValues
) -> Cost | list[GithubError]:
    """Return what one operation of a valid document costs, or why GitHub would not run it.

    Args:
        schema: the schema that the document is valid in.
        document: the whole document, for its fragments.
        operation: the one to run.
        variables: coerced values, defaults filled in.
    """
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    count = _Count()
    _Walk(schema, fragments, variables, count).selections(operation.selection_set, schema.query_type, 1, ())
    nodes = sum(count.nodes.values())
    if count.errors:
        return count.errors
    if nodes > NODE_LIMIT:
        message = (
            f"This query requests up to {nodes:,} possible nodes which exceeds the maximum limit of {NODE_LIMIT:,}."
        )
        return [GithubError("MAX_NODE_LIMIT_EXCEEDED", message)]
    # Halves go up: Python's round() would send 250 requests to 2 points.
    points = (sum(count.requests.values()) + POINTS_DIVISOR // 2) // POINTS_DIVISOR
    return Cost(max(1, points), nodes)
