from pathlib import Path

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, parse, validate

import tide.adapters.github
from tide.adapters.github.branch_rules import AT_ONCE
from tide.adapters.github.documents import document
from tide.adapters.github.repeating import repeated
from tide.sandbox.graphql.schema import github_schema

FOLDER = Path(tide.adapters.github.__file__).parent / "documents"


def _has_operation(path: Path) -> bool:
    definitions = parse(path.read_text(encoding="utf-8")).definitions
    return any(isinstance(definition, OperationDefinitionNode) for definition in definitions)


OPERATIONS = sorted(path.stem for path in FOLDER.glob("*.graphql") if _has_operation(path))


def test_the_documents_are_found() -> None:
    assert {"search_pulls", "pull", "glance", "pulls_by_id", "head_contexts", "search_blockers"} <= {*OPERATIONS}


@pytest.mark.published
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_document_is_valid_at_github(name: str, published_schema: GraphQLSchema) -> None:
    assert validate(published_schema, parse(document(name))) == []


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_document_is_valid_in_the_sandbox(name: str) -> None:
    assert validate(github_schema(), parse(document(name))) == []


@pytest.mark.published
@pytest.mark.parametrize("name", ["search_pulls", "pull", "pulls_by_id", "glance"])
def test_a_document_with_reviews_is_valid_at_github_and_in_the_sandbox(
    name: str, published_schema: GraphQLSchema
) -> None:
    text = document(name, with_reviews=True)
    assert "latestOpinionatedReviews" in text
    for schema in (published_schema, github_schema()):
        assert validate(schema, parse(text)) == []


@pytest.mark.published
def test_a_question_about_many_things_is_valid_at_github(published_schema: GraphQLSchema) -> None:
    assert validate(published_schema, repeated("branch_rules", AT_ONCE)) == []


@pytest.mark.published
def test_a_mistake_in_a_document_would_be_noticed(published_schema: GraphQLSchema) -> None:
    wrong = document("pull").replace("headRefOid", "headRefSha")
    assert [error.message.partition(".")[0] for error in validate(published_schema, parse(wrong))] == [
        "Cannot query field 'headRefSha' on type 'PullRequest'"
    ]
