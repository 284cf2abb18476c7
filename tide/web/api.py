"""Our JSON API, read-only."""

from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tide.web.api_models import (
    PoolItem,
    PullDocument,
    batches_document,
    decisions_document,
    history_document,
    pools_document,
)
from tide.web.last_known import LastKnown, Reading, staleness
from tide.web.parameters import (
    cursor_of,
    history_cursor_of,
    history_filter_of,
    limit_of,
    pool_in_path,
    pool_of,
    pull_in_path,
)


class Api:
    """Answers `/api/v1` from what syncs have recorded, or was last known of it."""

    def __init__(self, known: LastKnown) -> None:
        self._known = known

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
        views = self._known.reading()
        return self._json(pools_document(await views.pools()), views)

    async def pool(self, request: Request) -> Response:
        """Give one pool."""
        views = self._known.reading()
        view = await views.pool(pool_in_path(request))
        if view is None:
            raise HTTPException(404, "no such pool")
        return self._json(PoolItem.of(view), views)

    async def pull(self, request: Request) -> Response:
        """Give one pull request with the explanation."""
        views = self._known.reading()
        record = await views.pull(pull_in_path(request))
        if record is None:
            raise HTTPException(404, "no such pull request is known")
        return self._json(PullDocument.about(record), views)

    async def batches(self, request: Request) -> Response:
        """List batches, newest first."""
        views = self._known.reading()
        return self._json(batches_document(await views.batches(pool_of(request), limit_of(request))), views)

    async def decisions(self, request: Request) -> Response:
        """List decisions, newest first, from a cursor on."""
        views, limit = self._known.reading(), limit_of(request)
        records = await views.decisions(pool_of(request), limit, cursor_of(request))
        return self._json(decisions_document(records, limit), views)

    async def history(self, request: Request) -> Response:
        """List what was done, newest first, as far as it is asked for, from a cursor on."""
        views, limit = self._known.reading(), limit_of(request)
        records = await views.history_page(history_filter_of(request), limit, history_cursor_of(request))
        return self._json(history_document(records, limit), views)

    def _json(self, document: BaseModel, views: Reading) -> Response:
        headers = staleness(views.as_of, self._known.clock.now())
        return Response(document.model_dump_json(), media_type="application/json", headers=headers)
