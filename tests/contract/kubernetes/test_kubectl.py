"""The API server with the client that people use."""

import asyncio
import json
import os
import shutil
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.contract.kubernetes.cluster import Cluster
from tide.sandbox.kubernetes.kubeconfig import write_kubeconfig

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on the PATH")

PATIENCE = 60


@dataclass
class Kubectl:
    """The program, set up for the simulated cluster."""

    place: Path

    async def start(self, *arguments: str) -> Process:
        environment = os.environ | {"KUBECONFIG": str(self.place / "kubeconfig"), "HOME": str(self.place)}
        return await asyncio.create_subprocess_exec("kubectl", *arguments, env=environment, stdout=PIPE, stderr=PIPE)

    async def fail(self, *arguments: str) -> str:
        """Run it; give what it says of its failure."""
        process = await self.start(*arguments)
        async with asyncio.timeout(PATIENCE):
            _, errors = await process.communicate()
        assert process.returncode, arguments
        return errors.decode().strip()

    async def __call__(self, *arguments: str) -> str:
        """Run it; give what it says."""
        process = await self.start(*arguments)
        async with asyncio.timeout(PATIENCE):
            output, errors = await process.communicate()
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


async def test_objects_are_shown(cluster: Cluster, kubectl: Kubectl) -> None:
    cluster.add("a", labels={"x": "1"})
    header, row = (await kubectl("get", "prowjobs")).splitlines()
    assert header.split()[:3] == ["NAME", "JOB", "BUILDID"]
    assert row.split()[:3] == ["a", "unit", "presubmit"]
    assert yaml.safe_load(await kubectl("get", "prowjob", "a", "-o", "yaml")) == cluster.api.prowjobs.get("prow", "a")
    everywhere = (await kubectl("get", "prowjobs", "-A", "-l", "x=1", "--no-headers")).split()
    assert everywhere[:3] == ["prow", "a", "unit"]


async def test_objects_are_patched_and_deleted(cluster: Cluster, kubectl: Kubectl) -> None:
    cluster.add("a")
    await kubectl("patch", "prowjob", "a", "--type=merge", "-p", json.dumps({"status": {"state": "aborted"}}))
    await kubectl("label", "prowjob", "a", "x=1")
    changed = cluster.api.prowjobs.get("prow", "a")
    assert (changed["status"]["state"], changed["metadata"]["labels"]) == ("aborted", {"x": "1"})
    assert await kubectl("delete", "prowjob", "a") == 'prowjob.prow.k8s.io "a" deleted'
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
    assert await kubectl.fail("get", "prowjob", "b") == (
        'Error from server (NotFound): prowjobs.prow.k8s.io "b" not found'
    )
    # Without TLS kubectl sends no token.
    cluster.api.access.limit("system:anonymous", [("list", "prowjobs", "prow")])
    assert 'User "system:anonymous" cannot delete resource "prowjobs"' in await kubectl.fail("delete", "prowjobs", "a")
    cluster.api.access.unlimit("system:anonymous")
    cluster.api.definitions.delete("", "prowjobs.prow.k8s.io")
    assert "the server doesn't have a resource type" in await kubectl.fail("get", "prowjobs.prow.k8s.io")
