"""`tide run`: start the daemon, and end it in order."""

import asyncio
import logging
import signal
import sys
from collections.abc import Callable

from tide.adapters.logs import Redactor, configure_logging
from tide.app.assembly import assembled
from tide.app.options import RunOptions
from tide.app.running import Daemon
from tide.domain.errors import TideError


async def run_daemon(options: RunOptions) -> None:
    """Run `tide run` until SIGTERM or SIGINT, or once with --run-once.

    Raises:
        TideError: it cannot start; the message is one clear line per problem.
    """
    redactor = Redactor()
    level = logging.getLevelNamesMapping()[options.log_level.upper()]
    configure_logging("json" if options.log_format == "json" else "console", sys.stderr, redactor, level)
    _on_signal(_cancel_this_task())
    try:
        async with assembled(options, redactor) as daemon:
            if options.run_once:
                await _round(daemon)
                return
            stopping = asyncio.Event()
            _on_signal(stopping.set)
            await daemon.run(stopping)
    except asyncio.CancelledError:
        # Nothing but a signal cancels us.
        if options.run_once:
            raise TideError("stopped by a signal before the round was done") from None


async def _round(daemon: Daemon) -> None:
    await daemon.once()
    if daemon.sync.errors:
        raise TideError("\n".join(dict.fromkeys(daemon.sync.errors)))


def _cancel_this_task() -> Callable[[], object]:
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("outside of a task")
    return task.cancel


def _on_signal(call: Callable[[], object]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, call)
