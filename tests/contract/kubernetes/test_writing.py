"""Writing objects, refusals in the words of the real server."""

import json
from typing import Any

import pytest

from tests.contract.kubernetes.cluster import EVERYWHERE, PROWJOBS, Cluster, prowjob

MERGE = {"Content-Type": "application/merge-patch+json"}


async def test_what_is_created_is_there(cluster: Cluster) -> None:
    answer = await cluster.create("a", labels={"app": "tide"})
    assert answer.status_code == 201
    assert answer.headers["Content-Type"] == "application/json"
    created = answer.json()
    assert created["metadata"] | {"uid": "", "resourceVersion": ""} == {
        "name": "a",
        "namespace": "prow",
        "labels": {"app": "tide"},
        "uid": "",
        "resourceVersion": "",
        "creationTimestamp": "2026-03-01T12:00:00Z",
        "generation": 1,
    }
    assert await cluster.get(f"{PROWJOBS}/a") == created
    assert cluster.api.prowjobs.get("prow", "a") == created


async def test_a_name_that_is_taken_is_refused(cluster: Cluster) -> None:
    await cluster.create("a")
    answer = await cluster.create("a")
    assert answer.status_code == 409
    assert answer.json() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'prowjobs.prow.k8s.io "a" already exists',
        "reason": "AlreadyExists",
        "details": {"name": "a", "group": "prow.k8s.io", "kind": "prowjobs"},
        "code": 409,
    }


async def test_nothing_is_created_in_a_namespace_that_is_not_there(cluster: Cluster) -> None:
    path = "/apis/prow.k8s.io/v1/namespaces/nowhere/prowjobs"
    answer = await cluster.client.post(path, json=prowjob("a"))
    assert answer.status_code == 404
    assert answer.json()["message"] == 'namespaces "nowhere" not found'
    assert answer.json()["details"] == {"name": "nowhere", "kind": "namespaces"}
    assert await cluster.names(path) == []


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ({}, "metadata.name: Required value: name or generateName is required"),
        ({"name": "A"}, 'metadata.name: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of'),
        ({"name": "a" * 254}, "must be no more than 253 bytes"),
        (
            {"name": "a", "labels": {"x": "a b"}},
            'metadata.labels: Invalid value: "a b": a valid label must be an empty',
        ),
        ({"name": "a", "labels": {"x": "feature/one"}}, 'metadata.labels: Invalid value: "feature/one": a valid label'),
        ({"name": "a", "labels": {"x": "a" * 64}}, "must be no more than 63 bytes"),
        ({"name": "a", "labels": {"x": "a-"}}, 'metadata.labels: Invalid value: "a-"'),
        ({"name": "a", "labels": {"a b": "x"}}, 'metadata.labels: Invalid value: "a b": name part must consist of'),
        ({"name": "a", "labels": {"/a": "x"}}, "prefix part must be non-empty"),
        ({"name": "a", "labels": {"A_B/a": "x"}}, "prefix part a lowercase RFC 1123 subdomain"),
        ({"name": "a", "labels": {"a/b/c": "x"}}, "with an optional DNS subdomain prefix and '/'"),
        ({"name": "a", "labels": {f"a/{'b' * 64}": "x"}}, "name part must be no more than 63 bytes"),
        ({"name": "a", "annotations": {"a b": "x"}}, 'metadata.annotations: Invalid value: "a b"'),
        ({"name": "a", "annotations": {"a": "x" * 262144}}, "Too long: may not be more than 262144 bytes"),
    ],
)
async def test_bad_names_labels_and_annotations_are_invalid(
    cluster: Cluster, metadata: dict[str, Any], told: str
) -> None:
    answer = await cluster.client.post(PROWJOBS, json=prowjob() | {"metadata": metadata})
    assert answer.status_code == 422
    status = answer.json()
    assert status["reason"] == "Invalid"
    assert status["message"].startswith(f'ProwJob.prow.k8s.io "{metadata.get("name", "")}" is invalid: ')
    assert told in status["message"]
    assert status["details"]["kind"] == "ProwJob"
    assert status["details"]["causes"][0]["field"].startswith("metadata.")
    assert await cluster.names() == []


async def test_good_labels_are_taken(cluster: Cluster) -> None:
    labels = {"prow.k8s.io/refs.org": "acme", "a.b_c-D": "X.y_z-1", "e": "", "created-by-prow": "true"}
    assert (await cluster.create("a", labels=labels)).json()["metadata"]["labels"] == labels


async def test_several_faults_are_told_at_once(cluster: Cluster) -> None:
    answer = await cluster.create("A", labels={"x": "a b"})
    assert len(answer.json()["details"]["causes"]) == 2
    assert ' is invalid: [metadata.name: Invalid value: "A": ' in answer.json()["message"]


@pytest.mark.parametrize(
    ("body", "code", "reason"),
    [
        ("{", 400, "BadRequest"),
        ("[]", 400, "BadRequest"),
        (json.dumps({"metadata": {"name": "a"}}), 400, "BadRequest"),
        (json.dumps(prowjob("a") | {"kind": "Pod"}), 400, "BadRequest"),
        (json.dumps(prowjob("a") | {"apiVersion": "prow.k8s.io/v2"}), 400, "BadRequest"),
        (json.dumps(prowjob("a", labels={"x": 1})), 400, "BadRequest"),
        (json.dumps(prowjob("a", resourceVersion="1")), 400, "BadRequest"),
        (json.dumps(prowjob("a", namespace="other")), 400, "BadRequest"),
    ],
)
async def test_bodies_that_make_no_sense_are_refused(cluster: Cluster, body: str, code: int, reason: str) -> None:
    answer = await cluster.client.post(PROWJOBS, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["reason"]) == (code, reason)


async def test_a_body_of_an_unknown_type_is_refused(cluster: Cluster) -> None:
    answer = await cluster.client.post(PROWJOBS, content=b"a=b", headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()["reason"]) == (415, "UnsupportedMediaType")
    assert (await cluster.client.post(f"{PROWJOBS}?dryRun=All", json=prowjob("a"))).status_code == 400


async def test_a_merge_patch_changes_what_it_names(cluster: Cluster) -> None:
    await cluster.create("a", labels={"x": "1", "y": "2"})
    patch = {"metadata": {"labels": {"x": None}}, "status": {"state": "aborted"}}
    answer = await cluster.client.patch(f"{PROWJOBS}/a", json=patch, headers=MERGE)
    assert answer.status_code == 200
    assert answer.json()["metadata"]["labels"] == {"y": "2"}
    assert answer.json()["status"] == {"state": "aborted"}
    assert answer.json()["spec"]["job"] == "unit"


async def test_a_patch_with_an_old_version_is_a_conflict(cluster: Cluster) -> None:
    version = (await cluster.create("a")).json()["metadata"]["resourceVersion"]
    patch = {"metadata": {"resourceVersion": version}, "status": {"state": "pending"}}
    assert (await cluster.client.patch(f"{PROWJOBS}/a", json=patch, headers=MERGE)).status_code == 200
    stale = await cluster.client.patch(f"{PROWJOBS}/a", json=patch, headers=MERGE)
    assert (stale.status_code, stale.json()["reason"]) == (409, "Conflict")
    assert stale.json()["message"] == (
        'Operation cannot be fulfilled on prowjobs.prow.k8s.io "a": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    assert (await cluster.client.patch(f"{PROWJOBS}/b", json=patch, headers=MERGE)).status_code == 404


@pytest.mark.parametrize(
    ("patch", "content_type", "code"),
    [
        ({"metadata": {"name": "b"}}, "merge-patch+json", 400),
        ({"metadata": {"labels": {"x": "a b"}}}, "merge-patch+json", 422),
        ({"metadata": None}, "merge-patch+json", 400),
        ([], "merge-patch+json", 400),
        ({"spec": {}}, "json-patch+json", 415),
        ({"spec": {}}, "apply-patch+yaml", 415),
        ({"spec": {}}, "json", 415),
    ],
)
async def test_bad_patches_are_refused(cluster: Cluster, patch: Any, content_type: str, code: int) -> None:
    await cluster.create("a")
    headers = {"Content-Type": f"application/{content_type}"}
    answer = await cluster.client.patch(f"{PROWJOBS}/a", json=patch, headers=headers)
    assert answer.status_code == code, answer.text


async def test_what_is_deleted_is_gone(cluster: Cluster) -> None:
    uid = (await cluster.create("a")).json()["metadata"]["uid"]
    answer = await cluster.client.delete(f"{PROWJOBS}/a")
    assert answer.status_code == 200
    assert answer.json()["status"] == "Success"
    assert answer.json()["details"] == {"name": "a", "group": "prow.k8s.io", "kind": "prowjobs", "uid": uid}
    again = await cluster.client.delete(f"{PROWJOBS}/a")
    assert (again.status_code, again.json()["message"]) == (404, 'prowjobs.prow.k8s.io "a" not found')
    assert (await cluster.client.get(f"{PROWJOBS}/a")).json()["reason"] == "NotFound"


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("POST", f"{PROWJOBS}/a", 405),
        ("PATCH", PROWJOBS, 405),
        ("DELETE", PROWJOBS, 405),
        ("POST", EVERYWHERE, 404),
        ("GET", f"{EVERYWHERE}/a", 404),
        ("GET", "/apis/prow.k8s.io/v2/prowjobs", 404),
        ("GET", "/apis/prow.k8s.io/v1/namespaces/prow/pods", 404),
        ("GET", "/api/v1/pods", 404),
        ("GET", f"{PROWJOBS}/a/status", 404),
    ],
)
async def test_methods_and_paths_that_are_not_served(cluster: Cluster, method: str, path: str, code: int) -> None:
    answer = await cluster.client.request(method, path, json=prowjob("a"))
    assert answer.status_code == code
    if code == 404:
        assert answer.text == "404 page not found\n"
    else:
        assert answer.json()["reason"] == "MethodNotAllowed"
