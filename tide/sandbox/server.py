"""The simulated GitHub as one web application, and as a server on the loopback."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tide.adapters.http_server import bound_socket, serving_on
from tide.sandbox.apps import Apps
from tide.sandbox.control import control_routes
from tide.sandbox.dated import Dated
from tide.sandbox.fault_layer import FaultLayer
from tide.sandbox.faults import Faults
from tide.sandbox.git_http import GitHttp
from tide.sandbox.graphql.endpoint import routes
from tide.sandbox.graphql.search_index import SearchIndex
from tide.sandbox.pages import page_routes
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
    apps: Apps
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
    apps = Apps(forge)
    tokens = Tokens(apps)
    limits = RateLimits(forge.now, chosen.limits)
    faults = Faults(chosen.seed)
    index = SearchIndex(forge, chosen.index_lag)
    all_routes = [
        *chosen.routes,
        *control_routes(faults, forge.log),
        *routes(forge, tokens, limits, index),
        *_rest_routes(RestApi(forge, tokens, limits)),
        *_git_routes(GitHttp(forge, tokens)),
        *page_routes(forge),
    ]
    return Sandbox(
        url=url,
        forge=forge,
        tokens=tokens,
        apps=apps,
        limits=limits,
        faults=faults,
        index=index,
        webhooks=Webhooks(forge, url, chosen.hooks),
        app=_application(all_routes, faults, forge),
    )


def _application(all_routes: Sequence[BaseRoute], faults: Faults, forge: Forge) -> Starlette:
    return Starlette(
        routes=list(all_routes),
        middleware=[Middleware(Dated, now=forge.now), Middleware(FaultLayer, faults=faults, now=forge.now)],
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


@asynccontextmanager
async def running(forge: Forge, port: int = 0, settings: Settings | None = None) -> AsyncIterator[Sandbox]:
    """Serve a forge on the loopback while the context lasts.

    Args:
        forge: the state; it may have content already.
        port: 0 takes a free one.
        settings: see ``Settings``.

    Raises:
        TideError: the port is in use.
    """
    listening = bound_socket(LOOPBACK, port, "--port")
    sandbox = build(forge, f"http://{LOOPBACK}:{listening.getsockname()[1]}", settings)
    serving = serving_on(listening, sandbox.app, grace_seconds=GRACE_SECONDS, tells_date=True)
    async with serving, sandbox.webhooks.running():
        yield sandbox
