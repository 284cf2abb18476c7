"""How soon and with how much memory we know the ProwJobs of a large cluster: 50,000, of which 500 are ours.

The API server runs in a process of its own. The memory told is that of a process with everything loaded that a daemon
loads.
"""

import asyncio
import importlib
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.big_cluster import NAMESPACE, OURS, PROWJOBS
from tests.bench.meters import MB, Spent, measured, peak_memory
from tests.bench.tables import Row, show
from tests.builders import BASE, POOL
from tide.adapters.clock import SystemClock
from tide.adapters.kubernetes.connect import kubernetes
from tide.adapters.kubernetes.finding import KubernetesSettings
from tide.adapters.kubernetes.runner import KubernetesRunner
from tide.adapters.prowjobs.writing import ProwSettings
from tide.domain.runs import RunState

AIM_SECONDS, AIM_MEMORY = "< 30 s", "< 400 MB"


@dataclass(eq=False)
class _Bench:
    """A runner, and how it is waited for."""

    runner: KubernetesRunner
    moved: asyncio.Event

    async def until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            self.moved.clear()
            await self.moved.wait()

    def is_known(self, state: RunState) -> bool:
        return sum(run.state is state for run in self.runner.cache.of(POOL)) == OURS


def main() -> None:
    """Print what the first list and a burst of changes take."""
    importlib.import_module("tide.app.daemon")
    idle = peak_memory()
    with tempfile.TemporaryDirectory(prefix="tide-bench-") as name, _big_cluster(Path(name)) as (path, change):
        listing, changing = asyncio.run(_measure(Path(path), change))
    show(
        f"first list: {PROWJOBS} ProwJobs, {OURS} of them ours",
        [
            Row("time until ready", f"{listing.wall:.1f} s", AIM_SECONDS),
            Row("CPU of ours", f"{listing.cpu:.1f} s"),
            Row("peak memory", f"{peak_memory() / MB:.0f} MB", AIM_MEMORY),
            Row("before the list", f"{idle / MB:.0f} MB"),
        ],
    )
    show(
        f"{OURS} ProwJobs change at once",
        [Row("time until all is seen", f"{changing.wall:.2f} s"), Row("CPU of ours", f"{changing.cpu:.2f} s")],
    )


@contextmanager
def _big_cluster(directory: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """Give a kubeconfig, and what changes all runs of ours."""
    command = [sys.executable, "-m", "tests.bench.big_cluster", str(directory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the simulated API server has no pipes")
        commands = process.stdin

        def change() -> None:
            commands.write("change\n")
            commands.flush()

        try:
            yield process.stdout.readline().strip(), change
        finally:
            commands.close()


async def _measure(kubeconfig: Path, change: Callable[[], None]) -> tuple[Spent, Spent]:
    async with AsyncExitStack() as stack:
        bench = await stack.enter_async_context(_connected(kubeconfig))
        with measured() as listing:
            runner = await stack.enter_async_context(bench.runner)
            await bench.until(lambda: runner.contact.is_fresh)
        if len(await runner.runs(POOL, BASE, [])) != OURS:
            raise RuntimeError("the runs of the pool are not all known")
        with measured() as changing:
            change()
            await bench.until(lambda: bench.is_known(RunState.PENDING))
        return listing, changing


@asynccontextmanager
async def _connected(kubeconfig: Path) -> AsyncIterator[_Bench]:
    moved = asyncio.Event()
    async with kubernetes(
        KubernetesSettings(namespace=NAMESPACE, kubeconfig=kubeconfig),
        clock=SystemClock(),
        prow=ProwSettings,
        is_covered=lambda repo: repo == POOL.repository,
        on_change=lambda _: moved.set(),
        on_outage=lambda _: moved.set(),
    ) as runner:
        yield _Bench(runner, moved)


if __name__ == "__main__":
    main()
