"""Plays faults around requests: the outermost layer of the server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from tide.sandbox.faults import STRIKING, Fault, first_of_kind
from tide.sandbox.graphql.errors import rate_limited
from tide.sandbox.kubernetes.refusals import concerns_kubernetes, is_watch, refusal
from tide.sandbox.rest.api import secondary_limit_error

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from tide.sandbox.faults import Faults

_OPERATION = re.compile(r"\b(?:query|mutation)\s+(\w+)")
GRAPHQL_PATHS = frozenset({"/graphql", "/api/graphql"})
CONTROL = "/_sandbox/"
DEFAULT_RESET = 60
"""Seconds until the budget is back under the fault ``rate_limit`` where the fault names none."""


class FaultLayer:
    """ASGI middleware that lets requests go wrong as the rules say.

    Args:
        app: what answers otherwise.
        faults: the rules.
        now: the clock, for the reset time of rate limits.
    """

    def __init__(self, app: ASGIApp, *, faults: Faults, now: Callable[[], datetime]) -> None:
        self._app = app
        self._faults = faults
        self._now = now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or what a fault makes of it."""
        if scope["type"] != "http" or scope["path"].startswith(CONTROL):
            await self._app(scope, receive, send)
            return
        operation = None
        if scope["path"] in GRAPHQL_PATHS:
            body = await _whole_body(receive)
            operation, receive = operation_name(body), _replay(body, receive)
        hits = self._faults.strike(scope["method"], scope["path"], operation)
        token = STRIKING.set(hits)
        try:
            await self._play(hits, scope, receive, send)
        finally:
            STRIKING.reset(token)

    async def _play(self, hits: tuple[Fault, ...], scope: Scope, receive: Receive, send: Send) -> None:
        outer = first_of_kind(hits, "status", "timeout", "truncate", "disconnect", "rate_limit", "secondary_rate_limit")
        if outer is None:
            await self._app(scope, receive, send)
        elif outer.kind == "truncate":
            await self._truncate(scope, receive, send)
        else:
            # A watch changes nothing and does not end, so that there is no "after" to wait for.
            if outer.when == "after" and not is_watch(scope):
                await self._swallowed(scope, receive)
            await self._answer(outer, scope, receive, send)

    async def _truncate(self, scope: Scope, receive: Receive, send: Send) -> None:
        if is_watch(scope):
            with contextlib.suppress(_CutError):
                await self._app(scope, receive, _Cutting(send))
            return
        answer = await self._swallowed(scope, receive)
        await answer.cut(send)

    async def _swallowed(self, scope: Scope, receive: Receive) -> _Swallowed:
        swallowed = _Swallowed()
        await self._app(scope, receive, swallowed)
        return swallowed

    async def _answer(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.kind == "timeout":
            await _silence(fault.seconds, receive)
            await Response(status_code=504)(scope, receive, send)
        elif fault.kind == "disconnect":
            await _Swallowed(body=b"never sent").cut(send)
        else:
            await self._refusal(fault, scope["path"])(scope, receive, send)

    def _refusal(self, fault: Fault, path: str) -> Response:
        if concerns_kubernetes(path):
            return refusal(fault)
        if fault.kind == "status":
            return _status(fault)
        if fault.kind == "secondary_rate_limit":
            error = secondary_limit_error(fault.retry_after, fault.code)
            return _json(error.body, error.status, error.headers)
        reset = self._now() + timedelta(seconds=fault.retry_after or DEFAULT_RESET)
        headers = {
            "X-RateLimit-Limit": "5000",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Used": "5000",
            "X-RateLimit-Reset": str(int(reset.timestamp())),
            "X-RateLimit-Resource": "graphql" if path in GRAPHQL_PATHS else "core",
        }
        if path in GRAPHQL_PATHS:
            return _json({"errors": [rate_limited(0)]}, 200, headers)
        if fault.retry_after is not None:
            headers["Retry-After"] = str(fault.retry_after)
        return _json({"message": "API rate limit exceeded for user ID 0."}, fault.code, headers)


def _status(fault: Fault) -> Response:
    if isinstance(fault.body, str):
        return Response(fault.body, fault.status, fault.headers, "text/html")
    return _json(fault.body or {"message": "Server Error"}, fault.status, fault.headers)


def _json(content: Any, status: int, headers: dict[str, str]) -> Response:
    return Response(json.dumps(content), status, headers, "application/json; charset=utf-8")


def operation_name(body: bytes) -> str | None:
    """Return the name of the GraphQL operation that a body asks for."""
    try:
        content = json.loads(body)
    except ValueError:
        return None
    if not isinstance(content, dict):
        return None
    named = content.get("operationName") or _OPERATION.search(str(content.get("query", "")))
    return named.group(1) if isinstance(named, re.Match) else named


@dataclass
class _Swallowed:
    """An answer that was made but not sent."""

    start: Message = field(default_factory=lambda: {"type": "http.response.start", "status": 200, "headers": []})
    body: bytes = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = message
        else:
            self.body += message.get("body", b"")

    async def cut(self, send: Send) -> None:
        """Send the head with the true length and half of the body: the server then drops the connection."""
        headers = [(name, value) for name, value in self.start["headers"] if name.lower() != b"content-length"]
        length = (b"content-length", str(len(self.body)).encode())
        await send({**self.start, "headers": [*headers, length]})
        await send({"type": "http.response.body", "body": self.body[: len(self.body) // 2], "more_body": True})


class _CutError(Exception):
    """The answer was cut off."""


@dataclass(frozen=True)
class _Cutting:
    """Sends an answer up to the middle of its first part: the server then drops the connection."""

    send: Send

    async def __call__(self, message: Message) -> None:
        body = message.get("body", b"")
        if not body:
            await self.send(message)
            return
        await self.send({**message, "body": body[: len(body) // 2], "more_body": True})
        raise _CutError


async def _silence(seconds: float, receive: Receive) -> None:
    """Wait until the caller has given up, at most ``seconds``."""

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    try:
        async with asyncio.timeout(seconds):
            await gone()
    except TimeoutError:
        return


async def _whole_body(receive: Receive) -> bytes:
    body: bytes = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


def _replay(body: bytes, receive: Receive) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return messages.pop() if messages else await receive()

    return replayed
