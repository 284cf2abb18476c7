"""A simulated API server on the loopback, and a client that speaks to it as any other would."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from tests.kubernetes_api import ServedApi, serving_api
from tide.adapters.trust import shared_trust
from tide.sandbox.faults import Fault
from tide.sandbox.kubernetes.api import KubernetesApi
from tide.sandbox.kubernetes.definitions import read_definition

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
PROWJOBS = "/apis/prow.k8s.io/v1/namespaces/prow/prowjobs"
EVERYWHERE = "/apis/prow.k8s.io/v1/prowjobs"
DEFINITION = Path(__file__).parents[3].parent / "shared" / "data" / "prowjob-crd.yaml"
PATIENCE = 60


@dataclass
class Clock:
    """Time that only the test moves."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **delta: float) -> None:
        self.now += timedelta(**delta)


def prowjob(name: str = "", namespace: str = "", **metadata: Any) -> dict[str, Any]:
    """Build an object as small as Prow's definition lets it be."""
    given = {"name": name, "namespace": namespace} | metadata
    return {
        "apiVersion": "prow.k8s.io/v1",
        "kind": "ProwJob",
        "metadata": {key: value for key, value in given.items() if value},
        "spec": {"job": "unit", "type": "presubmit"},
    }


@dataclass
class Cluster:
    """A served API server with the namespaces ``default``, ``prow`` and ``other``."""

    served: ServedApi
    clock: Clock
    client: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.speaking("token")

    @property
    def api(self) -> KubernetesApi:
        return self.served.api

    def speaking(self, token: str) -> httpx.AsyncClient:
        """Give a client with a token."""
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.AsyncClient(base_url=self.served.url, headers=headers, timeout=PATIENCE, verify=shared_trust())

    def add(self, *names: str, namespace: str = "prow", **metadata: Any) -> int:
        """Make ProwJobs from inside; give the resource version of the last one."""
        for name in names:
            self.api.prowjobs.create(prowjob(name, namespace, **metadata))
        return self.api.prowjobs.revision

    def fault(self, kind: str, path: str = "prowjobs", **fields: Any) -> None:
        """Let requests go wrong."""
        self.served.faults.add(Fault.model_validate({"kind": kind, "path": path, **fields}))

    async def create(self, name: str = "", **metadata: Any) -> httpx.Response:
        return await self.client.post(PROWJOBS, json=prowjob(name, **metadata))

    async def get(self, path: str = PROWJOBS, **query: Any) -> Any:
        """Read something that is there."""
        answer = await self.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def names(self, path: str = PROWJOBS, **query: Any) -> list[str]:
        """List names."""
        return [item["metadata"]["name"] for item in (await self.get(path, **query))["items"]]

    @asynccontextmanager
    async def watching(self, path: str = PROWJOBS, **query: Any) -> AsyncIterator["Watching"]:
        """Watch while the block runs."""
        params = {"watch": "true", **query}
        async with self.client.stream("GET", path, params=params) as answer:
            assert answer.status_code == 200, (await answer.aread()).decode()
            yield Watching(answer.aiter_lines())


@dataclass
class Watching:
    """A watch that stands."""

    lines: AsyncIterator[str]

    async def next(self) -> tuple[str, Any]:
        """Give the next event: its type and object."""
        async with asyncio.timeout(PATIENCE):
            event = json.loads(await anext(self.lines))
        return event["type"], event["object"]

    async def named(self, count: int) -> list[tuple[str, str]]:
        """Give the types and names of the next events."""
        events = [await self.next() for _ in range(count)]
        return [(kind, obj["metadata"]["name"]) for kind, obj in events]

    async def rest(self) -> list[tuple[str, Any]]:
        """Give what comes until the watch ends."""
        async with asyncio.timeout(PATIENCE):
            events = [json.loads(line) async for line in self.lines]
        return [(event["type"], event["object"]) for event in events]


@asynccontextmanager
async def running(*, prows_definition: bool = False, **settings: Any) -> AsyncIterator[Cluster]:
    """Serve an API server; with Prow's own definition if asked for, which must be at hand."""
    clock = Clock()
    definition = read_definition(DEFINITION) if prows_definition else None
    api = KubernetesApi(clock, definition=definition, namespaces=["prow", "other"], **settings)
    async with serving_api(api, now=clock) as served:
        cluster = Cluster(served, clock)
        async with cluster.client:
            yield cluster
