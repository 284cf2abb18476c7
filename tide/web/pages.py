"""The pages, and Tide's JSON where a program asks for the same address."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from tide.adapters.history.tide_json import history_json
from tide.domain.keys import PullKey
from tide.domain.records import HistoryFilter, PoolView
from tide.web import ages
from tide.web.banners import daemon_banners
from tide.web.cards import PoolCard, action_done, action_now, pool_card
from tide.web.cursors import history_cursor
from tide.web.folding import folded
from tide.web.last_known import LastKnown, Reading, staleness
from tide.web.links import HostLinks, outside_link, pool_path, pull_asked_for, pull_path
from tide.web.negotiation import prefers_html
from tide.web.parameters import (
    cursor_of,
    history_cursor_of,
    history_filter_of,
    limit_of,
    pool_in_path,
    pool_of,
    pull_in_path,
    search_of,
)
from tide.web.prow_format import pools_json
from tide.web.status import DaemonStatus
from tide.web.verdicts import reason_of, verdict_of

# The log of a run by its name, None when none is kept.
ReadLog = Callable[[str], bytes | None]

_RECENT_ACTIONS = 12
_RECENT_BATCHES = 200
_PULL_HISTORY = 100
_VARY = {"vary": "Accept"}


class Pages:
    """Answers people."""

    def __init__(
        self, known: LastKnown, status: Callable[[], DaemonStatus], read_log: ReadLog, history_per_pool: int = 1000
    ) -> None:
        self._known = known
        self._history_per_pool = history_per_pool
        self._status = status
        self._read_log = read_log
        self._templates = _environment()

    def routes(self) -> list[BaseRoute]:
        """Give the routes of the pages."""
        return [
            Route("/", self.front),
            Route("/history", self.history),
            Route("/decisions", self.decisions),
            Route("/pool/{org}/{repo}/{branch:path}", self.pool),
            Route("/pull/{org}/{repo}/{number}", self.pull),
            Route("/runs/{name:uuid}/log", self.log),
        ]

    async def front(self, request: Request) -> Response:
        """Show all pools, or those that `?q=` finds; JSON as Tide's `/` to programs."""
        views = self._known.reading()
        if not _wants_page(request):
            pools = await views.pools()
            return self._tide_json(pools_json(_aged(pools, views.as_of)), views)
        search = search_of(request)
        if asked := pull_asked_for(search):
            return RedirectResponse(pull_path(asked), 303)
        cards = await _cards(views)
        if search:
            found = [narrowed for card in cards if (narrowed := card.narrowed(search))]
            return self._page("found.html", views, cards=found, q=search)
        recent = await views.recent_history(_RECENT_ACTIONS)
        return self._page(
            "front.html",
            views,
            cards=[card for card in cards if card.is_busy],
            quiet=[card for card in cards if not card.is_busy],
            totals=_totals(cards),
            recent=recent,
        )

    async def history(self, request: Request) -> Response:
        """Show what was done; JSON as Tide's `/history` to programs."""
        views = self._known.reading()
        if not _wants_page(request):
            return self._tide_json(history_json(await views.history(None, self._history_per_pool)), views)
        wanted, limit = history_filter_of(request), limit_of(request)
        records = await views.history_page(wanted, limit, history_cursor_of(request))
        kept = [(name, value) for name, value in request.query_params.items() if name != "cursor" and value]
        older = urlencode([*kept, ("cursor", history_cursor(records[-1].mark))]) if len(records) == limit else ""
        return self._page("history.html", views, records=records, wanted=wanted, older=older, is_narrowed=bool(kept))

    async def decisions(self, request: Request) -> Response:
        """Show decisions, newest first, a page at a time."""
        views, pool, limit = self._known.reading(), pool_of(request), limit_of(request)
        records = await views.decisions(pool, limit, cursor_of(request))
        older = records[-1].id if len(records) == limit else None
        return self._page("decisions.html", views, records=list(folded(records)), pool=pool, older=older)

    async def pool(self, request: Request) -> Response:
        """Show one pool with everything in and around it."""
        views = self._known.reading()
        view = await views.pool(pool_in_path(request))
        if view is None:
            raise HTTPException(404, "There is no such pool.")
        batches = await views.batches(view.pool, _RECENT_ACTIONS)
        card = pool_card(view, await views.live_runs(), batches)
        recent = await views.history(view.pool, _RECENT_ACTIONS)
        return self._page("pool.html", views, card=card, batches=batches, recent=recent)

    async def pull(self, request: Request) -> Response:
        """Answer why a pull request is or is not merging."""
        views, key = self._known.reading(), pull_in_path(request)
        record = await views.pull(key)
        if record is None:
            raise HTTPException(
                404,
                "This pull request has not been read. Does it exist, and does a query of the configuration cover its "
                "repository?",
            )
        about = HistoryFilter(key.repository, record.pull.base_branch, key.number)
        recent = await views.history_page(about, _PULL_HISTORY, None)
        runs = [run for run in await views.live_runs() if (key.number, record.pull.head_sha) in run.heads]
        return self._page(
            "pull.html",
            views,
            record=record,
            pull=record.pull,
            verdict=verdict_of(record),
            runs=[run for run in runs if run.pool.repository == key.repository],
            recent=recent,
        )

    async def log(self, request: Request) -> Response:
        """Give what a run has printed."""
        text = await run_in_threadpool(self._read_log, str(request.path_params["name"]))
        if text is None:
            raise HTTPException(404, "No log of such a run is kept here.")
        return Response(text, media_type="text/plain")

    def problem(self, code: int, title: str, message: str) -> Response:
        """Tell a person what went wrong."""
        return self._page("problem.html", None, code, title=title, message=message)

    def _page(self, template: str, views: Reading | None, code: int = 200, **content: object) -> Response:
        status, now = self._status(), self._known.clock.now()
        as_of = views.as_of if views else None
        last_sync = status.last_sync if status.role.is_syncing else self._known.last_sync
        frame: dict[str, Any] = {
            "status": status,
            "now": now,
            "as_of": as_of,
            "last_sync": last_sync,
            "banners": daemon_banners(status, now, last_sync),
            "host": HostLinks(status.link_url),
            "q": "",
        }
        text = self._templates.get_template(template).render(frame | content)
        return HTMLResponse(text, code, headers=_VARY | staleness(as_of, now))

    def _tide_json(self, body: bytes, views: Reading) -> Response:
        headers = _VARY | staleness(views.as_of, self._known.clock.now())
        return Response(body, media_type="application/json", headers=headers)


async def _cards(views: Reading) -> list[PoolCard]:
    runs = await views.live_runs()
    batches = await views.batches(None, _RECENT_BATCHES)
    return [pool_card(view, runs, batches) for view in await views.pools()]


def _aged(pools: Iterable[PoolView], as_of: datetime | None) -> list[PoolView]:
    """Say in each pool's error that it is old, as Prow's Deck shows that and no header."""
    told = f"the database does not answer: this is the state as of {ages.exactly(as_of)}" if as_of else ""
    return [replace(view, error=view.error or told) for view in pools]


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tide.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "action_now": action_now,
        "action_done": action_done,
        "ago": ages.ago,
        "span": ages.span,
        "pool_path": pool_path,
        "pull_path": pull_path,
        "outside_link": outside_link,
        "pull_key": PullKey,
        "reason_of": reason_of,
    }
    environment.filters |= {"exactly": ages.exactly, "rfc3339": ages.rfc3339, "time_of_day": ages.time_of_day}
    return environment


def _wants_page(request: Request) -> bool:
    return prefers_html(request.headers.get("accept", ""))


def _totals(cards: Iterable[PoolCard]) -> dict[str, int]:
    totals = dict.fromkeys(("pools", "passing", "pending", "missing", "outside"), 0)
    for card in cards:
        totals["pools"] += 1
        totals["outside"] += len(card.outside)
        for lane in card.lanes:
            totals[lane.name] += len(lane.lines)
    return totals
