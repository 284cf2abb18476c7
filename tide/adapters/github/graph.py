"""Send the GraphQL documents, and keep what a partial answer has."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from gql import Client as GqlClient
from gql import GraphQLRequest
from gql.client import AsyncClientSession
from gql.transport.exceptions import TransportQueryError
from graphql import DocumentNode, parse

from tide.adapters.github.client import Client
from tide.adapters.github.documents import document
from tide.adapters.github.graph_errors import NOT_FOUND, GraphError, errors_of
from tide.adapters.github.repeating import numbered, repeated
from tide.adapters.github.transport import ClientTransport
from tide.ports.clock import Clock


@dataclass(frozen=True, slots=True)
class GraphAnswer:
    """The data of an answer and the errors that explain its nulls; it is not older than `asked_at`."""

    data: Mapping[str, Any]
    asked_at: datetime
    errors: tuple[GraphError, ...] = ()

    def errors_at(self, *path: str | int) -> tuple[GraphError, ...]:
        """Give the errors at or below a place in the data."""
        return tuple(error for error in self.errors if error.path[: len(path)] == path)

    def require(self, *path: str | int) -> None:
        """Raise the first error at or below a place; return when there is none, or the thing does not exist."""
        for error in self.errors_at(*path):
            if error.kind != NOT_FOUND:
                raise error.as_error()


class Graph:
    """Sends documents in one gql session."""

    def __init__(self, session: AsyncClientSession, clock: Clock) -> None:
        self._session = session
        self.clock = clock

    async def ask(
        self, name: str, variables: Mapping[str, Any], *, org: str = "", with_reviews: bool = False
    ) -> GraphAnswer:
        """Send a document.

        Args:
            name: Its file's name without the ending.
            variables: Its variables.
            org: The organisation that it is about, "" for none or several.
            with_reviews: Whether the reviews of pull requests are asked for, too.

        Raises:
            RemoteError: Nothing could be read.
        """
        return await self._send(_parsed(name, with_reviews=with_reviews), variables, org)

    async def ask_of_many(self, name: str, things: Sequence[Mapping[str, Any]], *, org: str = "") -> GraphAnswer:
        """Send a document once that asks about many things (see `repeating`).

        Args:
            name: Its file's name without the ending.
            things: The variables for each of them; what is said of each is under a name that is `numbered`.
            org: The organisation that all of them are in, "" for none or several.

        Raises:
            RemoteError: Nothing could be read.
        """
        variables = {numbered(key, number): value for number, one in enumerate(things) for key, value in one.items()}
        return await self._send(repeated(name, len(things)), variables, org)

    async def _send(self, document_: DocumentNode, variables: Mapping[str, Any], org: str) -> GraphAnswer:
        request, asked_at = GraphQLRequest(document_, variable_values=dict(variables)), self.clock.now()
        try:
            data = await self._session.execute(request, org=org)
        except TransportQueryError as error:
            return GraphAnswer(error.data or {}, asked_at, errors_of(error.errors))
        return GraphAnswer(data, asked_at)


@asynccontextmanager
async def open_graph(client: Client, clock: Clock) -> AsyncIterator[Graph]:
    """Open a session for documents over a client; the clock tells how old an answer is."""
    # No time-out of gql's own (10 s by default): the client has one for each request.
    gql = GqlClient(transport=ClientTransport(client), execute_timeout=None)
    async with gql as session:
        yield Graph(session, clock)


@cache
def _parsed(name: str, *, with_reviews: bool) -> DocumentNode:
    return parse(document(name, with_reviews=with_reviews), no_location=True)
