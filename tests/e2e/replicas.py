"""Two replicas as processes of their own, on a simulated GitHub and a simulated cluster in the test's process."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import yaml

from tests.integration.sandbox.world import AUTHOR
from tests.programs import TIDE, Program, started
from tide.adapters.clock import SystemClock
from tide.adapters.postgres.store import PostgresStore
from tide.adapters.trust import shared_trust
from tide.domain.jobs import Presubmit
from tide.sandbox.cluster.cluster import Cluster
from tide.sandbox.cluster.settings import ClusterSettings
from tide.sandbox.commits import NewCommit
from tide.sandbox.kubernetes.api import KubernetesApi
from tide.sandbox.kubernetes.kubeconfig import write_kubeconfig
from tide.sandbox.model import PullRequest, Repository
from tide.sandbox.server import Sandbox, Settings, running
from tide.sandbox.state import Forge, NewPull

T = TypeVar("T")

JOB: dict[str, Any] = {"name": "unit", "always_run": True, "spec": {"containers": [{"image": "none"}]}}
CONFIG: dict[str, Any] = {
    "tide": {"sync_period": "5s", "queries": [{"orgs": ["acme"], "labels": ["lgtm"]}]},
    "presubmits": {"acme/rocket": [JOB]},
}
PATIENCE = 120.0
SOON = 0.05


@dataclass(frozen=True)
class Replica:
    """One `tide run`."""

    program: Program
    port: int

    @property
    def holder(self) -> str:
        """What stands in the name under which it leads."""
        return f"/{self.program.process.pid}/"

    def kill(self) -> None:
        """End it at once, as kill -9 does."""
        os.kill(self.program.process.pid, signal.SIGKILL)
        self.program.process.wait()

    async def page(self, path: str = "/") -> httpx.Response:
        """Ask for a page as a browser does."""
        async with httpx.AsyncClient(timeout=30, headers={"Accept": "text/html"}, verify=shared_trust()) as client:
            return await client.get(f"http://127.0.0.1:{self.port}{path}")


@dataclass
class Town:
    """GitHub with `acme/rocket`, a cluster, and the database that the replicas share."""

    place: Path
    database_url: str
    store: PostgresStore
    sandbox: Sandbox
    api: KubernetesApi
    programs: ExitStack = field(default_factory=ExitStack)
    replicas: int = 0

    @property
    def forge(self) -> Forge:
        return self.sandbox.forge

    @property
    def repository(self) -> Repository:
        return self.forge.repository("acme/rocket")

    async def start(self) -> Replica:
        """Start one more replica, and wait until its page is up, and the tables are there."""
        self.replicas += 1
        replica = await asyncio.to_thread(self.programs.enter_context, self._replica(f"replica-{self.replicas}"))
        await self.until(lambda: self._is_up(replica))
        return replica

    async def push(self, branch: str, name: str) -> str:
        """Push a commit that adds a part."""
        repository = self.repository
        parent = repository.branches.get(branch) or repository.branches["main"]
        files: dict[str, bytes | None] = {f"parts/{name}.part": f"provides {name}\n".encode()}
        new = NewCommit(parents=(parent,), files=files, message=f"Add {name}", author=AUTHOR, at=self.forge.now())
        (sha,) = await repository.git.write_commits([new])
        await self.forge.write_branch(repository, branch, sha, actor="alice")
        return sha

    async def open_pull(self, name: str) -> PullRequest:
        """Open a pull request that nobody has asked to be merged yet."""
        await self.push(name, name)
        return self.forge.open_pull(
            self.repository, NewPull(title=f"Add {name}", head_ref=name, base_ref="main"), "alice"
        )

    def ask_to_merge(self, *pulls: PullRequest) -> None:
        """Label pull requests for the queue."""
        for pull in pulls:
            self.forge.add_label(self.repository, pull, "lgtm", "bob")

    async def until(self, find: Callable[[], Any], what: str = "what is waited for") -> Any:
        """Wait until `find` (maybe a coroutine function) gives something; give that."""
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    found = find()
                    if asyncio.iscoroutine(found):
                        found = await found
                    if found:
                        return found
                    await asyncio.sleep(SOON)
        except TimeoutError:
            logs = "\n".join(path.read_text()[-3000:] for path in sorted(self.place.glob("replica-*.err")))
            raise AssertionError(f"no {what} in {PATIENCE:.0f} seconds\n{logs}") from None

    async def leader(self) -> str:
        """Give the holder of the lease, "" when nobody leads."""
        rows = await self.rows("SELECT holder FROM leases WHERE expires_at > clock_timestamp()")
        return str(rows[0]["holder"]) if rows else ""

    async def rows(self, query: str) -> list[dict[str, Any]]:
        """Ask the database."""
        async with self.store.engine.connect() as connection:
            return [dict(row) for row in (await connection.exec_driver_sql(query)).mappings()]

    def merges(self, pull: PullRequest) -> list[str]:
        """Give the commits by which a pull request came onto a branch."""
        return [push.after for push in self.pushes if push.pull is pull and push.after]

    @property
    def pushes(self) -> list[Any]:
        """Every push so far."""
        return [change for change in self.forge.log.recent if hasattr(change, "after")]

    async def _is_up(self, replica: Replica) -> bool:
        return "database" not in (await replica.page("/readyz")).text

    @contextmanager
    def _replica(self, name: str) -> Iterator[Replica]:
        data = self.place / name
        data.mkdir()
        flags = [
            "--dry-run=false",
            f"--config-path={self.place / 'config.yaml'}",
            f"--kubeconfig={self.place / 'kubeconfig'}",
            f"--github-endpoint={self.sandbox.url}",
            f"--github-graphql-endpoint={self.sandbox.graphql_url}",
            f"--github-host={self.sandbox.url}",
            f"--github-token-path={self.place / 'token'}",
            f"--database-url={self.database_url}",
            f"--data-dir={data}",
            *("--port=0", "--metrics-port=0", "--health-port=0", "--bind=127.0.0.1"),
        ]
        with started([*TIDE, "run", *flags], self.place, name) as program:
            told = program.serving()
            yield Replica(program, told["port"])


@asynccontextmanager
async def town(place: Path, database_url: str, store: PostgresStore) -> AsyncIterator[Town]:
    """Serve GitHub and the cluster; there is no replica yet."""
    forge = Forge(SystemClock().now, place / "forge")
    (place / "forge").mkdir()
    (place / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    (place / "token").write_text("sandbox-token\n")
    repository = await forge.create_repository("acme", "rocket")
    core: dict[str, bytes | None] = {"parts/core.part": b"provides core\n"}
    begin = NewCommit(parents=(), files=core, message="Begin", author=AUTHOR, at=forge.now())
    (first,) = await repository.git.write_commits([begin])
    await forge.write_branch(repository, "main", first)
    api = KubernetesApi(forge.now)
    unit = Presubmit("unit", "unit", always_run=True, definition={**JOB, "agent": "kubernetes"})
    cluster = Cluster(forge, api.prowjobs, lambda _repo: (unit,), ClusterSettings(job_seconds=0.5))
    async with running(forge, settings=Settings(routes=api.routes())) as sandbox, cluster.running():
        write_kubeconfig(place / "kubeconfig", sandbox.url, "sandbox-token")
        made = Town(place, database_url, store, sandbox, api)
        try:
            yield made
        finally:
            await asyncio.to_thread(made.programs.close)
