"""The simulated GitHub as one web application, and as a server on the loopback."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tide.sandbox.control import control_routes
from tide.sandbox.fault_layer import FaultLayer
from tide.sandbox.faults import Faults
from tide.sandbox.git_http import GitHttp
from tide.sandbox.graphql.endpoint import routes
from tide.sandbox.graphql.search_index import SearchIndex
from tide.sandbox.rate_limits import Limits, RateLimits
from tide.sandbox.rest.api import RestApi
from tide.sandbox.rest.call import DOCUMENTATION
from tide.sandbox.rest.routes import ROUTES
from tide.sandbox.tokens import Tokens
from tide.sandbox.webhooks import Webhooks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from tide.sandbox.model import Hook
    from tide.sandbox.rest.routes import RestRoute
    from tide.sandbox.state import Forge

GIT_SERVICES = (("info/refs", "GET"), ("git-upload-pack", "POST"), ("git-receive-pack", "POST"))
LOOPBACK = "127.0.0.1"
GRACE_SECONDS = 1
"""How long the server waits for answers under way when it ends; a held time-out fault never finishes."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What may be told about the server.

    Args:
        limits: rate limits of every token.
        index_lag: how far search is behind.
        seed: fixes the chances of faults.
        hooks: webhooks that hear of every repository.
        routes: more routes, such as those of the simulated cluster; they come before GitHub's.
    """

    limits: Limits = field(default_factory=Limits)
    index_lag: timedelta = timedelta(0)
    seed: int = 0
    hooks: tuple[Hook, ...] = ()
    routes: tuple[BaseRoute, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """A simulated GitHub with everything that can be done to it from inside."""

    url: str
    forge: Forge
    tokens: Tokens
    limits: RateLimits
    faults: Faults
    index: SearchIndex
    webhooks: Webhooks
    app: Starlette

    @property
    def graphql_url(self) -> str:
        """The address of GraphQL."""
        return f"{self.url}/graphql"

    def git_url(self, full_name: str) -> str:
        """Return the address to clone a repository from."""
        return f"{self.url}/{full_name}.git"


def build(forge: Forge, url: str, settings: Settings | None = None) -> Sandbox:
    """Put the simulated GitHub together; ``url`` is where it will be reached, for links."""
    chosen = settings or Settings()
    tokens = Tokens()
    limits = RateLimits(forge.now, chosen.limits)
    faults = Faults(chosen.seed)
    index = SearchIndex(forge, chosen.index_lag)
    all_routes = [
        *chosen.routes,
        *control_routes(faults, forge.log),
        *routes(forge, tokens, limits, index),
        *_rest_routes(RestApi(forge, tokens, limits)),
        *_git_routes(GitHttp(forge, tokens)),
    ]
    return Sandbox(
        url=url,
        forge=forge,
        tokens=tokens,
        limits=limits,
        faults=faults,
        index=index,
        webhooks=Webhooks(forge, url, chosen.hooks),
        app=_application(all_routes, faults, forge),
    )


def _application(all_routes: Sequence[BaseRoute], faults: Faults, forge: Forge) -> Starlette:
    return Starlette(
        routes=list(all_routes),
        middleware=[Middleware(FaultLayer, faults=faults, now=forge.now)],
        # GitHub says 404 also to a method that a path does not have.
        exception_handlers={404: _not_found, 405: _not_found},
    )


async def _not_found(_request: Request, _error: Exception) -> Response:
    return JSONResponse({"message": "Not Found", "documentation_url": DOCUMENTATION, "status": "404"}, 404)


def _rest_routes(api: RestApi) -> list[Route]:
    return [Route(route.path, _endpoint(api, route), methods=[route.method]) for route in ROUTES]


def _endpoint(api: RestApi, route: RestRoute) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await api.answer(route, request)

    return endpoint


def _git_routes(git: GitHttp) -> list[Route]:
    def endpoint(service: str) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            request.path_params["service"] = service
            return await git(request)

        return serve

    return [
        Route(f"/{{owner}}/{{repo}}/{service}", endpoint(service), methods=[method]) for service, method in GIT_SERVICES
    ]


def bound_socket(port: int = 0) -> socket.socket:
    """Return a listening socket on the loopback; port 0 takes a free one.

    Raises:
        OSError: the port is in use.
    """
    # Without IPPROTO_TCP asyncio does not set TCP_NODELAY, and every answer waits 40 ms.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((LOOPBACK, port))
        listening.listen()
    except OSError:
        listening.close()
        raise
    return listening


class _Server(uvicorn.Server):
    """A server inside somebody else's process: signals stay theirs, and it tells when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    def capture_signals(self) -> contextlib.AbstractContextManager[None]:  # type: ignore[override]  # same protocol
        return contextlib.nullcontext()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


@asynccontextmanager
async def serving(app: Any, listening: socket.socket) -> AsyncIterator[None]:
    """Serve an ASGI application on a bound socket while the context lasts."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=GRACE_SECONDS
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve([listening]))
    try:
        await server.up.wait()
        yield
    finally:
        server.should_exit = True
        await task
        listening.close()


@asynccontextmanager
async def running(forge: Forge, port: int = 0, settings: Settings | None = None) -> AsyncIterator[Sandbox]:
    """Serve a forge on the loopback while the context lasts.

    Args:
        forge: the state; it may have content already.
        port: 0 takes a free one.
        settings: see ``Settings``.

    Raises:
        OSError: the port is in use.
    """
    listening = bound_socket(port)
    sandbox = build(forge, f"http://{LOOPBACK}:{listening.getsockname()[1]}", settings)
    async with serving(sandbox.app, listening), sandbox.webhooks.running():
        yield sandbox
