"""A repository, and a local runner that tests what is in it."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.builders import make_job
from tests.contract.job_runner.storage import MemoryStorage
from tests.integration.git.origin import Origin
from tide.adapters.git.credentials import Credentials
from tide.adapters.git.program import GitProgram
from tide.adapters.local_runner.checkout import Checkout
from tide.adapters.local_runner.directory import Directory
from tide.adapters.local_runner.limits import Limits
from tide.adapters.local_runner.reporter import StatusReporter
from tide.adapters.local_runner.runner import LocalRunner, LocalSettings
from tide.adapters.prowjobs.storage import ProwJobStorage
from tide.domain.errors import RemoteError
from tide.domain.grants import NO_GRANTS, CloneGrants
from tide.domain.jobs import Presubmit
from tide.domain.keys import PoolKey, RepoKey
from tide.domain.runs import Candidate, Head, Purpose, Run, RunState
from tide.ports.code_host import StatusPost
from tide.ports.job_runner import JobRunner

POOL = PoolKey("acme", "rocket", "main")
LIMITS = {"memory", "processes", "disk", "look_every"}
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Clock:
    """Time that only the test moves."""

    time: datetime = NOW

    def now(self) -> datetime:
        return self.time


@dataclass
class Statuses:
    """A code host that takes statuses, or fails as told."""

    posts: list[tuple[str, StatusPost]] = field(default_factory=list)
    error: RemoteError | None = None

    async def post_status(self, repo: RepoKey, sha: str, status: StatusPost) -> None:
        assert repo == POOL.repository
        if self.error is not None:
            raise self.error
        self.posts.append((sha, status))

    def told(self, sha: str) -> list[str]:
        """The states that a head was given, in order, without repetitions."""
        states = [status.state.value for head, status in self.posts if head == sha]
        return [state for number, state in enumerate(states) if number == 0 or states[number - 1] != state]


@dataclass
class Lab:
    """Everything around a local runner; `shared` is a directory that all jobs may write to."""

    root: Path
    origin: Origin
    statuses: Statuses = field(default_factory=Statuses)
    storage: ProwJobStorage = field(default_factory=MemoryStorage)
    clock: Clock = field(default_factory=Clock)
    changes: list[PoolKey] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    grants: CloneGrants = NO_GRANTS

    def __post_init__(self) -> None:
        self.shared = self.root / "shared"
        self.shared.mkdir()
        self.shared.chmod(0o777)
        self.credentials = Credentials(self.root, lambda _: self.origin.url)
        self.base = self.origin.commit({"README": "rocket\n"}, ref="refs/heads/main")

    def runner(self, directory: str = "jobs", **settings: Any) -> LocalRunner:
        defaults: dict[str, Any] = {
            "jobs": 2,
            "public_url": "http://tide.example/",
            "default_timeout": timedelta(seconds=60),
        }
        limits: dict[str, Any] = {"look_every": timedelta(milliseconds=20)}
        for name in LIMITS & settings.keys():
            limits[name] = settings.pop(name)
        defaults["limits"] = Limits(**limits)
        return LocalRunner(
            storage=self.storage,
            checkout=Checkout(GitProgram(), self.credentials, lambda _: self.grants),
            reporter=StatusReporter(self.statuses, pauses=()),
            clock=self.clock,
            directory=Directory(self.root / directory),
            settings=LocalSettings(**(defaults | settings)),
            on_change=self._on_change,
        )

    def head(self, number: int, **files: str) -> Head:
        """Make a pull request's head on the base."""
        contents = {f"{name}.txt": text for name, text in (files or {f"pull{number}": "new\n"}).items()}
        sha = self.origin.commit(contents, self.base, ref=f"refs/pull/{number}/head")
        return Head(number, sha, author="alice", title=f"Change {number}", branch=f"change-{number}")

    def candidate(self, *heads: Head, run_tree: str = "") -> Candidate:
        return Candidate(POOL, self.base, heads, run_tree)

    async def run(self, script: str, *heads: Head, runner: LocalRunner | None = None, **definition: Any) -> Run:
        """Run a shell script on a candidate to its end."""
        async with runner or self.runner() as running:
            (run,) = await running.start(self.candidate(*heads), [job(script, **definition)], Purpose.RETEST, {})
            return await self.ended(running, run.name)

    async def ended(self, runner: JobRunner, name: str) -> Run:
        return await self.until(runner, name, lambda run: not run.state.is_live and run.completed_at is not None)

    async def until(self, runner: JobRunner, name: str, condition: Callable[[Run], bool]) -> Run:
        async with asyncio.timeout(30):
            while True:
                self.changed.clear()
                runs = await runner.runs(POOL, self.base, [])
                found = [run for run in runs if run.name == name and condition(run)]
                if found:
                    return found[0]
                await self.changed.wait()

    async def running(self, runner: LocalRunner, name: str) -> Run:
        return await self.until(runner, name, lambda run: run.state is RunState.PENDING)

    def log(self, name: str, directory: str = "jobs") -> str:
        return Directory(self.root / directory).read_log(name).decode()

    def _on_change(self, pool: PoolKey) -> None:
        self.changes.append(pool)
        self.changed.set()


def job(script: str, name: str = "unit", env: Sequence[dict[str, Any]] = (), **definition: Any) -> Presubmit:
    """Build a job that runs a shell script."""
    container = {"name": "", "image": "alpine", "command": ["sh", "-c"], "args": [script], "env": list(env)}
    return make_job(name, definition={"spec": {"containers": [container]}} | definition)


async def until(condition: Callable[[], object]) -> None:
    """Wait until something outside of this process is so."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
