"""Writing objects, refusals in the words of the real server."""

import json
from typing import Any

import pytest

from tests.contract.kubernetes.cluster import EVERYWHERE, PROWJOBS, Cluster, prowjob

MERGE = {"Content-Type": "application/merge-patch+json"}
JSON_PATCH = {"Content-Type": "application/json-patch+json"}
APPLY = {"Content-Type": "application/apply-patch+yaml"}


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


async def test_names_are_generated(cluster: Cluster) -> None:
    names = {(await cluster.create(generateName="job-")).json()["metadata"]["name"] for _ in range(3)}
    assert len(names) == 3
    assert all(name.startswith("job-") and len(name) == 9 for name in names)


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
    applied = await cluster.client.patch(f"{path}/a?fieldManager=x", json=prowjob("a"), headers=APPLY)
    assert applied.json()["message"] == 'namespaces "nowhere" not found'
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
        (json.dumps(prowjob("a") | {"spec": "x" * 3 * 1024 * 1024}), 413, "RequestEntityTooLarge"),
    ],
)
async def test_bodies_that_make_no_sense_are_refused(cluster: Cluster, body: str, code: int, reason: str) -> None:
    answer = await cluster.client.post(PROWJOBS, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["reason"]) == (code, reason)


async def test_a_body_of_an_unknown_type_is_refused(cluster: Cluster) -> None:
    answer = await cluster.client.post(PROWJOBS, content=b"a=b", headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()["reason"]) == (415, "UnsupportedMediaType")
    assert (await cluster.client.post(f"{PROWJOBS}?dryRun=All", json=prowjob("a"))).status_code == 400


async def test_replacing_needs_the_version_that_is_there(cluster: Cluster) -> None:
    old = (await cluster.create("a")).json()
    new = old | {"status": {"state": "pending"}}
    answer = await cluster.client.put(f"{PROWJOBS}/a", json=new)
    assert answer.status_code == 200
    assert answer.json()["status"] == {"state": "pending"}
    stale = await cluster.client.put(f"{PROWJOBS}/a", json=new | {"status": {"state": "aborted"}})
    assert stale.status_code == 409
    assert stale.json()["reason"] == "Conflict"
    assert stale.json()["message"] == (
        'Operation cannot be fulfilled on prowjobs.prow.k8s.io "a": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    assert (await cluster.client.put(f"{PROWJOBS}/b", json=new)).status_code == 404


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
    assert (await cluster.client.patch(f"{PROWJOBS}/a", json=patch, headers=MERGE)).status_code == 409


async def test_a_json_patch_does_its_operations_or_nothing(cluster: Cluster) -> None:
    await cluster.create("a")
    good = [{"op": "test", "path": "/spec/job", "value": "unit"}, {"op": "add", "path": "/spec/context", "value": "ci"}]
    answer = await cluster.client.patch(f"{PROWJOBS}/a", json=good, headers=JSON_PATCH)
    assert answer.json()["spec"]["context"] == "ci"
    bad = [{"op": "remove", "path": "/spec/context"}, {"op": "test", "path": "/spec/job", "value": "other"}]
    refused = await cluster.client.patch(f"{PROWJOBS}/a", json=bad, headers=JSON_PATCH)
    assert (refused.status_code, refused.json()["reason"]) == (422, "Invalid")
    assert (await cluster.get(f"{PROWJOBS}/a"))["spec"]["context"] == "ci"


async def test_an_apply_patch_adds_or_changes(cluster: Cluster) -> None:
    path = f"{PROWJOBS}/a?fieldManager=tide"
    first = await cluster.client.patch(path, content=json.dumps(prowjob("a")), headers=APPLY)
    second = await cluster.client.patch(path, content=json.dumps(prowjob("a", labels={"x": "y"})), headers=APPLY)
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json()["metadata"]["labels"] == {"x": "y"}
    assert second.json()["metadata"]["uid"] == first.json()["metadata"]["uid"]


@pytest.mark.parametrize(
    ("patch", "content_type", "code"),
    [
        ({"metadata": {"name": "b"}}, "merge-patch+json", 400),
        ({"metadata": {"labels": {"x": "a b"}}}, "merge-patch+json", 422),
        ({"metadata": None}, "merge-patch+json", 400),
        ([], "merge-patch+json", 400),
        ({"spec": {}}, "strategic-merge-patch+json", 415),
        ({"spec": {}}, "json", 415),
    ],
)
async def test_bad_patches_are_refused(cluster: Cluster, patch: Any, content_type: str, code: int) -> None:
    await cluster.create("a")
    headers = {"Content-Type": f"application/{content_type}"}
    answer = await cluster.client.patch(f"{PROWJOBS}/a", json=patch, headers=headers)
    assert answer.status_code == code, answer.text


async def test_prowjobs_have_no_status_of_their_own(cluster: Cluster) -> None:
    await cluster.create("a")
    answer = await cluster.client.patch(f"{PROWJOBS}/a/status", json={"status": {"state": "x"}}, headers=MERGE)
    assert (answer.status_code, answer.text) == (404, "404 page not found\n")


async def test_a_status_that_the_definition_separates_is_written_apart(cluster: Cluster) -> None:
    definition = await cluster.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/prowjobs.prow.k8s.io")
    definition["spec"]["versions"][0]["subresources"] = {"status": {}}
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/prowjobs.prow.k8s.io"
    assert (await cluster.client.put(path, json=definition)).status_code == 200
    created = await cluster.client.post(PROWJOBS, json=prowjob("a") | {"status": {"state": "pending"}})
    assert "status" not in created.json()
    patch = {"status": {"state": "pending"}, "spec": {"job": "other"}}
    whole = await cluster.client.patch(f"{PROWJOBS}/a", json=patch, headers=MERGE)
    assert (whole.json()["spec"]["job"], whole.json().get("status")) == ("other", None)
    patch["spec"]["job"] = "third"
    apart = await cluster.client.patch(f"{PROWJOBS}/a/status", json=patch, headers=MERGE)
    assert (apart.json()["spec"]["job"], apart.json()["status"]) == ("other", {"state": "pending"})


async def test_what_is_deleted_is_gone(cluster: Cluster) -> None:
    uid = (await cluster.create("a")).json()["metadata"]["uid"]
    answer = await cluster.client.delete(f"{PROWJOBS}/a")
    assert answer.status_code == 200
    assert answer.json()["status"] == "Success"
    assert answer.json()["details"] == {"name": "a", "group": "prow.k8s.io", "kind": "prowjobs", "uid": uid}
    again = await cluster.client.delete(f"{PROWJOBS}/a")
    assert (again.status_code, again.json()["message"]) == (404, 'prowjobs.prow.k8s.io "a" not found')
    assert (await cluster.client.get(f"{PROWJOBS}/a")).json()["reason"] == "NotFound"


async def test_only_the_object_that_is_meant_is_deleted(cluster: Cluster) -> None:
    await cluster.create("a")
    body = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": "another"}}
    answer = await cluster.client.request("DELETE", f"{PROWJOBS}/a", json=body)
    assert (answer.status_code, answer.json()["reason"]) == (409, "Conflict")
    assert "Precondition failed: UID in precondition: another" in answer.json()["message"]
    assert await cluster.names() == ["a"]


async def test_a_collection_is_deleted_as_far_as_it_is_chosen(cluster: Cluster) -> None:
    cluster.add("a", "b", labels={"x": "1"})
    cluster.add("c")
    cluster.add("a", namespace="other", labels={"x": "1"})
    answer = await cluster.client.delete(PROWJOBS, params={"labelSelector": "x=1"})
    assert [item["metadata"]["name"] for item in answer.json()["items"]] == ["a", "b"]
    assert [(stored.namespace, stored.name) for stored in cluster.api.prowjobs.view().after("")] == [
        ("other", "a"),
        ("prow", "c"),
    ]


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("POST", f"{PROWJOBS}/a", 405),
        ("PUT", PROWJOBS, 405),
        ("PATCH", PROWJOBS, 405),
        ("POST", EVERYWHERE, 404),
        ("GET", f"{EVERYWHERE}/a", 404),
        ("GET", "/apis/prow.k8s.io/v2/prowjobs", 404),
        ("GET", "/apis/prow.k8s.io/v1/namespaces/prow/pods", 404),
        ("GET", "/api/v1/pods", 404),
        ("GET", f"{PROWJOBS}/a/status/more", 404),
    ],
)
async def test_methods_and_paths_that_are_not_served(cluster: Cluster, method: str, path: str, code: int) -> None:
    answer = await cluster.client.request(method, path, json=prowjob("a"))
    assert answer.status_code == code
    if code == 404:
        assert answer.text == "404 page not found\n"
    else:
        assert answer.json()["reason"] == "MethodNotAllowed"
