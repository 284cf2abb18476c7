from typing import Any

import pytest
from graphql import OperationDefinitionNode, parse
from graphql.execution.values import VariableValues, get_variable_values

from tide.sandbox.graphql.cost import Cost, price
from tide.sandbox.graphql.schema import github_schema

# Tide asks for these connections of each pull request (Prow: tide/github.go PullRequest).
TIDE = """query($first: Int!) { search(type: ISSUE, first: $first, query: "") { nodes { ... on PullRequest {
  labels(first: 100) { nodes { name } }
  commits(last: 4) { nodes { commit { statusCheckRollup { contexts(last: 100) { nodes { __typename } } } } } }
} } } }"""


def cost_of(query: str, **variables: Any) -> Any:
    document = parse(query)
    operation = next(each for each in document.definitions if isinstance(each, OperationDefinitionNode))
    values = get_variable_values(github_schema(), operation.variable_definitions or (), variables)
    assert isinstance(values, VariableValues)
    return price(github_schema(), document, operation, values)


def errors_of(query: str, **variables: Any) -> list[tuple[str | None, list[str | int] | None, str]]:
    errors = cost_of(query, **variables)
    assert isinstance(errors, list)
    return [(error.kind, error.path, error.message) for error in errors]


@pytest.mark.parametrize(("first", "points"), [(37, 1), (38, 2), (62, 2), (63, 3), (87, 3), (88, 4), (99, 4)])
def test_tides_query_costs_what_was_measured_at_github(first: int, points: int) -> None:
    assert cost_of(TIDE, first=first).points == points


def test_the_documented_example_costs_what_the_page_says() -> None:
    # GitHub docs: 100 repositories, 50 issues each, 60 labels each: 1 + 100 + 5,000 requests are 51 points. So are
    # 100 results, 50 pull requests of the repository of each, 60 reviews of each of those.
    query = """{ search(type: ISSUE, query: "", first: 100) { nodes { ... on Issue { repository {
        pullRequests(first: 50) { nodes { latestOpinionatedReviews(first: 60) { nodes { state } } } } } } } } }"""
    assert cost_of(query) == Cost(points=51, nodes=100 + 100 * 50 + 100 * 50 * 60)


def test_a_query_without_connections_costs_one_point() -> None:
    assert cost_of("{ viewer { login } }") == Cost(points=1, nodes=0)


def test_a_connection_asked_for_twice_at_one_place_is_paid_once() -> None:
    reviews = "latestOpinionatedReviews(first: 9) { nodes { state } }"
    once = f'{{ search(type: ISSUE, query: "", first: 100) {{ nodes {{ ... on PullRequest {{ {reviews} }} }} }} }}'
    twice = f"""{{ {once[1:-1]} {once[1:-1]} ...Again }}
        fragment Again on Query {once}"""
    assert cost_of(twice) == cost_of(once)


def test_aliases_are_paid_each() -> None:
    connection = 'search(type: ISSUE, query: "", first: 100) { issueCount }'
    assert cost_of(f"{{ a: {connection} b: {connection} }}").nodes == 200


def test_node_ids_multiply_what_is_below_them() -> None:
    query = """query($ids: [ID!]!) { nodes(ids: $ids) { ... on PullRequest {
        statusCheckRollup { contexts(first: 10) { totalCount } } } } }"""
    assert cost_of(query, ids=["a"] * 100) == Cost(points=1, nodes=100 + 1000)
    ((kind, path, _),) = errors_of(query, ids=["a"] * 101)
    assert (kind, path) == ("ARGUMENT_LIMIT", ["nodes"])


def test_a_connection_without_a_size_is_refused_with_its_path() -> None:
    query = '{ repository(owner: "acme", name: "rocket") { pulls: pullRequests { nodes { id } } } }'
    assert errors_of(query) == [
        (
            "MISSING_PAGINATION_BOUNDARIES",
            ["repository", "pulls"],
            "You must provide a `first` or `last` value to properly paginate the `pullRequests` connection.",
        )
    ]


@pytest.mark.parametrize(
    ("size", "kind", "message"),
    [
        (
            101,
            "EXCESSIVE_PAGINATION",
            "Requesting 101 records on the `search` connection exceeds the `first` limit of 100 records.",
        ),
        (-1, None, "`first` on the `search` connection cannot be less than zero."),
    ],
)
def test_sizes_outside_of_0_to_100_are_refused(size: int, kind: str | None, message: str) -> None:
    query = 'query($first: Int) { search(type: ISSUE, query: "", first: $first) { issueCount } }'
    assert errors_of(query, first=size) == [(kind, ["search"], message)]


def test_first_and_last_together_are_refused() -> None:
    ((kind, _, message),) = errors_of('{ search(type: ISSUE, query: "", first: 1, last: 1) { issueCount } }')
    assert (kind, message) == (
        None,
        "Passing both `first` and `last` to paginate the `search` connection is not supported.",
    )


def test_more_than_half_a_million_nodes_are_refused() -> None:
    query = """{ search(type: ISSUE, query: "", first: 100) { nodes { ... on Issue { repository {
        pullRequests(first: 100) { nodes { latestOpinionatedReviews(first: 50) { nodes { state } } } } } } } } }"""
    assert errors_of(query) == [
        (
            "MAX_NODE_LIMIT_EXCEEDED",
            None,
            "This query requests up to 510,100 possible nodes which exceeds the maximum limit of 500,000.",
        )
    ]
