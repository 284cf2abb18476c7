"""How long a daemon takes from nothing to the end of its first round, also on a machine that is busy with other things.

Everything is embedded: its first start makes a database, the second finds it there. The other things are processes that
compute all the time, as many for each core as is told.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.bench.meters import cpu_of_family
from tests.bench.tables import Row, show
from tests.programs import BROWSER, TIDE, Sandbox, open_directory, sandbox, started

BUSY_PER_CORE = (0, 2, 4)
AIM = "<= 10 s"
_CONFIG = "tide: {sync_period: 1h, queries: [{orgs: [acme], labels: [lgtm]}]}\n"
_PATIENCE = 300.0


def main() -> None:
    """Print the times."""
    rows = []
    for busy in BUSY_PER_CORE:
        with open_directory("bench-start") as where, sandbox(where) as github:
            (where / "config.yaml").write_text(_CONFIG)
            with _busy_machine(busy * (os.cpu_count() or 1)):
                for what in ("first start", "start again"):
                    wall, cpu = _start(where, github, what.replace(" ", "-"))
                    rows.append(Row(f"{busy} others per core: {what}", f"{wall:.1f} s ({cpu:.1f} s of CPU)", AIM))
    show(f"from nothing to the end of the first round, on {os.cpu_count()} cores", rows)


def _start(where: Path, github: Sandbox, name: str) -> tuple[float, float]:
    """Start a daemon and wait for its first round; give the seconds that passed, and those of CPU that it took."""
    flags = (f"--config-path={where / 'config.yaml'}", f"--data-dir={where / 'data'}", "--prowjob-backend=local")
    ports = ("--port=0", "--metrics-port=0", "--health-port=0", "--bind=127.0.0.1")
    command = (*TIDE, "run", "--i-trust-contributors", "--dry-run=false", *flags, *ports, *github.flags)
    began = time.monotonic()
    with started(command, where, name) as program:
        page = program.serving(patience=_PATIENCE)["page"]
        ready = f"{page}readyz"
        program.wait_for(lambda: BROWSER.get(ready).is_success, "end of the first round", patience=_PATIENCE)
        took, cpu = time.monotonic() - began, cpu_of_family(program.process.pid)
        program.end()
    return took, cpu


@contextmanager
def _busy_machine(count: int) -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(count):
            process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            stack.callback(process.wait)
            stack.callback(process.kill)
        yield


if __name__ == "__main__":
    main()
