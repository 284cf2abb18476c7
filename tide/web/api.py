"""Our JSON API, read-only."""

from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tide.ports.views import Views
from tide.web.api_models import (
    PoolItem,
    PullDocument,
    batches_document,
    decisions_document,
    history_document,
    pools_document,
)
from tide.web.parameters import cursor_of, limit_of, pool_in_path, pool_of, pull_in_path


class Api:
    """Answers `/api/v1` from what syncs have recorded."""

    def __init__(self, views: Views) -> None:
        self._views = views

    def routes(self) -> list[BaseRoute]:
        """Give the routes, below `/api/v1`."""
        return [
            Route("/pools", self.pools),
            Route("/pools/{org}/{repo}/{branch:path}", self.pool),
            Route("/pulls/{org}/{repo}/{number}", self.pull),
            Route("/batches", self.batches),
            Route("/decisions", self.decisions),
            Route("/history", self.history),
        ]

    async def pools(self, _request: Request) -> Response:
        """List all pools."""
        return _json(pools_document(await self._views.pools()))

    async def pool(self, request: Request) -> Response:
        """Give one pool."""
        view = await self._views.pool(pool_in_path(request))
        if view is None:
            raise HTTPException(404, "no such pool")
        return _json(PoolItem.of(view))

    async def pull(self, request: Request) -> Response:
        """Give one pull request with the explanation."""
        record = await self._views.pull(pull_in_path(request))
        if record is None:
            raise HTTPException(404, "no such pull request is known")
        return _json(PullDocument.about(record))

    async def batches(self, request: Request) -> Response:
        """List batches, newest first."""
        return _json(batches_document(await self._views.batches(pool_of(request), limit_of(request))))

    async def decisions(self, request: Request) -> Response:
        """List decisions, newest first, from a cursor on."""
        limit = limit_of(request)
        records = await self._views.decisions(pool_of(request), limit, cursor_of(request))
        return _json(decisions_document(records, limit))

    async def history(self, request: Request) -> Response:
        """List what was done, newest first."""
        pool, limit = pool_of(request), limit_of(request)
        records = await (self._views.history(pool, limit) if pool else self._views.recent_history(limit))
        return _json(history_document(records))


def _json(document: BaseModel) -> Response:
    return Response(document.model_dump_json(), media_type="application/json")
