"""Send one request over the one HTTP client: the next address, time-outs, room, limits told."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from http import HTTPStatus
from typing import Any, Literal

import httpx

from tide import __version__
from tide.adapters.github.answers import Answer
from tide.adapters.github.contact import Contact
from tide.adapters.github.credentials import Grant
from tide.adapters.github.endpoints import Endpoints, is_proxy
from tide.adapters.github.limits import REFUSALS, Budget, Governor, Resource
from tide.domain.errors import Unavailable

REST_ACCEPT = "application/vnd.github+json"
HEADERS = {"X-GitHub-Api-Version": "2022-11-28", "User-Agent": f"tide/{__version__}"}
# What ghproxy tells budgets apart by, and drops its cache of a token that is over (Prow: ghproxy/ghcache).
EXPIRES_AT = "X-PROW-TOKEN-EXPIRES-AT"
BUDGET_NAME = "X-PROW-GHCACHE-TOKEN-BUDGET-IDENTIFIER"
# A proxy that the environment names must not be asked for this very host.
LOOPBACK = ("all://127.0.0.1", "all://localhost", "all://[::1]")
# Below the time that a merge may take in all, so that the next address still gets its turn.
LONGEST_CONNECT = timedelta(seconds=4)
# A proxy that is down behind a load balancer answers so; whoever asks again should ask elsewhere.
_GATEWAY_ERRORS = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})

Method = Literal["GET", "POST", "PUT", "DELETE"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where GitHub is, and how long one request to it may take."""

    rest: Endpoints
    graphql: Endpoints
    request_timeout: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request; `path` is quoted, `etag` that of an answer kept from before, `body` a JSON value.

    One that `changes_nothing` may be sent to the next address although the first one may have got it.
    """

    method: Method
    path: str
    body: Any = None
    accept: str = REST_ACCEPT
    etag: str = ""
    resource: Resource = "rest"
    changes_nothing: bool = False


class _NotSent(Unavailable):
    """The address could not be connected to, so nothing can have been carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """Sends requests, each once."""

    http: httpx.AsyncClient
    addresses: Addresses
    governor: Governor
    contact: Contact = field(default_factory=Contact)

    async def send(self, request: Request, grant: Grant) -> Answer:
        """Send a request; where an address cannot be connected to, to the next one.

        What changes nothing goes on to the next one also where a proxy fails, or nothing is answered.

        Returns:
            Whatever was answered, a refusal as well.

        Raises:
            RateLimited: It was not carried out.
            Unavailable: It may or may not have been carried out.
        """
        try:
            answer = await self._send(request, grant)
        except Unavailable as error:
            self.contact.failed(str(error))
            raise
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self.contact.failed(f"{answer.asked}: HTTP {answer.status}")
        else:
            self.contact.heard()
        return answer

    async def _send(self, request: Request, grant: Grant) -> Answer:
        endpoints = self.addresses.graphql if request.resource == "graphql" else self.addresses.rest
        problem: Unavailable | None = None
        for base in endpoints.in_turn():
            try:
                answer = await self._ask(request, grant, base)
            except Unavailable as error:
                endpoints.failed(base)
                if not (request.changes_nothing or isinstance(error, _NotSent)):
                    raise
                problem = problem or error
                continue
            if answer.status in _GATEWAY_ERRORS and is_proxy(base):
                endpoints.failed(base)
                if request.changes_nothing:
                    problem = problem or Unavailable(f"{answer.asked}: {answer.message}")
                    continue
            self._heed_limits(request, grant, answer)
            return answer
        raise problem or Unavailable("there is no address of GitHub")

    async def _ask(self, request: Request, grant: Grant, base: str) -> Answer:
        asked = f"{request.method} {base}{request.path}"
        seconds = self.addresses.request_timeout.total_seconds()
        try:
            async with self.governor.room, asyncio.timeout(seconds):
                with self.contact.asking(asked):
                    response = await self._exchange(request, grant, base)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise _NotSent(f"{asked}: {str(error) or 'no connection'}") from error
        except (TimeoutError, httpx.TimeoutException):
            raise Unavailable(f"{asked}: no answer within {seconds:g} s") from None
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise Unavailable(f"{asked}: {str(error) or type(error).__name__}") from error
        return Answer(asked, response.status_code, response.headers, response.content, grant.name)

    async def _exchange(self, request: Request, grant: Grant, base: str) -> httpx.Response:
        return await self.http.request(
            request.method,
            f"{base}{request.path}",
            headers=headers_of(request, grant, base),
            json=request.body,
            # A renamed repository answers reads with a redirect (GitHub docs: Best practices, "Follow redirects").
            follow_redirects=request.method == "GET",
        )

    def _heed_limits(self, request: Request, grant: Grant, answer: Answer) -> None:
        budget = Budget(grant.owner, request.resource)
        if answer.status in REFUSALS:
            self.governor.refuse(budget, answer.status, answer.headers, answer.message)
        else:
            self.governor.note(budget, answer.headers)


def headers_of(request: Request, grant: Grant, base: str) -> Mapping[str, str]:
    """Give the headers of a request that shows a grant to the address `base`."""
    headers = {**HEADERS, "Accept": request.accept, "Authorization": f"Bearer {grant.token}"}
    if request.etag:
        headers["If-None-Match"] = request.etag
    if is_proxy(base):
        if grant.expires_at:
            headers[EXPIRES_AT] = f"{grant.expires_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        if grant.budget_name:
            headers[BUDGET_NAME] = grant.budget_name
    return headers


def http_client(request_timeout: timedelta) -> httpx.AsyncClient:
    """Make the HTTP client. Its time-outs are for each wait; `Wire` keeps one over the whole of a request."""
    connect = min(request_timeout, LONGEST_CONNECT).total_seconds()
    timeout = httpx.Timeout(request_timeout.total_seconds(), connect=connect)
    return httpx.AsyncClient(timeout=timeout, mounts=dict.fromkeys(LOOPBACK))
