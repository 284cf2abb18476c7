"""Our JSON API, read-only."""

from collections.abc import Callable
from datetime import datetime

from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tide.adapters.fresh import Fresh
from tide.domain.records import PoolView
from tide.web.api_models import (
    PoolItem,
    PullDocument,
    batches_document,
    decisions_document,
    history_document,
)
from tide.web.bodies import Body, Section, SharedResponse, listed
from tide.web.kept_parts import KeptParts
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
from tide.web.queue import Queue, Queues
from tide.web.run_book import newest_of_head, run_book_of
from tide.web.turns import InTurn, Turns

_JSON = "application/json"
# Items[PoolItem] around its items, each of which is written by itself and kept.
_BEGIN, _END = Section.of(b'{"items":['), Section.of(b'],"next":null}')


class Api:
    """Answers `/api/v1` from what syncs have recorded, or was last known of it."""

    def __init__(self, known: LastKnown, queues: Queues, turns: Turns) -> None:
        self._known = known
        self._queues = queues
        self._turns = turns
        self._sections = KeptParts[PoolView, Section](_section)
        self._pools = Fresh(queues.get, self._made_pools)

    def routes(self) -> list[BaseRoute]:
        """Give the routes, below `/api/v1`."""
        in_turn = [Middleware(InTurn, self._turns)]
        return [
            Route("/pools", self.pools),
            Route("/pools/{org}/{repo}/{branch:path}", self.pool, middleware=in_turn),
            Route("/pulls/{org}/{repo}/{number}", self.pull, middleware=in_turn),
            Route("/batches", self.batches, middleware=in_turn),
            Route("/decisions", self.decisions, middleware=in_turn),
            Route("/history", self.history, middleware=in_turn),
        ]

    async def pools(self, request: Request) -> Response:
        """List all pools."""
        body, as_of = await self._pools.get()
        return SharedResponse(request, body, _JSON, staleness(as_of, self._known.clock.now()))

    async def pool(self, request: Request) -> Response:
        """Give one pool."""
        views, pool = self._known.reading(), pool_in_path(request)
        view = await views.pool(pool) or self._queues.at_rest(pool)
        if view is None:
            raise HTTPException(404, "no such pool")
        return await self._json(lambda: PoolItem.of(view), views)

    async def pull(self, request: Request) -> Response:
        """Give one pull request with the explanation."""
        views, key = self._known.reading(), pull_in_path(request)
        record = await views.pull(key)
        if record is None:
            raise HTTPException(404, "no such pull request is known")
        runs = await newest_of_head(views, record.pull)
        return await self._json(lambda: PullDocument.about(record, runs), views)

    async def batches(self, request: Request) -> Response:
        """List batches, newest first."""
        views = self._known.reading()
        batches = await views.batches(pool_of(request), limit_of(request))
        return await self._json(lambda: batches_document(batches), views)

    async def decisions(self, request: Request) -> Response:
        """List decisions, newest first, from a cursor on."""
        views, limit = self._known.reading(), limit_of(request)
        records = await views.decisions(pool_of(request), limit, cursor_of(request))
        return await self._json(lambda: decisions_document(records, limit), views)

    async def history(self, request: Request) -> Response:
        """List what was done, newest first, as far as it is asked for, from a cursor on."""
        views, limit = self._known.reading(), limit_of(request)
        records = await views.history_page(history_filter_of(request), limit, history_cursor_of(request))
        tests = await run_book_of(views, records)
        return await self._json(lambda: history_document(records, tests, limit), views)

    async def _json(self, document: Callable[[], BaseModel], views: Reading) -> Response:
        """Write a document, in a thread: it may be of thousands of pull requests."""
        text = await run_in_threadpool(lambda: document().model_dump_json())
        return Response(text, media_type=_JSON, headers=staleness(views.as_of, self._known.clock.now()))

    async def _made_pools(self, queue: Queue) -> tuple[Body, datetime | None]:
        return await run_in_threadpool(lambda: listed(_BEGIN, self._sections.of(queue.pools), _END)), queue.as_of


def _section(view: PoolView) -> Section:
    return Section.of(PoolItem.of(view).model_dump_json().encode())
