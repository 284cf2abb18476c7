"""A simulated API server on loopback, and runners that are connected to it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.builders import BASE, NOW, POOL, make_job, sha
from tide.adapters.http_server import bound_socket, serving_on
from tide.adapters.kubernetes.connect import kubernetes
from tide.adapters.kubernetes.finding import KubernetesSettings
from tide.adapters.kubernetes.runner import KubernetesRunner
from tide.adapters.kubernetes.times import Times
from tide.adapters.prowjobs.writing import ProwSettings, build
from tide.domain.keys import PoolKey
from tide.domain.runs import Candidate, Head, Purpose, Run, RunState
from tide.sandbox.fault_layer import FaultLayer
from tide.sandbox.faults import Fault, Faults
from tide.sandbox.kubernetes.api import KubernetesApi
from tide.sandbox.kubernetes.kubeconfig import write_kubeconfig

NAMESPACE = "prow-jobs"
PROWJOBS = "/prowjobs$"
PATH = f"/apis/prow.k8s.io/v1/namespaces/{NAMESPACE}/prowjobs"
SWIFT = Times(create=20, get=20, page=20, watch=30, silence=20, outdated=90, first_pause=0.01, longest_pause=0.05)
PATIENCE = 60.0  # seconds

T = TypeVar("T")


@dataclass
class Clock:
    """Time that only the test moves."""

    seconds: float = 0.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def steady(self) -> float:
        return self.seconds


@dataclass
class Prow:
    """The cluster as a test sees it: `asked` are the requests so far, `told` what the runner said of outages."""

    url: str
    kubeconfig: Path
    api: KubernetesApi
    faults: Faults
    clock: Clock = field(default_factory=Clock)
    asked: list[tuple[str, str]] = field(default_factory=list)
    changes: list[PoolKey] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    stirred: asyncio.Event = field(default_factory=asyncio.Event)
    covered: set[str] = field(default_factory=lambda: {POOL.repo})

    @asynccontextmanager
    async def connected(self, times: Times = SWIFT, **fields: Any) -> AsyncIterator[KubernetesRunner]:
        """Give a runner that does not follow yet."""
        given: dict[str, Any] = {"namespace": NAMESPACE, "kubeconfig": self.kubeconfig, "environment": {}} | fields
        async with kubernetes(
            KubernetesSettings(times=times, **given),
            clock=self.clock,
            prow=ProwSettings,
            is_covered=lambda repo: repo.name in self.covered,
            on_change=self._on_change,
            on_outage=self._on_outage,
        ) as runner:
            yield runner

    @asynccontextmanager
    async def following(self, times: Times = SWIFT, **fields: Any) -> AsyncIterator[KubernetesRunner]:
        """Give a runner that has listed everything."""
        async with self.connected(times, **fields) as runner, runner:
            await self.until(lambda: "" in self.told, "the first list")
            yield runner

    async def until(self, find: Callable[[], T], what: str) -> T:
        """Wait until `find` gives something true, looking whenever anything happens."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not (found := find()):
                    self.stirred.clear()
                    await self.stirred.wait()
        except TimeoutError:
            raise AssertionError(f"no {what}; told: {self.told}, asked: {self.asked[-8:]}") from None
        return found

    async def until_state(self, runner: KubernetesRunner, name: str, *states: RunState) -> None:
        """Wait until a run is in one of the states; without one, until it is gone."""

        def is_there() -> bool:
            run = runner.cache.find(name)
            return run.state in states if run else not states

        await self.until(is_there, f"run {name} in {states}")

    def add(self, number: int, state: str = "triggered", *, pool: PoolKey = POOL, **fields: Any) -> str:
        """Make a ProwJob behind the API; `fields` replace those of its pull request."""
        made = prowjob(number, state, pool=pool)
        made["spec"]["refs"]["pulls"][0] |= fields
        self.api.prowjobs.create(made)
        return str(made["metadata"]["name"])

    def change(self, name: str, state: str) -> None:
        """Change the state of a ProwJob behind the API, as plank does."""
        content = self.api.prowjobs.get(NAMESPACE, name)
        content["status"] |= {"state": state, "completionTime": "2026-01-02T04:00:00Z"}
        self.api.prowjobs.replace(content)

    def fault(self, kind: str, path: str = PROWJOBS, **fields: Any) -> None:
        """Let requests go wrong; see `tide.sandbox.faults.Fault`."""
        self.faults.add(Fault.model_validate({"kind": kind, "path": path, **fields}))

    def names(self) -> list[str]:
        """List what the cluster has."""
        return [content["metadata"]["name"] for content in self.api.prowjobs.listed(NAMESPACE)]

    def counted(self, method: str, part: str = "") -> int:
        """Count the requests of a method with a text in path and query."""
        return sum(asked == method and part in place for asked, place in self.asked)

    def _on_change(self, pool: PoolKey) -> None:
        self.changes.append(pool)
        self.stirred.set()

    def _on_outage(self, message: str) -> None:
        self.told.append(message)
        self.stirred.set()


@asynccontextmanager
async def prow(place: Path) -> AsyncIterator[Prow]:
    """Serve an API server with one namespace for ProwJobs."""
    clock = Clock()
    api, faults = KubernetesApi(clock.now, namespaces=[NAMESPACE]), Faults()
    listening = bound_socket("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    write_kubeconfig(place / "kubeconfig", url, "token", NAMESPACE)
    made = Prow(url, place / "kubeconfig", api, faults, clock)
    app = FaultLayer(Starlette(routes=list(api.routes())), faults=faults, now=clock.now)
    async with serving_on(listening, _Noting(app, made), grace_seconds=1):
        yield made


@dataclass
class _Noting:
    app: ASGIApp
    prow: Prow

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.prow.asked.append((scope["method"], f"{scope['path']}?{scope['query_string'].decode()}"))
            self.prow.stirred.set()
        await self.app(scope, receive, send)


def prowjob(number: int, state: str = "triggered", *, pool: PoolKey = POOL, job: str = "unit") -> dict[str, Any]:
    """Build the object that somebody made for one pull request."""
    made = build(alone(number, pool), make_job(job), Purpose.RETEST, 1, NOW, ProwSettings(NAMESPACE))
    made["status"]["state"] = state
    return made


def alone(number: int, pool: PoolKey = POOL) -> Candidate:
    """Build a candidate of one pull request."""
    return Candidate(pool, BASE, (Head(number, sha(number), author="alice", title=f"Change {number}"),))


def numbers(runs: Collection[Run]) -> set[int]:
    """Give the pull requests of runs."""
    return {number for run in runs for number, _ in run.heads}


def status(code: int, reason: str, message: str = "") -> dict[str, Any]:
    """Build what an API server answers when it refuses."""
    told = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message or reason, "reason": reason}
    return told | {"code": code}


def swift(**changes: float) -> Times:
    """Give times that suit a test."""
    return replace(SWIFT, **changes)
