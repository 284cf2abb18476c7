"""The pages, and Tide's JSON where a program asks for the same address."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from tide.adapters.fresh import Fresh
from tide.domain.keys import PullKey
from tide.domain.records import HistoryFilter, HistoryMark, PoolView
from tide.domain.runs import RunKind
from tide.policy.wording import sentence
from tide.web import ages
from tide.web.banners import daemon_banners
from tide.web.bodies import Body, Section, SharedResponse, listed
from tide.web.cards import PoolCard, action_done, action_now, pool_card
from tide.web.configured import what_is_watched
from tide.web.cursors import history_cursor
from tide.web.folding import folded
from tide.web.history_book import HistoryBook
from tide.web.kept_parts import KeptParts
from tide.web.last_known import LastKnown, staleness
from tide.web.links import HostLinks, number_asked_for, outside_link, pool_path, pull_asked_for, pull_path
from tide.web.negotiation import prefers_html
from tide.web.parameters import (
    cursor_of,
    filled_in,
    history_cursor_of,
    history_filter_of,
    limit_of,
    pool_in_path,
    pool_of,
    pull_in_path,
    search_of,
)
from tide.web.prow_format import pool_json
from tide.web.queue import RECENT_ACTIONS, Queue, Queues
from tide.web.run_book import newest_of_head, run_book_of
from tide.web.status import DaemonStatus
from tide.web.turns import InTurn, Turns
from tide.web.verdicts import reason_of, verdict_of

# The log of a run by its name, None when none is kept.
ReadLog = Callable[[str], bytes | None]

_PULL_HISTORY, _MOST_FOUND = 100, 100
_BEGIN, _END = Section.of(b"["), Section.of(b"]")
_VARY = {"vary": "Accept"}


@dataclass(frozen=True, slots=True)
class _Frame:
    """What stands around the content of a page; a page with an equal one is equal within the same second."""

    status: DaemonStatus
    now: datetime
    as_of: datetime | None
    last_sync: datetime | None


class Pages:
    """Answers people."""

    def __init__(
        self,
        known: LastKnown,
        status: Callable[[], DaemonStatus],
        read_log: ReadLog,
        *,
        queues: Queues,
        turns: Turns,
        history_per_pool: int = 1000,
    ) -> None:
        self._known = known
        self._status = status
        self._read_log = read_log
        self._turns = turns
        self._templates = _environment()
        self._queues = queues
        self._history = HistoryBook(known.reading, known.clock, history_per_pool)
        self._sections = KeptParts[PoolView, Section](lambda view: Section.of(pool_json(view)))
        self._card_texts = KeptParts[PoolCard, Markup](self._card_text)
        self._linked_to = ""
        self._pools_json = Fresh(queues.get, self._made_pools_json)
        self._pools_html = Fresh(self._read_pools, self._made_pools)
        self._front = Fresh(self._read_front, self._made_front)

    def routes(self) -> list[BaseRoute]:
        """Give the routes of the pages."""
        in_turn = [Middleware(InTurn, self._turns)]
        return [
            Route("/", self.front),
            Route("/history", self.history),
            Route("/decisions", self.decisions, middleware=in_turn),
            Route("/pool/{org}/{repo}/{branch:path}", self.pool, middleware=in_turn),
            Route("/pull/{org}/{repo}/{number}", self.pull, middleware=in_turn),
            Route("/runs/{name:uuid}/log", self.log, middleware=in_turn),
        ]

    async def front(self, request: Request) -> Response:
        """Show all pools, or those that `?q=` finds; JSON as Tide's `/` to programs."""
        if not _wants_page(request):
            body, as_of = await self._pools_json.get()
            return self._tide_json(request, body, as_of)
        search = search_of(request)
        if asked := pull_asked_for(search):
            return RedirectResponse(pull_path(asked), 303)
        if number := number_asked_for(search):
            return await self._numbered(number, search)
        if search:
            return await self._found(search)
        body, as_of = await self._front.get()
        headers = _VARY | staleness(as_of, self._known.clock.now())
        return SharedResponse(request, body, "text/html", headers)

    async def history(self, request: Request) -> Response:
        """Show what was done; JSON as Tide's `/history` to programs."""
        if not _wants_page(request):
            whole = await self._history.get()
            return self._tide_json(request, whole.body, whole.as_of)
        try:
            wanted, limit, before = history_filter_of(request), limit_of(request), history_cursor_of(request)
        except HTTPException as error:
            return await self._history_page(request, refused=sentence(error.detail))
        async with self._turns.taken():
            return await self._history_page(request, wanted, limit, before)

    async def _history_page(
        self,
        request: Request,
        wanted: HistoryFilter | None = None,
        limit: int = 0,
        before: HistoryMark | None = None,
        refused: str = "",
    ) -> Response:
        """Show what is wanted, or what it is `refused` for, with the form as it was filled in."""
        views = self._known.reading()
        records = await views.history_page(wanted, limit, before) if wanted else ()
        tests = await run_book_of(views, records)
        kept = [(name, value) for name, value in request.query_params.items() if name != "cursor" and value]
        older = urlencode([*kept, ("cursor", history_cursor(records[-1].mark))]) if len(records) == limit > 0 else ""
        content = {
            "records": records,
            "tests": tests,
            "asked": filled_in(request, wanted),
            "older": older,
            "is_narrowed": bool(kept),
            "refused": refused,
        }
        return await self._page("history.html", views.as_of, code=400 if refused else 200, **content)

    async def decisions(self, request: Request) -> Response:
        """Show decisions, newest first, a page at a time."""
        views, pool, limit = self._known.reading(), pool_of(request), limit_of(request)
        records = await views.decisions(pool, limit, cursor_of(request))
        older = records[-1].id if len(records) == limit else None
        return await self._page("decisions.html", views.as_of, records=list(folded(records)), pool=pool, older=older)

    async def pool(self, request: Request) -> Response:
        """Show one pool with everything in and around it."""
        views, pool = self._known.reading(), pool_in_path(request)
        view = await views.pool(pool) or self._queues.at_rest(pool)
        if view is None:
            raise HTTPException(404, "There is no such pool.")
        batches = await views.batches(view.pool, RECENT_ACTIONS, may_be_cut=True)
        card = await run_in_threadpool(pool_card, view, await views.live_runs(), batches)
        recent = await views.history(view.pool, RECENT_ACTIONS)
        tests = await run_book_of(views, recent, batches)
        return await self._page("pool.html", views.as_of, card=card, batches=batches, recent=recent, tests=tests)

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
        key = record.pull.key
        about = HistoryFilter(key.repository, record.pull.base_branch, key.number)
        recent = await views.history_page(about, _PULL_HISTORY, None, may_be_cut=True)
        runs = await newest_of_head(views, record.pull)
        return await self._page(
            "pull.html",
            views.as_of,
            record=record,
            pull=record.pull,
            verdict=verdict_of(record),
            runs=runs,
            logs={run.context: run.url for run in runs if run.kind is RunKind.PRESUBMIT},
            recent=recent,
            tests=await run_book_of(views, recent),
        )

    async def log(self, request: Request) -> Response:
        """Give what a run has printed."""
        text = await run_in_threadpool(self._read_log, str(request.path_params["name"]))
        if text is None:
            raise HTTPException(404, "No log of such a run is kept here.")
        return Response(text, media_type="text/plain")

    def is_starting(self) -> bool:
        """Tell whether this process has not yet looked at everything once."""
        return self._status().is_starting

    def problem(self, code: int, title: str, message: str) -> Response:
        """Tell a person what went wrong."""
        content = {
            "title": title,
            "message": message,
            "problem": sentence(message.partition(". ")[0]),
            "may_pass": code == HTTPStatus.SERVICE_UNAVAILABLE,
        }
        return HTMLResponse(self._rendered("problem.html", self._frame(None), content), code, headers=_VARY)

    async def _page(self, template: str, as_of: datetime | None, *, code: int = 200, **content: object) -> Response:
        frame = self._frame(as_of)
        text = await run_in_threadpool(self._rendered, template, frame, content)
        return HTMLResponse(text, code, headers=_VARY | staleness(as_of, frame.now))

    async def _read_pools(self) -> tuple[Queue, str]:
        return await self._queues.get(), self._status().link_url

    async def _made_pools(self, read: tuple[Queue, str]) -> tuple[str, Queue]:
        queue, link_url = read
        if link_url != self._linked_to:
            self._linked_to, self._card_texts = link_url, KeptParts(self._card_text)
        return await run_in_threadpool(self._pools_text, queue), queue

    def _pools_text(self, queue: Queue) -> str:
        """Write what the front page says of the pools, without ages; what needs a human comes first."""
        texts = sorted(
            zip(queue.cards, self._card_texts.of(queue.cards), strict=True), key=lambda one: not one[0].needs_human
        )
        content: dict[str, Any] = {
            "cards": [text for card, text in texts if card.is_busy],
            "quiet": [text for card, text in texts if not card.is_busy],
            "totals": _totals(queue.cards),
            "recent": queue.recent,
            "tests": queue.tests,
            "queries": len(queue.queries),
            "watched": what_is_watched(queue.queries),
        }
        return self._kept_text("pools.html", content)

    def _card_text(self, card: PoolCard) -> Markup:
        text = self._kept_text("card.html" if card.is_busy else "quiet_card.html", {"card": card})
        return Markup(text)  # noqa: S704 - rendered by a template of ours

    def _kept_text(self, template: str, content: dict[str, Any]) -> str:
        """Write what is kept longer than ages and the rest of a page hold."""
        around = {"now": ages.Later.LATER, "host": HostLinks(self._status().link_url)}
        return self._templates.get_template(template).render(around | content)

    async def _read_front(self) -> tuple[str, Queue, _Frame]:
        text, queue = await self._pools_html.get()
        frame = self._frame(queue.as_of)
        # Ages are in whole seconds: within one, all get the same page.
        return text, queue, replace(frame, now=frame.now.replace(microsecond=0))

    async def _made_front(self, read: tuple[str, Queue, _Frame]) -> tuple[Body, datetime | None]:
        text, queue, frame = read
        return await run_in_threadpool(self._front_body, text, frame), queue.as_of

    def _front_body(self, text: str, frame: _Frame) -> Body:
        pools = Markup(ages.with_ages(text, frame.now))  # noqa: S704 - rendered by a template of ours
        return Body.of(self._rendered("front.html", frame, {"pools": pools}).encode())

    async def _numbered(self, number: int, search: str) -> Response:
        """Lead to the one pull request that has a number, or show all that have it."""
        views = self._known.reading()
        async with self._turns.taken():
            pulls = await views.pulls_numbered(number, _MOST_FOUND)
            if len(pulls) == 1:
                return RedirectResponse(pull_path(pulls[0].key), 303)
            return await self._page("found.html", views.as_of, cards=(), pulls=pulls, q=search)

    async def _found(self, search: str) -> Response:
        """Show what the words of a search find in and beside the pools."""
        queue = await self._queues.get()
        async with self._turns.taken():
            text = await run_in_threadpool(self._found_text, queue, search)
        return HTMLResponse(text, headers=_VARY | staleness(queue.as_of, self._known.clock.now()))

    def _found_text(self, queue: Queue, search: str) -> str:
        found = [narrowed for card in queue.cards if (narrowed := card.narrowed(search))]
        return self._rendered("found.html", self._frame(queue.as_of), {"cards": found, "pulls": (), "q": search})

    async def _made_pools_json(self, queue: Queue) -> tuple[Body, datetime | None]:
        return await run_in_threadpool(self._pools_body, _aged(queue)), queue.as_of

    def _pools_body(self, pools: Iterable[PoolView]) -> Body:
        return listed(_BEGIN, [one for one in self._sections.of(pools) if one.plain], _END)

    def _frame(self, as_of: datetime | None) -> _Frame:
        status = self._status()
        last_sync = status.last_sync if status.role.is_syncing else self._known.last_sync
        return _Frame(status, self._known.clock.now(), as_of, last_sync)

    def _rendered(self, template: str, frame: _Frame, content: dict[str, Any]) -> str:
        around: dict[str, Any] = {
            "status": frame.status,
            "now": frame.now,
            "as_of": frame.as_of,
            "last_sync": frame.last_sync,
            "banners": daemon_banners(frame.status, frame.now, frame.last_sync),
            "host": HostLinks(frame.status.link_url),
            "q": "",
        }
        return self._templates.get_template(template).render(around | content)

    def _tide_json(self, request: Request, body: Body, as_of: datetime | None) -> Response:
        headers = _VARY | staleness(as_of, self._known.clock.now())
        return SharedResponse(request, body, "application/json", headers)


def _aged(queue: Queue) -> Sequence[PoolView]:
    """Say in each pool's error that it is old where the database fails, as Prow's Deck shows that and no header."""
    if queue.as_of is None or not queue.is_lost:
        return queue.pools
    told = f"the database does not answer: this is the state as of {ages.exactly(queue.as_of)}"
    return [replace(view, error=view.error or told) for view in queue.pools]


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
        "since": ages.since,
        "span": ages.span,
        "pool_path": pool_path,
        "pull_path": pull_path,
        "outside_link": outside_link,
        "pull_key": PullKey,
        "reason_of": reason_of,
    }
    environment.filters |= {
        "coded": coded,
        "exactly": ages.exactly,
        "rfc3339": ages.rfc3339,
        "time_of_day": ages.time_of_day,
    }
    return environment


def coded(text: str) -> Markup:
    """Mark what stands between backticks as code, the rest as it is."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part) for place, part in enumerate(parts)
    )


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
