import pytest
from graphql import GraphQLSchema, build_ast_schema, parse

from tests.contract.published import fetch

PACKAGE, VERSION = "@octokit/graphql-schema", "15.26.1"


@pytest.fixture(scope="session")
def published_schema() -> GraphQLSchema:
    """GitHub's schema as GitHub publishes it."""
    text = fetch(PACKAGE, VERSION, "schema.graphql").read_text(encoding="utf-8")
    # GitHub's own SDL defines a field twice, which a validating build refuses.
    return build_ast_schema(parse(text, no_location=True), assume_valid=True)
