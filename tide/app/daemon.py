"""`tide run`: start the daemon, and end it in order."""

import asyncio
import logging
import signal
import sys

from tide.adapters.logs import Redactor, configure_logging
from tide.app.assembly import assembled
from tide.app.options import RunOptions
from tide.domain.errors import TideError


async def run_daemon(options: RunOptions) -> None:
    """Run `tide run` until SIGTERM or SIGINT, or once with --run-once.

    Raises:
        TideError: it cannot start; the message is one clear line per problem.
    """
    redactor = Redactor()
    level = logging.getLevelNamesMapping()[options.log_level.upper()]
    configure_logging("json" if options.log_format == "json" else "console", sys.stderr, redactor, level)
    async with assembled(options, redactor) as daemon:
        if options.run_once:
            await daemon.sync.round()
            if daemon.sync.errors:
                raise TideError("\n".join(daemon.sync.errors))
            return
        await daemon.run(_stop_signal())


def _stop_signal() -> asyncio.Event:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping
