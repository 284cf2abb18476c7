"""`python -m tests.bench.held_loop DESCRIPTORS FILE ARGUMENT …`: `tide ARGUMENT …`, with few descriptors.

Into FILE goes, again and again, how long the event loop of the process was held at most by one of its callbacks: the
CPU seconds of its thread, so that what else the machine does is not counted; and how late the loop was at most, which
is with what other threads and programs took. A file beside it that ends in `.command` begins both anew.
"""

import asyncio
import json
import resource
import sys
import threading
import time
from pathlib import Path

from tide.cli import main

_PERIOD = 0.01


class _Meter:
    """Measures every callback of every loop of the main thread."""

    def __init__(self, path: Path) -> None:
        self.path, self.command = path, path.with_suffix(".command")
        self.held = self.late = 0.0

    def install(self) -> None:
        run, main_thread = asyncio.events.Handle._run, threading.get_ident()

        def measured(handle: asyncio.events.Handle) -> None:
            begun = time.thread_time()
            run(handle)
            if threading.get_ident() == main_thread:
                self.held = max(self.held, time.thread_time() - begun)

        asyncio.events.Handle._run = measured  # type: ignore[method-assign,assignment]
        threading.Thread(target=self._write, daemon=True).start()

    async def tick(self) -> None:
        """Measure how late the loop is."""
        while True:
            before = time.perf_counter()
            await asyncio.sleep(_PERIOD)
            self.late = max(self.late, time.perf_counter() - before - _PERIOD)

    def _write(self) -> None:
        while True:
            time.sleep(0.2)
            if self.command.exists():
                self.command.unlink()
                self.held = self.late = 0.0
            written = self.path.with_suffix(".new")
            written.write_text(json.dumps({"held": self.held, "late": self.late}))
            written.replace(self.path)


def _run() -> None:
    count, path, *arguments = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(count), int(count)))
    meter = _Meter(Path(path))
    meter.install()
    run = asyncio.run

    def run_with_ticks(work: object, **settings: object) -> object:
        async def both() -> object:
            ticking = asyncio.create_task(meter.tick())
            try:
                return await work  # type: ignore[misc] # a coroutine
            finally:
                ticking.cancel()

        return run(both(), **settings)  # type: ignore[arg-type] # as they came

    asyncio.run = run_with_ticks  # type: ignore[assignment] # as above
    main(arguments)


if __name__ == "__main__":
    _run()
