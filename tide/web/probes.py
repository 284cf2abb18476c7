"""Health and metrics, as orchestrators and Prometheus ask for them."""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from tide.web.status import DaemonStatus

# The exposition and its content type.
MetricsPage = Callable[[], Awaitable[tuple[bytes, str]]]


class Probes:
    """Answers whether the process lives, whether it is ready, and what it has counted."""

    def __init__(self, status: Callable[[], DaemonStatus], metrics: MetricsPage) -> None:
        self._status = status
        self._metrics = metrics

    def routes(self) -> list[BaseRoute]:
        """Give the routes of the main port."""
        return [*self.health_routes(), Route("/readyz", self.ready), Route("/metrics", self.metrics)]

    def health_routes(self) -> list[BaseRoute]:
        """Give the routes of the health port (Prow: pjutil/health.go)."""
        return [Route("/healthz", self.live), Route("/healthz/ready", self.ready)]

    async def live(self, _request: Request) -> Response:
        """Say ok: that this is answered shows that the event loop turns, whatever GitHub does.

        With status 503 it says why only a restart can help, which is what who asks has to offer.
        """
        shut_out = self._status().shut_out
        return PlainTextResponse(f"Kubernetes: {shut_out}" if shut_out else "ok", 503 if shut_out else 200)

    async def ready(self, _request: Request) -> Response:
        """Say ok, or what is missing with status 503."""
        obstacles = self._status().obstacles
        return PlainTextResponse("\n".join(obstacles) or "ok", 503 if obstacles else 200)

    async def metrics(self, _request: Request) -> Response:
        """Give the metrics."""
        body, content_type = await self._metrics()
        return Response(body, headers={"content-type": content_type})


def build_health_app(status: Callable[[], DaemonStatus], metrics: MetricsPage) -> Starlette:
    """Build what answers on --health-port."""
    return Starlette(routes=Probes(status, metrics).health_routes())


def build_metrics_app(status: Callable[[], DaemonStatus], metrics: MetricsPage) -> Starlette:
    """Build what answers on --metrics-port."""
    return Starlette(routes=[Route("/metrics", Probes(status, metrics).metrics)])
