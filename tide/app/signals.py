"""The signals that ask a command to end: SIGTERM, and SIGINT, which is a terminal's Ctrl-C."""

import asyncio
import signal
from collections.abc import Callable


def on_signal(call: Callable[[], object]) -> None:
    """Let the running event loop make this call, and no other, when a signal comes."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, call)


def cancel_this_task() -> Callable[[], object]:
    """Give what cancels the task that runs now."""
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("outside of a task")
    return task.cancel
