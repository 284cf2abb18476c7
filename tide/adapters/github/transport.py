"""The transport under gql: our own HTTP client, so that headers and the token are those of each call.

gql's own transport takes another HTTP library whenever that one is installed, and keeps its headers for good.
"""

from collections.abc import AsyncGenerator
from functools import cache

from gql import GraphQLRequest
from gql.transport import AsyncTransport
from graphql import DocumentNode, ExecutionResult, print_ast

from tide.adapters.github.client import Client


class ClientTransport(AsyncTransport):
    """Sends documents through a `Client`, which lives longer than the transport."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def connect(self) -> None:
        """Do nothing: the HTTP client connects when it is used."""

    async def close(self) -> None:
        """Do nothing: the HTTP client is closed by who made it."""

    async def execute(self, request: GraphQLRequest, *, org: str = "") -> ExecutionResult:
        """Send one document with its variables; `org` says whose credentials to show."""
        payload = {"query": _printed(request.document), "variables": request.variable_values or {}}
        body = await self._client.graphql(payload, org=org)
        return ExecutionResult(data=body.get("data"), errors=body.get("errors"), extensions=body.get("extensions"))

    def subscribe(self, request: GraphQLRequest) -> AsyncGenerator[ExecutionResult, None]:
        """Refuse: GitHub has no subscriptions."""
        raise NotImplementedError("GitHub has no subscriptions")


@cache
def _printed(document: DocumentNode) -> str:
    """Give the text of a document: gql would print it anew for each request."""
    return print_ast(document)
