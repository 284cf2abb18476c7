"""A code host over the served sandbox, and what tests do to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tests.integration.sandbox import world as sandbox_world
from tide.adapters.github.code_host import GitHub
from tide.adapters.github.connect import GitHubSettings, github
from tide.adapters.github.retries import Patience
from tide.domain.keys import PoolKey, PullKey, RepoKey
from tide.sandbox.evidence import NewCheckRun, NewStatus
from tide.sandbox.model import PullRequest
from tide.sandbox.server import Sandbox, running
from tide.sandbox.state import Forge, NewPull

ROCKET = RepoKey("acme", "rocket")
MAIN = PoolKey("acme", "rocket", "main")
OPEN_PULLS = "is:pr state:open repo:acme/rocket"
AT_ONCE = Patience(retries=2, first_wait=timedelta(0), longest_wait=timedelta(0), jitter=timedelta(0))


class Clock:
    """The sandbox's time as ours; only tests and sleepers move it."""

    def __init__(self, sandbox: sandbox_world.Clock) -> None:
        self.sandbox = sandbox
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.sandbox.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.sandbox.forward(seconds=seconds)


@dataclass
class CodeHostWorld:
    """The sandbox's world and the code host over it."""

    sandbox: sandbox_world.World
    host: GitHub
    clock: Clock
    token_file: Path

    async def pulls(self, count: int) -> list[PullRequest]:
        """Open many pull requests of one commit, a second apart."""
        forge, repository = self.sandbox.forge, self.sandbox.repository
        sha = await self.sandbox.commit(repository.branches["main"], "Change", change_txt="yes\n")
        opened = []
        for number in range(1, count + 1):
            repository.branches[f"change-{number}"] = sha
            repository.git.set_ref_later(f"refs/heads/change-{number}", sha)
            self.sandbox.clock.forward(seconds=1)
            new = NewPull(title=f"Change {number}", head_ref=f"change-{number}", base_ref="main")
            opened.append(forge.open_pull(repository, new, "alice"))
        return opened

    @asynccontextmanager
    async def impatient(self) -> AsyncIterator[GitHub]:
        """Connect once more, for as long as a second is enough for an answer."""
        settings = settings_of(self.sandbox.sandbox, timedelta(seconds=1))
        async with github(settings, self.token_file, clock=self.clock, sleep=self.clock.sleep) as host:
            yield host

    def set_status(self, pull: PullRequest, new: NewStatus) -> None:
        self.sandbox.forge.create_status(self.sandbox.repository, pull.head_sha, new)

    def run_check(self, pull: PullRequest, new: NewCheckRun) -> None:
        self.sandbox.forge.create_check_run(self.sandbox.repository, pull.head_sha, new)


def key(pull: PullRequest) -> PullKey:
    return PullKey("acme", "rocket", pull.number)


def settings_of(sandbox: Sandbox, request_timeout: timedelta) -> GitHubSettings:
    return GitHubSettings(
        endpoints=(sandbox.url,),
        graphql_endpoint=sandbox.graphql_url,
        request_timeout=request_timeout,
        patience=AT_ONCE,
    )


@asynccontextmanager
async def open_world(folder: Path) -> AsyncIterator[CodeHostWorld]:
    """Serve a sandbox with `acme/rocket` and connect to it."""
    for name in ("forge", "scratch"):
        (folder / name).mkdir()
    token_file = folder / "token"
    token_file.write_text("merge-bot-token\n")
    clock = Clock(sandbox_world.Clock())
    forge = Forge(clock.now, folder / "forge")
    repository = await forge.create_repository("acme", "rocket")
    async with running(forge) as sandbox:
        made = sandbox_world.World(sandbox, repository, clock.sandbox, folder / "scratch")
        first = await made.commit(None, "First", README="rocket\n", engine_txt="one\n")
        await forge.write_branch(repository, "main", first)
        settings = settings_of(sandbox, timedelta(seconds=20))
        async with github(settings, token_file, clock=clock, sleep=clock.sleep) as host:
            yield CodeHostWorld(made, host, clock, token_file)
        await made.client.aclose()
