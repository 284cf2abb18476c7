"""An API server to run the suite against: the one that TIDE_TEST_KUBECONFIG names, or the sandbox's.

No plank runs there: the lab itself writes how runs end, by merge patches.
"""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anyio.from_thread import start_blocking_portal
from lightkube import ApiError, Client, KubeConfig
from lightkube.generic_resource import create_namespaced_resource
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition
from lightkube.resources.core_v1 import Namespace
from lightkube.types import PatchType

from tests.builders import POOL, sha
from tests.kubernetes_api import serving_api
from tide.adapters.clock import SystemClock
from tide.adapters.kubernetes.connect import kubernetes
from tide.adapters.kubernetes.finding import KubernetesSettings
from tide.adapters.kubernetes.runner import KubernetesRunner
from tide.adapters.prowjobs.writing import ProwSettings
from tide.domain.runs import Candidate, Head, Run
from tide.ports.job_runner import JobRunner
from tide.sandbox.kubernetes.api import KubernetesApi
from tide.sandbox.kubernetes.definitions import prowjob_definition, read_definition
from tide.sandbox.kubernetes.kubeconfig import write_kubeconfig

KUBECONFIG, DEFINITION = "TIDE_TEST_KUBECONFIG", "TIDE_TEST_PROWJOB_CRD"
PATIENCE = 60.0  # seconds
_PROWS_OWN = Path(__file__).parents[3].parent / "shared" / "data" / "prowjob-crd.yaml"
_NAME = "prowjobs.prow.k8s.io"

ProwJob = create_namespaced_resource("prow.k8s.io", "v1", "ProwJob", "prowjobs")


@contextmanager
def kubeconfig(place: Path) -> Iterator[Path]:
    """Give the file by which an API server is found; the sandbox's runs in a thread, and knows no ProwJobs yet."""
    named = os.environ.get(KUBECONFIG)
    if named:
        yield Path(named)
        return
    clock = SystemClock()
    api = KubernetesApi(clock.now)
    api.definitions.delete("", _NAME)
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(serving_api(api, now=clock.now)) as served,
    ):
        write_kubeconfig(place / "kubeconfig", served.url, "token")
        yield place / "kubeconfig"


@contextmanager
def with_prowjobs(admin: Client) -> Iterator[None]:
    """Let the cluster know ProwJobs while the block runs; a definition that is there already stays."""
    try:
        admin.get(CustomResourceDefinition, _NAME)
    except ApiError as error:
        if error.status.code != 404:
            raise
    else:
        yield
        return
    definition = CustomResourceDefinition.from_dict(_definition())
    assert isinstance(definition, CustomResourceDefinition)
    admin.create(definition)
    try:
        admin.wait(CustomResourceDefinition, _NAME, for_conditions=["Established"])
        yield
    finally:
        admin.delete(CustomResourceDefinition, _NAME)


@contextmanager
def namespace(admin: Client) -> Iterator[str]:
    """Give a namespace of one's own."""
    name = f"tide-test-{uuid.uuid4().hex[:10]}"
    admin.create(Namespace(metadata=ObjectMeta(name=name)))
    try:
        yield name
    finally:
        admin.delete(Namespace, name)


def administrator(path: Path) -> Client:
    """Connect as somebody who may do more than the runner needs to."""
    return Client(config=KubeConfig.from_file(path))


@dataclass
class ClusterLab:
    """A runner on an API server, and the hand that plays plank."""

    admin: Client
    kubeconfig: Path
    namespace: str
    shared: Path
    base: str = sha("base")
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    def head(self, number: int) -> Head:
        return Head(number, sha(f"{self.namespace}{number}"), author="alice", title=f"Change {number}")

    def candidate(self, *heads: Head) -> Candidate:
        return Candidate(POOL, self.base, heads)

    @asynccontextmanager
    async def runner(self, **fields: Any) -> AsyncIterator[KubernetesRunner]:
        """Give a runner that has listed everything."""
        told: list[str] = []

        def hear(message: str) -> None:
            told.append(message)
            self.moved.set()

        settings: dict[str, Any] = {"namespace": self.namespace, "kubeconfig": self.kubeconfig} | fields
        async with (
            kubernetes(
                KubernetesSettings(**settings),
                clock=SystemClock(),
                prow=ProwSettings,
                on_change=lambda _: self.moved.set(),
                on_outage=hear,
            ) as made,
            made,
        ):
            await self.until(lambda: "" in told)
            yield made

    async def ended(self, runner: JobRunner, name: str) -> Run:
        made = self.admin.get(ProwJob, name, namespace=self.namespace)
        script = made["spec"]["pod_spec"]["containers"][0]["args"][0]
        self.end(name, "failure" if "exit 1" in script else "success")
        async with asyncio.timeout(PATIENCE):
            while True:
                self.moved.clear()
                (run,) = await runner.find([name])
                if not run.state.is_live:
                    return run
                await self.moved.wait()

    def end(self, name: str, state: str) -> None:
        """Write how a run ends."""
        ended = {"status": {"state": state, "completionTime": "2026-01-02T04:00:00Z", "description": "Job ended."}}
        self.admin.patch(ProwJob, name, ended, namespace=self.namespace, patch_type=PatchType.MERGE)

    async def until(self, is_so: Callable[[], object]) -> None:
        """Wait until something is so, looking whenever the runner has told anything."""
        async with asyncio.timeout(PATIENCE):
            while not is_so():
                self.moved.clear()
                await self.moved.wait()


def _definition() -> dict[str, Any]:
    named = os.environ.get(DEFINITION)
    if named:
        return read_definition(Path(named))
    if os.environ.get(KUBECONFIG):
        raise LookupError(f"the cluster that {KUBECONFIG} names knows no ProwJobs, and {DEFINITION} is not set")
    return read_definition(_PROWS_OWN) if _PROWS_OWN.exists() else prowjob_definition()
