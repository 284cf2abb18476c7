"""A forge with a cluster behind it, in time that only the test moves."""

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.integration.sandbox.world import AUTHOR, Clock
from tide.domain.jobs import Presubmit
from tide.sandbox.cluster.cluster import Cluster
from tide.sandbox.cluster.settings import ClusterSettings
from tide.sandbox.cluster.verdicts import Verdict
from tide.sandbox.commits import NewCommit
from tide.sandbox.kubernetes.objects import ApiObjects
from tide.sandbox.kubernetes.resources import JsonObject
from tide.sandbox.model import PullRequest, Repository
from tide.sandbox.state import Forge, NewPull

CORE = {"parts/core.part": "provides core\n", ".gitattributes": "notes.txt merge=union\n", "notes.txt": "one\n"}
PATIENCE = 60


def presubmit(name: str, **fields: Any) -> Presubmit:
    """Give a job that always runs unless told otherwise."""
    definition = {
        "agent": "kubernetes",
        "spec": {"containers": [{"name": "test", "image": "none"}]},
        **fields.pop("definition", {}),
    }
    job = Presubmit(name, name, always_run=True, rerun_command=f"/test {name}", definition=definition)
    return replace(job, **fields)


@dataclass
class Timeline:
    """A clock that the test moves, and everybody who sleeps until a moment of it."""

    clock: Clock = field(default_factory=Clock)
    _sleepers: list[tuple[float, int, asyncio.Future[None]]] = field(default_factory=list)
    _count: "itertools.count[int]" = field(default_factory=itertools.count)

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.clock.now.timestamp() + seconds, next(self._count), woken))
        await woken

    def forward(self, seconds: float) -> None:
        """Let time pass, and wake whoever has slept long enough."""
        self.clock.forward(seconds=seconds)
        while self._sleepers and self._sleepers[0][0] <= self.clock.now.timestamp() + 1e-6:
            _, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)


@dataclass
class Prow:
    """The cluster of ``acme/rocket``, whose ``main`` and ``next`` hold ``CORE``."""

    forge: Forge
    repository: Repository
    objects: ApiObjects
    cluster: Cluster
    time: Timeline
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.objects.follow(lambda _event: self._changed.set())
        self.forge.subscribe(lambda _change: self._changed.set())

    async def until(self, is_so: Callable[[], Any]) -> None:
        """Wait until something is so; asked after each change of an object or of the forge."""
        async with asyncio.timeout(PATIENCE):
            while not is_so():
                await self._changed.wait()
                self._changed.clear()

    async def commit(self, parent: str, files: Mapping[str, str | None]) -> str:
        contents = {path: None if text is None else text.encode() for path, text in files.items()}
        new = NewCommit(parents=(parent,), files=contents, message="Change", author=AUTHOR, at=self.time.clock.now)
        return (await self.repository.git.write_commits([new]))[0]

    async def push(self, branch: str, files: Mapping[str, str | None]) -> str:
        """Put a commit on a branch."""
        sha = await self.commit(self.repository.branches[branch], files)
        await self.forge.write_branch(self.repository, branch, sha, actor="alice")
        return sha

    async def pull(
        self, name: str, *, base: str = "main", author: str = "alice", draft: bool = False, **files: str
    ) -> PullRequest:
        """Open a pull request with a part that needs what is there, or with these files (``a_part``: parts/a.part)."""
        texts = {f"parts/{key.removesuffix('_part')}.part": text for key, text in files.items()}
        sha = await self.commit(self.repository.branches[base], texts or {f"parts/{name}.part": "needs core\n"})
        await self.forge.write_branch(self.repository, name, sha, actor=author)
        new = NewPull(title=f"Add {name}", head_ref=name, base_ref=base, draft=draft)
        return self.forge.open_pull(self.repository, new, author)

    def prowjobs(self, **wanted: str) -> list[JsonObject]:
        """Give the ProwJobs with these values of state, type or job, in the order in which they were made."""
        found = self.objects.listed("default")
        found.sort(key=lambda one: int(one["metadata"]["resourceVersion"]))
        return [one for one in found if wanted.items() <= _told(one).items()]

    def statuses(self, sha: str) -> list[tuple[str, str]]:
        """Give the contexts and states of the statuses of a commit, oldest first."""
        return [(status.context, status.state) for status in self.repository.statuses.get(sha, ())]

    def create(self, name: str, **spec: Any) -> JsonObject:
        """Bring a ProwJob as a queue does."""
        state = spec.pop("state", "triggered")
        pulls = [{"number": pull.number, "sha": pull.head_sha, "author": pull.author} for pull in spec.pop("pulls", ())]
        base = {"org": "acme", "repo": "rocket", "base_ref": "main", "base_sha": self.repository.branches["main"]}
        refs = {**base, "pulls": pulls}
        started = self.time.clock.now.strftime("%Y-%m-%dT%H:%M:%SZ")
        defaults = {"type": "presubmit", "job": "unit", "context": "unit", "agent": "kubernetes", "refs": refs}
        return self.objects.create(
            {
                "metadata": {"name": name, "namespace": "default"},
                "spec": {**defaults, **spec},
                "status": {"startTime": started, "state": state},
            }
        )


def _told(prowjob: JsonObject) -> dict[str, str]:
    spec = prowjob["spec"]
    return {"state": prowjob["status"]["state"], "type": spec["type"], "job": spec["job"]}


@asynccontextmanager
async def prow(
    root: Path,
    jobs: Sequence[Presubmit] = (presubmit("unit"),),
    *,
    verdict: Verdict | None = None,
    **settings: Any,
) -> AsyncIterator[Prow]:
    """Give a running cluster; jobs take ten seconds."""
    time = Timeline()
    forge = Forge(time.clock, root)
    repository = await forge.create_repository("acme", "rocket")
    contents = {path: text.encode() for path, text in CORE.items()}
    first = NewCommit(parents=(), files=contents, message="First", author=AUTHOR, at=time.clock.now)
    (sha,) = await repository.git.write_commits([first])
    for branch in ("main", "next"):
        await forge.write_branch(repository, branch, sha)
    objects = ApiObjects(time.clock)
    chosen = ClusterSettings(job_seconds=10, max_prowjob_age=timedelta(hours=1), **settings)
    cluster = Cluster(forge, objects, lambda _repo: jobs, chosen, time.sleep, verdict)
    async with cluster.running():
        yield Prow(forge, repository, objects, cluster, time)
