"""What is asked of GitHub: whose token is shown, what is counted, asked again, kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from tide.adapters.github.allowance import Allowance, is_free
from tide.adapters.github.answers import Answer, failure
from tide.adapters.github.calls import CallKind, Calls
from tide.adapters.github.credentials import Credentials, Grant
from tide.adapters.github.etags import EtagKey, Etags, Kept
from tide.adapters.github.graph_errors import limit_told, points_taken, trouble
from tide.adapters.github.limits import Budget, Governor
from tide.adapters.github.retries import Patience, retrying
from tide.adapters.github.wire import REST_ACCEPT, Method, Request, Wire
from tide.domain.errors import BadAnswer, RateLimited

# Older GitHub Enterprise Servers give mergeStateStatus, canBeRebased and check runs only to those who ask for the
# previews (Prow: github/client.go, addHeaderTransport).
GRAPHQL_ACCEPT = "application/vnd.github.antiope-preview+json, application/vnd.github.merge-info-preview+json"

PAGE_SIZE = 100
MOST_PAGES = 100


@dataclass(slots=True, kw_only=True)
class Client:
    """Sends requests to GitHub.

    Reads (GET, GraphQL queries) are tried again after what may pass; writes are sent once. Limits and kept answers
    are those of whoever the shown token belongs to. Of what `allowance` counts reads wait, writes never.
    """

    wire: Wire
    credentials: Credentials
    calls: Calls
    patience: Patience = field(default_factory=Patience)
    allowance: Allowance = field(default_factory=Allowance)
    etags: Etags = field(default_factory=Etags)

    @property
    def governor(self) -> Governor:
        """What holds requests back."""
        return self.wire.governor

    async def get(self, path: str, *, org: str) -> Any:
        """Read a resource now; an unchanged one costs nothing.

        Args:
            path: Quoted, with the slash at its beginning.
            org: The organisation that it belongs to, "" for none.

        Returns:
            The JSON value.

        Raises:
            RemoteError: By the table in `answers`; RateLimited when the wait would be too long.
        """
        return await retrying(self.patience, self.governor.is_worth_waiting)(self.get_once, path, org)

    async def get_all(self, path: str, *, org: str) -> list[Any]:
        """Read all pages of a list; raise as `get` does."""
        found: list[Any] = []
        for page in range(1, MOST_PAGES + 1):
            listed = await self.get(f"{path}?per_page={PAGE_SIZE}&page={page}", org=org)
            if not isinstance(listed, list):
                raise BadAnswer(f"{path}: the answer is not a list")
            found += listed
            if len(listed) < PAGE_SIZE:
                return found
        raise BadAnswer(f"{path}: the list does not end")

    async def get_once(self, path: str, org: str) -> Any:
        """Do what `get` does without trying again."""
        grant = await self.credentials.grant(org)
        await self._admit_read(Budget(grant.owner, "rest"))
        key = EtagKey(path, REST_ACCEPT, grant.owner)
        kept = self.etags.find(key)
        request = Request(method="GET", path=path, etag=kept.etag if kept else "", changes_nothing=True)
        answer = await self._read(request, grant, kept)
        self.etags.keep(key, answer)
        return answer.json()

    async def _read(self, request: Request, grant: Grant, kept: Kept | None) -> Answer:
        kind = CallKind.REST_GET
        try:
            answer = await self.wire.send(request, grant)
            if answer.status == HTTPStatus.NOT_MODIFIED and kept:
                kind = CallKind.REST_NOT_MODIFIED
                self.allowance.give_back()
                return kept.answer
        finally:
            self.calls.count(kind)
        if is_free(answer.headers):
            self.allowance.give_back()
        self._raise_for(answer, grant)
        return answer

    async def write(self, method: Method, path: str, body: Mapping[str, Any] | None, *, org: str) -> Answer:
        """Send a change, once.

        Returns:
            The answer; one below 500 that refuses the change is the caller's to understand.

        Raises:
            RateLimited: It was not carried out.
            Unauthorized: Likewise, for the token is refused.
            Unavailable: It may or may not have been carried out.
        """
        grant = await self.credentials.grant(org)
        await self.governor.admit_write(Budget(grant.owner, "rest"))
        # Never waited for: the right to act ends with a lease.
        self.allowance.spend()
        self.calls.count(CallKind.REST_WRITE)
        answer = await self.wire.send(Request(method=method, path=path, body=body), grant)
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status == HTTPStatus.UNAUTHORIZED:
            self._raise_for(answer, grant)
        return answer

    async def graphql(self, payload: Mapping[str, Any], *, org: str) -> dict[str, Any]:
        """Send a GraphQL query; give its answer, which may have `data` and `errors` at once.

        Raises:
            RemoteError: Nothing of the data could be read; see `graph_errors`.
        """
        return await retrying(self.patience, self.governor.is_worth_waiting)(self.graphql_once, payload, org)

    async def graphql_once(self, payload: Mapping[str, Any], org: str) -> dict[str, Any]:
        """Do what `graphql` does without trying again."""
        grant = await self.credentials.grant(org)
        budget = Budget(grant.owner, "graphql")
        await self._admit_read(budget)
        request = Request(
            method="POST", path="", body=payload, accept=GRAPHQL_ACCEPT, resource="graphql", changes_nothing=True
        )
        points = 0
        try:
            answer = await self.wire.send(request, grant)
            self._raise_for(answer, grant)
            body = answer.json()
            if not isinstance(body, dict):
                raise BadAnswer("GraphQL: the answer is not an object")
            points = points_taken(body)
        finally:
            self.calls.count(CallKind.GRAPHQL, points)
        if told := limit_told(body):
            self.governor.refuse(budget, answer.status, answer.headers, told)
        if problem := trouble(body):
            raise problem
        return body

    async def _admit_read(self, budget: Budget) -> None:
        await self.allowance.wait()
        try:
            await self.governor.admit_read(budget)
        except RateLimited:
            self.allowance.give_back()
            raise

    def _raise_for(self, answer: Answer, grant: Grant) -> None:
        if answer.status == HTTPStatus.UNAUTHORIZED:
            self.credentials.refused(grant)
        if problem := failure(answer):
            raise problem
