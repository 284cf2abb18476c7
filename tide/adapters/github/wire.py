"""Send one request over the one HTTP client: the next address, time-outs, room, limits told."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import quote

import httpx

from tide import __version__
from tide.adapters.github.answers import Answer
from tide.adapters.github.contact import Contact
from tide.adapters.github.credentials import Grant
from tide.adapters.github.endpoints import Endpoints, is_proxy
from tide.adapters.github.host_clock import HostClock
from tide.adapters.github.limits import REFUSALS, Budget, Governor, Resource
from tide.adapters.http_client import LOOPBACK, TrustingClient
from tide.domain.errors import BadAnswer, Unavailable

REST_ACCEPT = "application/vnd.github+json"
HEADERS = {"X-GitHub-Api-Version": "2022-11-28", "User-Agent": f"tide/{__version__}"}
# What ghproxy tells budgets apart by, and drops its cache of a token that is over (Prow: ghproxy/ghcache).
EXPIRES_AT = "X-PROW-TOKEN-EXPIRES-AT"
BUDGET_NAME = "X-PROW-GHCACHE-TOKEN-BUDGET-IDENTIFIER"
# Below the time that a merge may take in all, so that the next address still gets its turn.
LONGEST_CONNECT = timedelta(seconds=4)
# A proxy that is down behind a load balancer answers so; whoever asks again should ask elsewhere.
_GATEWAY_ERRORS = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})

_MOST_REDIRECTS = 5

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

    http: TrustingClient
    addresses: Addresses
    governor: Governor
    clock: HostClock
    contact: Contact = field(default_factory=Contact)

    async def send(self, request: Request, grant: Grant) -> Answer:
        """Send a request; where an address cannot be connected to, to the next one.

        What changes nothing goes on to the next one also where a proxy fails, or nothing is answered.

        Returns:
            Whatever was answered, a refusal as well.

        Raises:
            RateLimited: It was not carried out.
            Unavailable: It may or may not have been carried out.
            BadAnswer: It leads to a server that is none of ours.
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
        asked, asked_at = f"{request.method} {base}{request.path}", self.clock.asking()
        seconds = self.addresses.request_timeout.total_seconds()
        try:
            async with self.governor.room, asyncio.timeout(seconds):
                with self.contact.asking(asked):
                    response = await self._exchange(request, grant, base)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise _NotSent(f"{asked}: {str(error) or 'no connection'}") from error
        except (TimeoutError, httpx.TimeoutException):
            raise Unavailable(f"{asked}: no answer within {seconds:g} s") from None
        except (httpx.RequestError, httpx.InvalidURL, OSError) as error:
            # An OSError: whom to trust cannot be read, or TLS was refused while the answer was read.
            raise Unavailable(f"{asked}: {str(error) or type(error).__name__}") from error
        self.clock.heard(response.headers, asked_at)
        return Answer(asked, response.status_code, response.headers, response.content, grant.name)

    async def _exchange(self, request: Request, grant: Grant, base: str) -> httpx.Response:
        """Send a request; follow where a read is redirected to, as long as that is one of our addresses.

        A renamed repository answers reads with a redirect (GitHub docs: Best practices, "Follow redirects"). Another
        server gets no token, and what it says is not GitHub's word.
        """
        headers, url = headers_of(request, grant, base), httpx.URL(f"{base}{request.path}")
        async with self.http.lent() as http:
            for _ in range(_MOST_REDIRECTS):
                response = await http.request(request.method, url, headers=headers, json=request.body)
                if request.method != "GET" or response.next_request is None:
                    return response
                url = self._followed(url, response.next_request.url, base)
        raise BadAnswer(f"{request.method} {base}{request.path}: redirected on and on")

    def _followed(self, url: httpx.URL, onward: httpx.URL, base: str) -> httpx.URL:
        if _origin(onward) not in {_origin(httpx.URL(one)) for one in (base, *self.addresses.rest.bases)}:
            raise BadAnswer(f"GET {url}: it leads to {onward.scheme}://{onward.netloc.decode()}, which is not asked")
        # What stands before an @ would be shown in the place of our token.
        return onward.copy_with(userinfo=b"")

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
            headers[BUDGET_NAME] = quote(grant.budget_name, safe=" ")
    return headers


@asynccontextmanager
async def http_client(request_timeout: timedelta) -> AsyncIterator[TrustingClient]:
    """Give the HTTP client. Its time-outs are for each wait; `Wire` keeps one over the whole of a request."""
    connect = min(request_timeout, LONGEST_CONNECT).total_seconds()
    timeout = httpx.Timeout(request_timeout.total_seconds(), connect=connect)

    def make(context: ssl.SSLContext) -> httpx.AsyncClient:
        return httpx.AsyncClient(verify=context, timeout=timeout, mounts=dict.fromkeys(LOOPBACK))

    client = TrustingClient(make)
    try:
        yield client
    finally:
        await client.close()


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
