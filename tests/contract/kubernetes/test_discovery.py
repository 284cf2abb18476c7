"""What the API server says of itself, its namespaces and definitions."""

import asyncio
import stat
from pathlib import Path

import pytest
import yaml

from tests.contract.kubernetes.cluster import EVERYWHERE, PROWJOBS, Cluster, prowjob
from tide.sandbox.kubernetes.definitions import read_definition
from tide.sandbox.kubernetes.kubeconfig import write_kubeconfig

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
PROWS = f"{DEFINITIONS}/prowjobs.prow.k8s.io"


async def test_groups_versions_and_kinds_are_told(cluster: Cluster) -> None:
    assert (await cluster.get("/api"))["versions"] == ["v1"]
    groups = (await cluster.get("/apis"))["groups"]
    assert {group["name"] for group in groups} == {"apiextensions.k8s.io", "authorization.k8s.io", "prow.k8s.io"}
    kinds = await cluster.get("/apis/prow.k8s.io/v1")
    assert kinds["groupVersion"] == "prow.k8s.io/v1"
    assert kinds["resources"] == [
        {
            "name": "prowjobs",
            "singularName": "prowjob",
            "namespaced": True,
            "kind": "ProwJob",
            "verbs": ["create", "delete", "get", "list", "patch", "watch"],
        }
    ]
    assert {kind["name"] for kind in (await cluster.get("/api/v1"))["resources"]} == {"namespaces"}


@pytest.mark.parametrize("path", ["/apis/batch", "/apis/batch/v1", "/api/v1/a/b/c/d"])
async def test_unknown_groups_are_not_found(cluster: Cluster, path: str) -> None:
    answer = await cluster.client.get(path)
    assert (answer.status_code, answer.text) == (404, "404 page not found\n")


async def test_a_cluster_without_the_definition_knows_no_prowjobs(cluster: Cluster) -> None:
    cluster.add("a")
    async with cluster.watching(resourceVersion=cluster.api.prowjobs.revision) as watch:
        deleted = await cluster.client.delete(PROWS)
        assert deleted.status_code == 200
        assert [(kind, obj["metadata"]["name"]) for kind, obj in await watch.rest()] == [("DELETED", "a")]
    for path in (PROWJOBS, EVERYWHERE, f"{PROWJOBS}/a", "/apis/prow.k8s.io/v1"):
        assert (await cluster.client.get(path)).text == "404 page not found\n"
    definition = deleted.json() | {"metadata": {"name": "prowjobs.prow.k8s.io"}}
    created = await cluster.client.post(DEFINITIONS, json=definition)
    assert created.status_code == 201
    assert await cluster.names() == []
    assert (await cluster.create("b")).status_code == 201


async def test_a_definition_is_established_at_once(cluster: Cluster) -> None:
    definition = await cluster.get(PROWS)
    conditions = {condition["type"]: condition["status"] for condition in definition["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}
    assert definition["status"]["storedVersions"] == ["v1"]
    again = await cluster.client.post(DEFINITIONS, json=definition | {"metadata": {"name": "prowjobs.prow.k8s.io"}})
    assert again.status_code == 409


async def test_another_kind_can_be_defined(cluster: Cluster) -> None:
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "rockets.acme.example"},
        "spec": {
            "group": "acme.example",
            "names": {"kind": "Rocket", "plural": "rockets"},
            "scope": "Cluster",
            "versions": [{"name": "v2", "served": True, "storage": True}],
        },
    }
    assert (await cluster.client.post(DEFINITIONS, json=definition)).status_code == 201
    rocket = {"apiVersion": "acme.example/v2", "kind": "Rocket", "metadata": {"name": "one"}, "stages": 3}
    assert (await cluster.client.post("/apis/acme.example/v2/rockets", json=rocket)).status_code == 201
    assert (await cluster.get("/apis/acme.example/v2/rockets/one"))["stages"] == 3
    assert (await cluster.client.get("/apis/acme.example/v2/namespaces/prow/rockets")).status_code == 404


VERSION = {"name": "v1", "served": True, "storage": True}
NAMES = {"group": "b", "names": {"kind": "A", "plural": "c"}, "scope": "Cluster"}


@pytest.mark.parametrize(
    "spec", [None, {}, {"group": "a"}, {**NAMES, "versions": []}, {**NAMES, "versions": [VERSION]}]
)
async def test_a_definition_that_is_none_is_invalid(cluster: Cluster, spec: object) -> None:
    definition = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": spec}
    answer = await cluster.client.post(DEFINITIONS, json=definition | {"metadata": {"name": "a.b"}})
    assert answer.status_code == 422, answer.text


async def test_namespaces_go_with_what_is_in_them(cluster: Cluster) -> None:
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "test"}}
    created = await cluster.client.post("/api/v1/namespaces", json=body)
    assert created.status_code == 201
    assert created.json()["status"] == {"phase": "Active"}
    assert created.json()["metadata"]["labels"] == {"kubernetes.io/metadata.name": "test"}
    assert (await cluster.client.post("/api/v1/namespaces", json=body)).status_code == 409
    cluster.add("a", namespace="test")
    cluster.add("a")
    deleted = await cluster.client.delete("/api/v1/namespaces/test")
    assert deleted.json()["status"] == {"phase": "Terminating"}
    assert await cluster.names("/api/v1/namespaces") == ["default", "other", "prow"]
    assert len(cluster.api.prowjobs) == 1
    assert (await cluster.client.get("/api/v1/namespaces/test")).json()["message"] == 'namespaces "test" not found'


async def test_names_of_namespaces_have_no_dots(cluster: Cluster) -> None:
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a.b"}}
    answer = await cluster.client.post("/api/v1/namespaces", json=body)
    assert answer.status_code == 422
    assert (
        'Namespace "a.b" is invalid: metadata.name: Invalid value: "a.b": a lowercase RFC 1123 label must'
        in (answer.json()["message"])
    )


def test_a_kubeconfig_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text("old")
    path.chmod(0o644)
    write_kubeconfig(path, "http://127.0.0.1:1", "secret", "prow")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    content = yaml.safe_load(path.read_text())
    assert content["users"][0]["user"] == {"token": "secret"}
    assert content["contexts"][0]["context"]["namespace"] == "prow"


def test_only_a_definition_is_read_as_one(tmp_path: Path) -> None:
    path = tmp_path / "definition.yaml"
    path.write_text("kind: Pod\n")
    with pytest.raises(ValueError, match="holds no CustomResourceDefinition"):
        read_definition(path)


async def test_listeners_inside_hear_of_what_is_written_outside(cluster: Cluster) -> None:
    heard: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
    cluster.api.prowjobs.subscribe(lambda kind, obj: heard.put_nowait((kind, obj["metadata"]["name"])))
    await cluster.client.post(PROWJOBS, json=prowjob("a"))
    await cluster.client.delete(f"{PROWJOBS}/a")
    assert [heard.get_nowait(), heard.get_nowait()] == [("ADDED", "a"), ("DELETED", "a")]
