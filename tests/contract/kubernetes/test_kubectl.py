"""The API server with the client that people use."""

import asyncio
import json
import os
import shutil
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.kubernetes.cluster import Cluster, prowjob
from tide.sandbox.kubernetes.kubeconfig import write_kubeconfig

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on the PATH")

PATIENCE = 60


@dataclass
class Kubectl:
    """The program, set up for the simulated cluster."""

    place: Path

    async def start(self, *arguments: str) -> Process:
        environment = os.environ | {"KUBECONFIG": str(self.place / "kubeconfig"), "HOME": str(self.place)}
        return await asyncio.create_subprocess_exec(
            "kubectl", *arguments, env=environment, stdin=PIPE, stdout=PIPE, stderr=PIPE
        )

    async def fail(self, *arguments: str, given: Any = None) -> str:
        """Run it; give what it says of its failure."""
        process = await self.start(*arguments)
        async with asyncio.timeout(PATIENCE):
            _, errors = await process.communicate(yaml.safe_dump(given).encode())
        assert process.returncode, arguments
        return errors.decode().strip()

    async def __call__(self, *arguments: str, given: Any = None) -> str:
        """Run it; give what it says."""
        process = await self.start(*arguments)
        async with asyncio.timeout(PATIENCE):
            output, errors = await process.communicate(yaml.safe_dump(given).encode())
        assert process.returncode == 0, errors.decode()
        return output.decode().strip()


@pytest.fixture
def kubectl(cluster: Cluster, tmp_path: Path) -> Kubectl:
    write_kubeconfig(tmp_path / "kubeconfig", cluster.served.url, "token", "prow")
    return Kubectl(tmp_path)


async def test_kinds_are_found(kubectl: Kubectl) -> None:
    told = [line.split() for line in (await kubectl("api-resources", "--no-headers")).splitlines()]
    assert ["prowjobs", "prow.k8s.io/v1", "true", "ProwJob"] in told
    assert ["namespaces", "ns", "v1", "false", "Namespace"] in told


async def test_objects_are_created_and_shown(cluster: Cluster, kubectl: Kubectl) -> None:
    given = prowjob("a", labels={"x": "1"})
    assert await kubectl("create", "-f", "-", given=given) == "prowjob.prow.k8s.io/a created"
    header, row = (await kubectl("get", "prowjobs")).splitlines()
    assert header.split()[:3] == ["NAME", "JOB", "BUILDID"]
    assert row.split()[:3] == ["a", "unit", "presubmit"]
    assert yaml.safe_load(await kubectl("get", "prowjob", "a", "-o", "yaml")) == cluster.api.prowjobs.get("prow", "a")
    everywhere = (await kubectl("get", "prowjobs", "-A", "-l", "x=1", "--no-headers")).split()
    assert everywhere[:3] == ["prow", "a", "unit"]


async def test_objects_are_applied_twice_and_once(cluster: Cluster, kubectl: Kubectl) -> None:
    assert await kubectl("apply", "-f", "-", given=prowjob("a")) == "prowjob.prow.k8s.io/a created"
    assert await kubectl("apply", "-f", "-", given=prowjob("a")) == "prowjob.prow.k8s.io/a unchanged"
    changed = prowjob("a", labels={"x": "1"})
    assert await kubectl("apply", "-f", "-", given=changed) == "prowjob.prow.k8s.io/a configured"
    assert cluster.api.prowjobs.get("prow", "a")["metadata"]["labels"] == {"x": "1"}
    server_side = await kubectl("apply", "--server-side", "-f", "-", given=prowjob("b"))
    assert server_side == "prowjob.prow.k8s.io/b serverside-applied"


async def test_objects_are_patched_and_deleted(cluster: Cluster, kubectl: Kubectl) -> None:
    cluster.add("a", "b", "c")
    await kubectl("patch", "prowjob", "a", "--type=merge", "-p", json.dumps({"status": {"state": "aborted"}}))
    operations = [{"op": "replace", "path": "/spec/job", "value": "other"}]
    await kubectl("patch", "prowjob", "a", "--type=json", "-p", json.dumps(operations))
    await kubectl("label", "prowjob", "a", "x=1")
    changed = cluster.api.prowjobs.get("prow", "a")
    assert (changed["status"]["state"], changed["spec"]["job"]) == ("aborted", "other")
    assert changed["metadata"]["labels"] == {"x": "1"}
    assert await kubectl("delete", "prowjob", "a") == 'prowjob.prow.k8s.io "a" deleted'
    await kubectl("delete", "prowjobs", "--all")
    assert not cluster.api.prowjobs.listed()


async def test_changes_are_shown_while_they_happen(cluster: Cluster, kubectl: Kubectl) -> None:
    cluster.add("a")
    process = await kubectl.start("get", "prowjobs", "-w", "--no-headers")
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        first = await process.stdout.readline()
        cluster.add("b")
        second = await process.stdout.readline()
        cluster.api.drop_watches()
        await process.wait()
    assert [line.split()[0] for line in (first, second)] == [b"a", b"b"]


async def test_refusals_are_told(cluster: Cluster, kubectl: Kubectl) -> None:
    cluster.add("a")
    assert await kubectl.fail("get", "prowjob", "b") == (
        'Error from server (NotFound): prowjobs.prow.k8s.io "b" not found'
    )
    taken = await kubectl.fail("create", "-f", "-", given=prowjob("a"))
    assert taken.endswith('prowjobs.prow.k8s.io "a" already exists')
    invalid = await kubectl.fail("create", "-f", "-", given=prowjob("b", labels={"x": "a b"}))
    assert invalid.startswith('The ProwJob "b" is invalid: metadata.labels: Invalid value: "a b"')
    unknown = await kubectl.fail("create", "-f", "-", given=prowjob("b") | {"extra": 1})
    assert 'strict decoding error: unknown field "extra"' in unknown
    cluster.api.definitions.delete("", "prowjobs.prow.k8s.io")
    assert "the server doesn't have a resource type" in await kubectl.fail("get", "prowjobs.prow.k8s.io")


async def test_access_is_reviewed(cluster: Cluster, kubectl: Kubectl) -> None:
    assert await kubectl("auth", "can-i", "create", "prowjobs") == "yes"
    # Without TLS kubectl sends no token.
    cluster.api.access.limit("system:anonymous", [("list", "prowjobs", "prow")])
    assert await kubectl("auth", "can-i", "list", "prowjobs") == "yes"
    process = await kubectl.start("auth", "can-i", "create", "prowjobs")
    async with asyncio.timeout(PATIENCE):
        output, _ = await process.communicate()
    assert (process.returncode, output.strip()) == (1, b"no")
    assert 'User "system:anonymous" cannot delete resource "prowjobs"' in await kubectl.fail("delete", "prowjobs", "a")


async def test_namespaces_come_and_go(cluster: Cluster, kubectl: Kubectl) -> None:
    assert await kubectl("create", "namespace", "test") == "namespace/test created"
    cluster.add("a", namespace="test")
    assert await kubectl("delete", "namespace", "test") == 'namespace "test" deleted'
    assert (await kubectl("get", "namespaces", "-o", "name")).split() == [
        "namespace/default",
        "namespace/other",
        "namespace/prow",
    ]
    assert not cluster.api.prowjobs.listed()


async def test_a_definition_is_explained(cluster: Cluster, kubectl: Kubectl) -> None:
    del cluster
    assert "prow.k8s.io" in await kubectl("explain", "prowjobs")
    assert "prowjobs.prow.k8s.io" in await kubectl("get", "crds")
