"""The API server with the client that the daemon uses."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from lightkube import AsyncClient, KubeConfig
from lightkube.core.exceptions import ApiError
from lightkube.generic_resource import create_namespaced_resource
from lightkube.resources.core_v1 import Namespace
from lightkube.types import PatchType

from tests.contract.kubernetes.cluster import Cluster, prowjob
from tide.sandbox.kubernetes.kubeconfig import write_kubeconfig

ProwJob: Any = create_namespaced_resource("prow.k8s.io", "v1", "ProwJob", "prowjobs")


@pytest.fixture
async def client(cluster: Cluster, tmp_path: Path) -> AsyncIterator[Any]:
    path = tmp_path / "kubeconfig"
    write_kubeconfig(path, cluster.served.url, "token", "prow")
    made: Any = AsyncClient(KubeConfig.from_file(path).get(), trust_env=False)
    yield made
    await made.close()


async def test_objects_are_created_read_changed_and_deleted(client: Any) -> None:
    created = await client.create(ProwJob(prowjob("a", "prow", labels={"x": "1"})))
    assert created.metadata.resourceVersion
    patch = {"status": {"state": "aborted"}}
    patched = await client.patch(ProwJob, "a", patch, patch_type=PatchType.MERGE)
    assert (patched.status, patched.metadata.uid) == ({"state": "aborted"}, created.metadata.uid)
    await client.delete(ProwJob, "a")
    with pytest.raises(ApiError) as caught:
        await client.get(ProwJob, "a")
    assert (caught.value.status.code, caught.value.status.reason) == (404, "NotFound")


async def test_refusals_arrive_as_problems_of_the_api(client: Any) -> None:
    await client.create(ProwJob(prowjob("a", "prow")))
    with pytest.raises(ApiError) as taken:
        await client.create(ProwJob(prowjob("a", "prow")))
    assert (taken.value.status.code, taken.value.status.reason) == (409, "AlreadyExists")
    with pytest.raises(ApiError) as invalid:
        await client.create(ProwJob(prowjob("b", "prow", labels={"x": "a b"})))
    assert invalid.value.status.reason == "Invalid"


async def test_pages_are_put_together(cluster: Cluster, client: Any) -> None:
    version = cluster.add(*(f"job-{number:03}" for number in range(25)))
    listed = client.list(ProwJob, chunk_size=10)
    names = [each.metadata.name async for each in listed]
    assert names == [f"job-{number:03}" for number in range(25)]
    assert listed.resourceVersion == str(version)
    assert [each async for each in client.list(ProwJob, namespace="*", labels={"x": "1"})] == []


async def test_changes_are_watched_over_a_dropped_connection(cluster: Cluster, client: Any) -> None:
    version = cluster.add("a")
    cluster.add("b")
    seen = []
    async for kind, obj in client.watch(ProwJob, resource_version=str(version)):
        seen.append((kind, obj.metadata.name))
        if len(seen) > 1:
            break
        cluster.api.drop_watches()
        cluster.api.prowjobs.delete("prow", "a")
    assert seen == [("ADDED", "b"), ("DELETED", "a")]


async def test_a_version_that_is_too_old_arrives_as_a_problem(cluster: Cluster, client: Any) -> None:
    version = cluster.add("a")
    cluster.api.expire_watches()
    with pytest.raises(ApiError) as caught:
        await anext(client.watch(ProwJob, resource_version=str(version)))
    assert (caught.value.status.code, caught.value.status.reason) == (410, "Expired")


async def test_namespaces_are_written_with_their_type(client: Any) -> None:
    created = await client.create(Namespace.from_dict({"metadata": {"name": "test"}}))
    assert created.status.phase == "Active"
    await client.delete(Namespace, "test")
    with pytest.raises(httpx2.HTTPStatusError):
        await client.get(Namespace, "test")
