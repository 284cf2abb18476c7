"""The one HTTP client: where requests are sent, paced, counted, timed out, asked again."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Literal

import httpx

from tide import __version__
from tide.adapters.github.answers import Answer, failure
from tide.adapters.github.calls import CallKind, Calls
from tide.adapters.github.etags import EtagKey, Etags, Kept, identity
from tide.adapters.github.graph_errors import limit_told, points_taken, trouble
from tide.adapters.github.limits import REFUSALS, Governor
from tide.adapters.github.retries import Patience, retrying
from tide.adapters.github.token import Credentials
from tide.domain.errors import BadAnswer, Unavailable

REST_ACCEPT = "application/vnd.github+json"
# Older GitHub Enterprise Servers give mergeStateStatus, canBeRebased and check runs only to those who ask for the
# previews (Prow: github/client.go, addHeaderTransport).
GRAPHQL_ACCEPT = "application/vnd.github.antiope-preview+json, application/vnd.github.merge-info-preview+json"
HEADERS = {"X-GitHub-Api-Version": "2022-11-28", "User-Agent": f"tide/{__version__}"}
# A proxy that the environment names must not be asked for this very host.
LOOPBACK = ("all://127.0.0.1", "all://localhost", "all://[::1]")

Method = Literal["GET", "POST", "PUT"]


class Endpoints:
    """Base addresses of one API, tried in turn: the next one after a failure to connect (Prow: `--github-endpoint`).

    Args:
        bases: At least one, such as `https://api.github.com`; a slash at the end does not count.
    """

    def __init__(self, bases: Sequence[str]) -> None:
        self._bases = tuple(base.rstrip("/") for base in bases)
        self._current = 0

    @property
    def current(self) -> str:
        """The address to use now."""
        return self._bases[self._current]

    def failed(self, base: str) -> None:
        """Go on to the next address, unless another request has done so already."""
        if base == self.current:
            self._current = (self._current + 1) % len(self._bases)


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where GitHub is, and how long one request to it may take."""

    rest: Endpoints
    graphql: Endpoints
    request_timeout: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    method: Method
    path: str
    headers: Mapping[str, str]
    body: Any = None
    resource: Literal["rest", "graphql"] = "rest"


@dataclass(slots=True, kw_only=True)
class Client:
    """Sends requests to GitHub.

    Reads (GET, GraphQL queries) are tried again after what may pass; writes are sent once.
    """

    http: httpx.AsyncClient
    addresses: Addresses
    credentials: Credentials
    governor: Governor
    calls: Calls
    patience: Patience = field(default_factory=Patience)
    etags: Etags = field(default_factory=Etags)

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

    async def get_once(self, path: str, org: str) -> Any:
        """Do what `get` does without trying again."""
        await self.governor.admit_read("rest")
        headers = await self._headers(org)
        key = EtagKey(path, REST_ACCEPT, identity(headers.get("Authorization", "")))
        kept = self.etags.find(key)
        if kept:
            headers["If-None-Match"] = kept.etag
        answer = await self._read(_Request(method="GET", path=path, headers=headers), kept)
        self.etags.keep(key, answer)
        return answer.json()

    async def _read(self, request: _Request, kept: Kept | None) -> Answer:
        kind = CallKind.REST_GET
        try:
            answer = await self._send(request)
            if answer.status == HTTPStatus.NOT_MODIFIED and kept:
                kind = CallKind.REST_NOT_MODIFIED
                return kept.answer
        finally:
            self.calls.count(kind)
        self._raise_for(answer)
        return answer

    async def write(self, method: Method, path: str, body: Mapping[str, Any], *, org: str) -> Answer:
        """Send a change, once.

        Returns:
            The answer; one below 500 that refuses the change is the caller's to understand.

        Raises:
            RateLimited: It was not carried out.
            Unauthorized: Likewise, for the token is refused.
            Unavailable: It may or may not have been carried out.
        """
        await self.governor.admit_write("rest")
        headers = await self._headers(org)
        self.calls.count(CallKind.REST_WRITE)
        answer = await self._send(_Request(method=method, path=path, headers=headers, body=body))
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status == HTTPStatus.UNAUTHORIZED:
            self._raise_for(answer)
        return answer

    async def graphql(self, payload: Mapping[str, Any], *, org: str) -> dict[str, Any]:
        """Send a GraphQL query; give its answer, which may have `data` and `errors` at once.

        Raises:
            RemoteError: Nothing of the data could be read; see `graph_errors`.
        """
        return await retrying(self.patience, self.governor.is_worth_waiting)(self.graphql_once, payload, org)

    async def graphql_once(self, payload: Mapping[str, Any], org: str) -> dict[str, Any]:
        """Do what `graphql` does without trying again."""
        await self.governor.admit_read("graphql")
        headers = await self._headers(org) | {"Accept": GRAPHQL_ACCEPT}
        points = 0
        try:
            answer = await self._send(
                _Request(method="POST", path="", headers=headers, body=payload, resource="graphql")
            )
            self._raise_for(answer)
            body = answer.json()
            if not isinstance(body, dict):
                raise BadAnswer("GraphQL: the answer is not an object")
            points = points_taken(body)
        finally:
            self.calls.count(CallKind.GRAPHQL, points)
        if told := limit_told(body):
            self.governor.refuse("graphql", answer.status, answer.headers, told)
        if problem := trouble(body):
            raise problem
        return body

    async def _headers(self, org: str) -> dict[str, str]:
        return {**HEADERS, "Accept": REST_ACCEPT, **await self.credentials.headers(org)}

    def _raise_for(self, answer: Answer) -> None:
        if problem := failure(answer, self.credentials.name):
            raise problem

    async def _send(self, request: _Request) -> Answer:
        endpoints = self.addresses.graphql if request.resource == "graphql" else self.addresses.rest
        base = endpoints.current
        asked = f"{request.method} {base}{request.path}"
        seconds = self.addresses.request_timeout.total_seconds()
        try:
            async with self.governor.room, asyncio.timeout(seconds):
                response = await self._exchange(request, base)
        except (TimeoutError, httpx.TimeoutException):
            endpoints.failed(base)
            raise Unavailable(f"{asked}: no answer within {seconds:g} s") from None
        except (httpx.RequestError, httpx.InvalidURL) as error:
            endpoints.failed(base)
            raise Unavailable(f"{asked}: {str(error) or type(error).__name__}") from error
        answer = Answer(asked, response.status_code, response.headers, response.content)
        self._heed_limits(request, answer)
        return answer

    async def _exchange(self, request: _Request, base: str) -> httpx.Response:
        return await self.http.request(
            request.method,
            f"{base}{request.path}",
            headers=request.headers,
            json=request.body,
            # A renamed repository answers reads with a redirect (GitHub docs: Best practices, "Follow redirects").
            follow_redirects=request.method == "GET",
        )

    def _heed_limits(self, request: _Request, answer: Answer) -> None:
        if answer.status in REFUSALS:
            self.governor.refuse(request.resource, answer.status, answer.headers, answer.message)
        else:
            self.governor.note(request.resource, answer.headers)


def http_client(request_timeout: timedelta) -> httpx.AsyncClient:
    """Make the HTTP client. Its time-outs are for each wait; `Client` keeps one over the whole of a request."""
    return httpx.AsyncClient(timeout=request_timeout.total_seconds(), mounts=dict.fromkeys(LOOPBACK))
