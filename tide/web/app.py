"""The web application, put together from its parts."""

from collections.abc import Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from tide.web.api import Api
from tide.web.hooks import Hooks
from tide.web.last_known import LastKnown
from tide.web.pages import Pages, ReadLog
from tide.web.probes import MetricsPage, Probes
from tide.web.problems import Problems
from tide.web.queue import Queues
from tide.web.security_headers import SecurityHeaders
from tide.web.status import DaemonStatus
from tide.web.turns import InPieces, Turns
from tide.web.unread_bodies import UnreadBodies

_STATIC = Path(__file__).parent / "static"


def build_app(
    known: LastKnown,
    *,
    status: Callable[[], DaemonStatus],
    read_log: ReadLog,
    metrics: MetricsPage,
    hooks: Hooks | None = None,
    history_per_pool: int = 1000,
) -> Starlette:
    """Build what answers on --port.

    `known` reads the store, and keeps what it last said. `status` is asked anew for each answer. `read_log` gives the
    log of a run by its name (a UUID), None when there is none. `metrics` gives the exposition and its content type.
    Without `hooks` there is no /hook. Tide's /history tells the newest `history_per_pool` records of each pool (Prow:
    --max-records-per-pool).
    """
    queues, turns = Queues(known, lambda: status().queries), Turns()
    pages = Pages(known, status, read_log, queues=queues, turns=turns, history_per_pool=history_per_pool)
    return Starlette(
        routes=[
            *pages.routes(),
            *Probes(status, metrics).routes(),
            *(hooks.routes() if hooks else ()),
            Mount("/api/v1", routes=Api(known, queues, turns).routes()),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ],
        middleware=[
            Middleware(UnreadBodies),
            Middleware(InPieces),
            Middleware(SecurityHeaders),
            Middleware(GZipMiddleware, compresslevel=4),
        ],
        exception_handlers=Problems(pages).handlers(),
    )
