"""A server on loopback that answers as it is told, and a clock that only moves when somebody sleeps."""

import asyncio
import json
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tide.adapters.github.allowance import Allowance
from tide.adapters.github.app_key import AppIdentity
from tide.adapters.github.calls import OnCall
from tide.adapters.github.code_host import GitHub
from tide.adapters.github.connect import GitHubSettings, github
from tide.adapters.github.limits import Pace
from tide.adapters.github.retries import Patience

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
AT_ONCE = Patience(retries=3, first_wait=timedelta(0), longest_wait=timedelta(0), jitter=timedelta(0))


class StillClock:
    """Stands still; sleeping moves it on without taking time."""

    def __init__(self) -> None:
        self.time = NOW
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.time

    def steady(self) -> float:
        return self.time.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Seen:
    """A request as it arrived; `path` is still quoted."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any

    @property
    def variables(self) -> dict[str, Any]:
        """The variables of a GraphQL request."""
        variables: dict[str, Any] = self.body["variables"]
        return variables


Reply = Response | Callable[[Seen], Response] | None


_NOTHING = Response("nothing more is scripted", 418)


@dataclass
class Loopback:
    """Gives its replies one after the other, then what `otherwise` says; None is a reply that never comes."""

    url: str = ""
    replies: deque[Reply] = field(default_factory=deque)
    otherwise: Callable[[Seen], Response] | None = None
    seen: list[Seen] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def reply(self, *replies: Reply) -> None:
        self.replies.extend(replies)

    async def answer(self, request: Request) -> Response:
        body = await request.body()
        seen = Seen(
            request.method,
            request.scope["raw_path"].decode(),
            {name.lower(): value for name, value in request.headers.items()},
            json.loads(body) if body else None,
        )
        self.seen.append(seen)
        self.arrived.set()
        reply = self.replies.popleft() if self.replies else self.otherwise or _NOTHING
        if reply is None:
            await asyncio.Event().wait()
            raise AssertionError
        return reply if isinstance(reply, Response) else reply(seen)


class _Server(uvicorn.Server):
    """Says when it listens, and ends at once instead of at its next look at the clock."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()
        self.is_over = asyncio.Event()

    async def main_loop(self) -> None:
        self.listens.set()
        await self.is_over.wait()


@asynccontextmanager
async def serve() -> AsyncIterator[Loopback]:
    """Serve on a free port of loopback."""
    loopback = Loopback()
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    app = Starlette(routes=[Route("/{path:path}", loopback.answer, methods=methods)])
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    loopback.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    server = _Server(uvicorn.Config(app, log_config=None, log_level="critical", lifespan="off", date_header=False))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    await server.listens.wait()
    try:
        yield loopback
    finally:
        server.force_exit = True
        server.is_over.set()
        await serving


def closed_port() -> str:
    """Give an address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


@dataclass
class Connection:
    """What a test needs to talk to the loopback as the adapter does."""

    loopback: Loopback
    clock: StillClock
    token_file: Path

    @asynccontextmanager
    async def github(
        self,
        *,
        endpoints: tuple[str, ...] = (),
        request_timeout: timedelta = timedelta(seconds=20),
        patience: Patience = AT_ONCE,
        pace: Pace | None = None,
        allowance: Allowance | None = None,
        on_call: OnCall | None = None,
        app: AppIdentity | None = None,
        hide: Callable[[str], None] = lambda _token: None,
    ) -> AsyncIterator[GitHub]:
        settings = GitHubSettings(
            endpoints=endpoints or (self.loopback.url,),
            graphql_endpoint=f"{self.loopback.url}/graphql",
            request_timeout=request_timeout,
            patience=patience,
            pace=pace or Pace(),
            allowance=allowance or Allowance(),
        )
        async with github(
            settings, app or self.token_file, clock=self.clock, on_call=on_call, hide=hide, sleep=self.clock.sleep
        ) as connected:
            yield connected


def cut_short(content: bytes = b'{"object": {"sha": "abc') -> Response:
    """A JSON answer whose connection breaks before its end."""

    async def half() -> AsyncIterator[bytes]:
        yield content

    headers = {"Content-Length": str(len(content) + 100)}
    return StreamingResponse(half(), headers=headers, media_type="application/json")


def bad_gateway() -> Response:
    """What a load balancer says in GitHub's place."""
    return Response("<html><body>502 Bad Gateway</body></html>", 502, media_type="text/html")


def refused(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error in GitHub's form."""
    return JSONResponse({"message": message, "documentation_url": "https://docs.github.com/rest"}, status, headers)


def ref(branch: str, sha: str, headers: Mapping[str, str] | None = None) -> Response:
    """A branch in GitHub's form."""
    return JSONResponse({"ref": f"refs/heads/{branch}", "object": {"sha": sha, "type": "commit"}}, 200, headers)
