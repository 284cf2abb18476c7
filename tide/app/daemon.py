"""`tide run`: start the daemon, and end it in order."""

import asyncio
import logging
import sys

import structlog

from tide.adapters.logs import Redactor, configure_logging
from tide.app.assembly import opened
from tide.app.options import RunOptions
from tide.app.running import Daemon
from tide.app.signals import cancel_this_task, on_signal
from tide.app.trust import needs_trust, what_jobs_may
from tide.daemon.leadership import CHANGE
from tide.domain.errors import StoreEmptied, TideError

log = structlog.get_logger(component="tide")


async def run_daemon(options: RunOptions) -> None:
    """Run `tide run` until SIGTERM or SIGINT, or once with --run-once.

    Raises:
        TideError: it cannot start; the message is one clear line per problem.
    """
    redactor = Redactor()
    level = logging.getLevelNamesMapping()[options.log_level.upper()]
    configure_logging("json" if options.log_format == "json" else "console", sys.stderr, redactor, level)
    if needs_trust(options):
        log.warning(what_jobs_may(options))
    try:
        while await _serve(options, redactor):
            log.warning("the database has been emptied: beginning anew", seconds=CHANGE.total_seconds())
            # Whoever led by the old one may still be at something until its lease runs out.
            await asyncio.sleep(CHANGE.total_seconds())
    except asyncio.CancelledError:
        # Nothing but a signal cancels us.
        if options.run_once:
            raise TideError("stopped by a signal before the round was done") from None


async def _serve(options: RunOptions, redactor: Redactor) -> bool:
    """Serve until a signal; end also, and tell so, where the database is emptied: all has to be put together anew."""
    on_signal(cancel_this_task())
    async with opened(options, redactor) as daemon:
        if options.run_once:
            await daemon.start.at_once()
            await _round(daemon)
            return False
        stopping, is_emptied = asyncio.Event(), False
        on_signal(stopping.set)
        try:
            await daemon.run(stopping)
        except* StoreEmptied:
            on_signal(cancel_this_task())
            is_emptied = not stopping.is_set()
        return is_emptied


async def _round(daemon: Daemon) -> None:
    await daemon.once()
    if daemon.sync.errors:
        raise TideError("\n".join(dict.fromkeys(daemon.sync.errors)))
