"""Many rounds later the daemon holds no more than it did after a few."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.programs import open_directory
from tide.adapters.clock import SystemClock
from tide.app.assembly import assembled
from tide.app.options import RunOptions
from tide.app.running import Daemon
from tide.sandbox.scenarios.contributors import Contributors
from tide.sandbox.scenarios.writing import demo_story
from tide.sandbox.server import running
from tide.sandbox.state import Forge

pytestmark = [pytest.mark.xdist_group("e2e"), pytest.mark.timeout(300)]

CONFIG = """\
tide:
  sync_period: 1h
  queries: [{orgs: [acme], labels: [lgtm, approved], missingLabels: [do-not-merge/hold]}]
presubmits:
  acme/rocket: [{name: unit, always_run: true, spec: {containers: [{image: none, command: [sh, ci/check.sh, unit]}]}}]
  acme/engine: [{name: unit, always_run: true, spec: {containers: [{image: none, command: [sh, ci/check.sh, unit]}]}}]
"""
FEW, MANY = 30, 200
# A connection or two more or less are open by chance; a leak in 200 rounds makes hundreds.
CHANCE = 8


@dataclass(frozen=True)
class Holdings:
    """What a process holds of the system."""

    files: int
    tasks: int
    threads: int
    children: int

    @classmethod
    def now(cls) -> "Holdings":
        return cls(
            files=len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - iterdir would hold one more
            tasks=len(asyncio.all_tasks()),
            threads=len(os.listdir("/proc/self/task")),  # noqa: PTH208 - as above
            children=sum(len(path.read_text().split()) for path in Path("/proc/self/task").glob("*/children")),
        )


@asynccontextmanager
async def at_work(place: Path, database_url: str) -> AsyncIterator[tuple[Daemon, str]]:
    """Give a daemon that runs on a GitHub where some pull requests never merge, and the address of its page."""
    forge = Forge(SystemClock().now, place / "github")
    (place / "github").mkdir()
    contributors = Contributors(forge, demo_story(10, 1, seconds=0, spread=0), asyncio.sleep)
    async with running(forge) as sandbox:
        await contributors.prepare()
        await contributors.play()
        (place / "config.yaml").write_text(CONFIG)
        (place / "token").write_text("sandbox-token\n")
        options = RunOptions(
            config_path=place / "config.yaml",
            data_dir=place / "data",
            database_url=database_url,
            dry_run=False,
            github_endpoint=(sandbox.url,),
            github_graphql_endpoint=f"{sandbox.url}/graphql",
            github_host=sandbox.url,
            github_token_path=place / "token",
            port=0,
            metrics_port=None,
            health_port=None,
            bind="127.0.0.1",
        )
        async with assembled(options) as daemon, asyncio.TaskGroup() as group:
            stopping, address = asyncio.Event(), asyncio.get_running_loop().create_future()
            group.create_task(daemon.run(stopping, on_port=address.set_result))
            yield daemon, f"http://127.0.0.1:{await address}/"
            stopping.set()


class Rounds:
    """Lets a daemon make rounds, one after the other."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon, self._make = daemon, daemon.loop.round
        self._ended = asyncio.Event()
        daemon.loop.round = self._round

    async def _round(self) -> None:
        await self._make()
        self._ended.set()

    async def make(self, count: int) -> None:
        for _ in range(count):
            self._ended.clear()
            self._daemon.wakeups.look_at_all()
            await self._ended.wait()


async def test_it_holds_no_more_after_many_rounds_than_after_a_few(database_url: str) -> None:
    with open_directory("leaks") as place:
        async with at_work(place, database_url) as (daemon, page), httpx.AsyncClient() as browser:
            rounds = Rounds(daemon)
            await rounds.make(FEW)
            await browser.get(page)
            few = Holdings.now()
            for _ in range(10):
                assert (await browser.get(page, headers={"Accept": "text/html"})).is_success
                await rounds.make(MANY // 10)
            many = Holdings.now()
            assert daemon.sync.errors == ()
    assert many.files <= few.files + CHANCE, (few, many)
    assert many.tasks <= few.tasks + CHANCE, (few, many)
    assert many.threads <= few.threads + CHANCE, (few, many)
    assert many.children <= few.children + CHANCE, (few, many)
