"""``POST /graphql``: who asks, what it costs, and the answer in GitHub's shapes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphql import ExecutionResult, GraphQLError, OperationType, execute
from graphql.execution.values import get_variable_values
from starlette.responses import JSONResponse
from starlette.routing import Route

from tide.sandbox.graphql.cost import Cost, price
from tide.sandbox.graphql.documents import PreparedDocument, prepared_document
from tide.sandbox.graphql.errors import as_json, rate_limited
from tide.sandbox.graphql.query import QueryView
from tide.sandbox.graphql.reading import Reading
from tide.sandbox.graphql.schema import github_schema
from tide.sandbox.tokens import BAD_CREDENTIALS, BadCredentialsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request

    from tide.sandbox.graphql.search_index import SearchIndex
    from tide.sandbox.rate_limits import RateLimits, Spent, Standing
    from tide.sandbox.state import Forge
    from tide.sandbox.tokens import Caller, Tokens

DOCUMENTATION = "https://docs.github.com/graphql"


@dataclass(frozen=True)
class Question:
    """A request's body, checked for its types."""

    query: str
    variables: dict[str, Any]
    operation_name: str | None


@dataclass
class GraphqlEndpoint:
    """The GraphQL endpoint of one forge.

    Args:
        forge: what is read.
        tokens: who may ask.
        rate_limits: what they pay from.
        index: what search sees.
    """

    forge: Forge
    tokens: Tokens
    rate_limits: RateLimits
    index: SearchIndex

    async def __call__(self, request: Request) -> JSONResponse:
        """Answer a request."""
        try:
            caller = self.tokens.caller(request.headers.get("authorization"))
        except BadCredentialsError as error:
            return _refusal(401, str(error))
        if caller.app is not None:
            return _refusal(401, BAD_CREDENTIALS)
        if caller.anonymous:
            return _refusal(401, "This endpoint requires you to be authenticated.")
        question = _question(await request.body())
        if isinstance(question, str):
            return _refusal(400, question)
        return await self.answer(caller, question, str(request.base_url).rstrip("/"))

    async def answer(self, caller: Caller, question: Question, url: str) -> JSONResponse:
        """Answer a question of someone known: check, price, take the points, execute; web pages are below ``url``."""
        prepared = prepared_document(question.query)
        if not isinstance(prepared, PreparedDocument):
            return self._failed(caller, prepared)
        cost = _price(prepared, question)
        if not isinstance(cost, Cost):
            return self._failed(caller, cost)
        spent = self.rate_limits.spend(caller.account, "graphql", cost.points)
        if spent.refused is not None:
            return self._refused(caller, spent)
        reading = Reading(
            forge=self.forge,
            index=self.index,
            caller=caller,
            url=url,
            cost=cost,
            standing=spent.standing,
            field_names=prepared.field_names,
        )
        return _response(_content(await _execute(prepared, question, reading)), spent.standing)

    def _failed(self, caller: Caller, errors: Sequence[GraphQLError]) -> JSONResponse:
        """Answer a query that does not run; GitHub takes no points for it."""
        standing = self.rate_limits.standing(caller.account, "graphql")
        return _response({"errors": [as_json(error) for error in errors]}, standing)

    def _refused(self, caller: Caller, spent: Spent) -> JSONResponse:
        if spent.refused == "secondary":
            message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
            return _refusal(403, message, {"Retry-After": str(spent.retry_after), **spent.standing.headers()})
        account = self.forge.account(caller.login)
        return _response({"errors": [rate_limited(account.id)]}, spent.standing)


def routes(forge: Forge, tokens: Tokens, rate_limits: RateLimits, index: SearchIndex) -> list[Route]:
    """Return what the server mounts: ``/graphql``, and ``/api/graphql`` where GitHub Enterprise has it."""
    endpoint = GraphqlEndpoint(forge, tokens, rate_limits, index)
    return [Route(path, endpoint.__call__, methods=["POST"]) for path in ("/graphql", "/api/graphql")]


def _question(body: bytes) -> Question | str:
    """Return the question of a body, or what GitHub says about a body that is none."""
    try:
        content = json.loads(body)
    except ValueError:
        return "Problems parsing JSON"
    if not isinstance(content, dict) or not isinstance(content.get("query"), str):
        return "A query attribute must be specified and must be a string."
    variables, name = content.get("variables") or {}, content.get("operationName")
    if not isinstance(variables, dict):
        return "Variables are invalid: they must be an object."
    return Question(content["query"], variables, name if isinstance(name, str) and name else None)


def _price(prepared: PreparedDocument, question: Question) -> Cost | Sequence[GraphQLError]:
    try:
        operation = prepared.operation(question.operation_name)
    except GraphQLError as error:
        return [error]
    if operation.operation is not OperationType.QUERY:
        return [GraphQLError("Schema is not configured for mutations", [operation])]
    variables = get_variable_values(github_schema(), operation.variable_definitions or (), question.variables)
    if isinstance(variables, list):
        return variables
    return price(github_schema(), prepared.document, operation, variables)


async def _execute(prepared: PreparedDocument, question: Question, reading: Reading) -> ExecutionResult:
    running = execute(
        github_schema(),
        prepared.document,
        root_value=QueryView(reading),
        variable_values=question.variables,
        operation_name=question.operation_name,
    )
    result = running if isinstance(running, ExecutionResult) else await running
    for error in result.errors or ():
        if error.original_error is not None and not isinstance(error.original_error, GraphQLError):
            # A mistake in the sandbox must not pass for an answer of GitHub's.
            raise error.original_error
    return result


def _content(result: ExecutionResult) -> dict[str, Any]:
    content: dict[str, Any] = {"data": result.data}
    if result.errors:
        content["errors"] = [as_json(error) for error in result.errors]
    return content


def _response(content: Mapping[str, Any], standing: Standing) -> JSONResponse:
    return JSONResponse(content, headers={"X-GitHub-Media-Type": "github.v4; format=json", **standing.headers()})


def _refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    content = {"message": message, "documentation_url": DOCUMENTATION, "status": str(status)}
    return JSONResponse(content, status_code=status, headers=dict(headers or {}))
