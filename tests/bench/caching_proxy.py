"""A caching proxy before GitHub, as Prow's ghproxy is one: what it has it asks for again by its ETag, on every hit.

It keeps answers to GET with an ETag, by address, form and token, and nothing of GraphQL. It counts what goes through.
Connections serve for one request: one that is used again may be closed by the other side just then, and a write that is
lost so is not sent once more.
"""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tide.adapters.http_server import serving

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# Those of one connection, not of the message (RFC 9110, section 7.6.1), and the length, which is worked out anew.
_NOT_FORWARDED = frozenset({"host", "connection", "content-length", "transfer-encoding", "content-encoding"})

_ONCE = {"connection": "close"}


class Passed(StrEnum):
    """What a request was to GitHub."""

    GRAPHQL = "graphql query"
    READ = "rest read"
    NOT_MODIFIED = "rest read, not modified"
    WRITE = "rest write"


@dataclass(slots=True)
class CachingProxy:
    """Passes requests on to `client`; `passed` counts them."""

    client: httpx.AsyncClient
    passed: Counter[Passed] = field(default_factory=Counter)
    _kept: dict[tuple[str, ...], httpx.Response] = field(default_factory=dict)

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        headers = _forwarded(request.headers)
        key = (request.url.path, request.url.query, headers.get("accept", ""), headers.get("authorization", ""))
        asked = headers.pop("if-none-match", "")
        kept = self._kept.get(key) if request.method == "GET" else None
        if etag := kept.headers["etag"] if kept else asked:
            headers["if-none-match"] = etag
        target = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
        answer = await self.client.request(request.method, target, headers=headers, content=await request.body())
        self.passed[_kind(request, answer)] += 1
        if answer.status_code == httpx.codes.NOT_MODIFIED and kept:
            answer = kept
        if request.method == "GET" and answer.is_success and "etag" in answer.headers:
            self._kept[key] = answer
        if asked and asked == answer.headers.get("etag"):
            return Response(status_code=httpx.codes.NOT_MODIFIED, headers={**_ONCE, "etag": asked})
        return Response(answer.content, answer.status_code, {**_forwarded(answer.headers), **_ONCE})


def _kind(request: Request, answer: httpx.Response) -> Passed:
    if request.url.path.endswith("/graphql"):
        return Passed.GRAPHQL
    if request.method != "GET":
        return Passed.WRITE
    return Passed.NOT_MODIFIED if answer.status_code == httpx.codes.NOT_MODIFIED else Passed.READ


def _forwarded(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items() if name.lower() not in _NOT_FORWARDED}


@asynccontextmanager
async def caching_proxy(upstream: str) -> AsyncIterator[tuple[CachingProxy, str]]:
    """Serve a proxy on the loopback while the block runs; give it and its address."""
    limits = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=upstream, timeout=60, limits=limits) as client:
        proxy = CachingProxy(client)
        app = Starlette(routes=[Route("/{path:path}", proxy.__call__, methods=list(METHODS))])
        async with serving(app, "127.0.0.1", 0) as port:
            yield proxy, f"http://127.0.0.1:{port}"
