"""A daemon in the test's own process, on a simulated GitHub there, where its insides can be looked at."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.programs import open_directory
from tide.adapters.clock import SystemClock
from tide.app.assembly import assembled
from tide.app.options import RunOptions
from tide.app.running import Daemon
from tide.sandbox.faults import Faults
from tide.sandbox.scenarios.contributors import Contributors
from tide.sandbox.scenarios.writing import demo_story
from tide.sandbox.server import running
from tide.sandbox.state import Forge

CONFIG = """\
tide:
  sync_period: 1h
  queries: [{orgs: [acme], labels: [lgtm, approved], missingLabels: [do-not-merge/hold]}]
presubmits:
  acme/rocket: [{name: unit, always_run: true, spec: {containers: [{image: none, command: [sh, ci/check.sh, unit]}]}}]
  acme/engine: [{name: unit, always_run: true, spec: {containers: [{image: none, command: [sh, ci/check.sh, unit]}]}}]
"""


@dataclass(frozen=True)
class Place:
    """A GitHub with ten pull requests, some of which never merge, its faults, and the options of a daemon on it."""

    directory: Path
    forge: Forge
    faults: Faults
    options: RunOptions

    @asynccontextmanager
    async def daemon(self, *, dry_run: bool = False) -> AsyncIterator[tuple[Daemon, str]]:
        """Give a daemon that runs while the block does, and the address of its page."""
        async with assembled(replace(self.options, dry_run=dry_run)) as daemon, asyncio.TaskGroup() as group:
            stopping, port = asyncio.Event(), asyncio.get_running_loop().create_future()
            group.create_task(daemon.run(stopping, on_port=port.set_result))
            yield daemon, f"http://127.0.0.1:{await port}/"
            stopping.set()


@asynccontextmanager
async def place(database_url: str) -> AsyncIterator[Place]:
    """Give a GitHub on which everybody has done what they wanted."""
    with open_directory("place") as directory:
        (directory / "github").mkdir()
        (directory / "config.yaml").write_text(CONFIG)
        (directory / "token").write_text("sandbox-token\n")
        forge = Forge(SystemClock().now, directory / "github")
        contributors = Contributors(forge, demo_story(10, 1, seconds=0, spread=0), asyncio.sleep)
        async with running(forge) as sandbox:
            await contributors.prepare()
            await contributors.play()
            yield Place(directory, forge, sandbox.faults, _options(directory, sandbox.url, database_url))


def _options(directory: Path, url: str, database_url: str) -> RunOptions:
    return RunOptions(
        config_path=directory / "config.yaml",
        data_dir=directory / "data",
        database_url=database_url,
        github_endpoint=(url,),
        github_graphql_endpoint=f"{url}/graphql",
        github_host=url,
        github_token_path=directory / "token",
        port=0,
        metrics_port=None,
        health_port=None,
        bind="127.0.0.1",
    )


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
        """Wait for so many rounds."""
        for _ in range(count):
            self._ended.clear()
            self._daemon.wakeups.look_at_all()
            await self._ended.wait()
