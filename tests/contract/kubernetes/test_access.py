"""Who may do what."""

from typing import Any

import pytest

from tests.contract.kubernetes.cluster import EVERYWHERE, PROWJOBS, Cluster, prowjob

TIDE = "system:serviceaccount:prow:tide"
WHAT = 'resource "prowjobs" in API group "prow.k8s.io"'
OTHERS = "/apis/prow.k8s.io/v1/namespaces/other/prowjobs"
ROLE = [(verb, "prowjobs", "prow") for verb in ("create", "get", "list", "watch")]
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
MERGE = {"Content-Type": "application/merge-patch+json"}


@pytest.fixture(autouse=True)
def limited(cluster: Cluster) -> None:
    """The token ``tide`` speaks for a user with the Role that Prow's own tide has."""
    cluster.api.access.register("tide", TIDE)
    cluster.api.access.limit(TIDE, ROLE)


async def test_any_token_may_do_everything_unless_told_otherwise(cluster: Cluster) -> None:
    assert (await cluster.speaking("whatever").get(EVERYWHERE)).status_code == 200
    assert (await cluster.client.get(EVERYWHERE, headers={"Authorization": ""})).status_code == 200


async def test_a_role_allows_what_it_names(cluster: Cluster) -> None:
    async with cluster.speaking("tide") as tide:
        assert (await tide.post(PROWJOBS, json=prowjob("a"))).status_code == 201
        assert (await tide.get(f"{PROWJOBS}/a")).status_code == 200
        assert (await tide.get(PROWJOBS)).status_code == 200
        assert (await tide.get(f"{PROWJOBS}?watch=true&timeoutSeconds=1")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "subject", "told"),
    [
        ("PATCH", f"{PROWJOBS}/a", 'prowjobs.prow.k8s.io "a"', f'patch {WHAT} in the namespace "prow"'),
        ("DELETE", f"{PROWJOBS}/a", 'prowjobs.prow.k8s.io "a"', f'delete {WHAT} in the namespace "prow"'),
        ("GET", EVERYWHERE, "prowjobs.prow.k8s.io", f"list {WHAT} at the cluster scope"),
        ("GET", f"{OTHERS}?watch=1", "prowjobs.prow.k8s.io", f'watch {WHAT} in the namespace "other"'),
        (
            "GET",
            "/api/v1/namespaces/prow",
            'namespaces "prow"',
            'get resource "namespaces" in API group "" in the namespace "prow"',
        ),
    ],
)
async def test_what_a_role_does_not_name_is_forbidden(
    cluster: Cluster, method: str, path: str, subject: str, told: str
) -> None:
    cluster.add("a")
    async with cluster.speaking("tide") as tide:
        answer = await tide.request(method, path, json={}, headers=MERGE)
    assert answer.status_code == 403
    assert answer.json()["reason"] == "Forbidden"
    assert answer.json()["message"] == f'{subject} is forbidden: User "{TIDE}" cannot {told}'
    assert cluster.api.prowjobs.has("prow", "a")


async def test_who_may_do_nothing_does_not_learn_what_there_is(cluster: Cluster) -> None:
    cluster.api.definitions.delete("", "prowjobs.prow.k8s.io")
    cluster.api.access.limit(TIDE, [])
    async with cluster.speaking("tide") as tide:
        assert (await tide.get(PROWJOBS)).status_code == 403
    assert (await cluster.client.get(PROWJOBS)).status_code == 404


async def test_tokens_can_be_revoked_or_have_to_be_known(cluster: Cluster) -> None:
    cluster.api.access.revoke("token")
    refused = await cluster.client.get(PROWJOBS)
    assert refused.status_code == 401
    assert (refused.json()["reason"], refused.json()["message"]) == ("Unauthorized", "Unauthorized")
    cluster.api.access.only_registered = True
    async with cluster.speaking("unknown") as unknown, cluster.speaking("tide") as tide:
        assert (await unknown.get("/apis")).status_code == 401
        assert (await tide.get("/apis")).status_code == 200


async def review(cluster: Cluster, token: str, **attributes: str) -> Any:
    body = {
        "kind": "SelfSubjectAccessReview",
        "apiVersion": "authorization.k8s.io/v1",
        "spec": {"resourceAttributes": {"group": "prow.k8s.io", "resource": "prowjobs", **attributes}},
    }
    async with cluster.speaking(token) as client:
        answer = await client.post(REVIEWS, json=body)
    assert answer.status_code == 201
    return answer.json()["status"]["allowed"]


async def test_everybody_may_ask_what_they_may_do(cluster: Cluster) -> None:
    assert await review(cluster, "tide", verb="create", namespace="prow") is True
    assert await review(cluster, "tide", verb="create", namespace="other") is False
    assert await review(cluster, "tide", verb="patch", namespace="prow") is False
    assert await review(cluster, "tide", verb="list") is False
    assert await review(cluster, "token", verb="patch", namespace="prow") is True
    assert (await cluster.client.post(REVIEWS, json={"kind": "x"})).status_code == 400


async def test_access_is_limited_from_outside(cluster: Cluster) -> None:
    grants = [{"verb": "list", "resource": "prowjobs"}]
    path = "/_sandbox/access/deck"
    assert (await cluster.client.put(path, json={"grants": grants, "token": "deck-token"})).status_code == 204
    async with cluster.speaking("deck-token") as deck:
        assert (await deck.get(EVERYWHERE)).status_code == 200
        assert (await deck.post(PROWJOBS, json=prowjob("a"))).status_code == 403
        assert (await cluster.client.delete(path)).status_code == 204
        assert (await deck.post(PROWJOBS, json=prowjob("a"))).status_code == 201
    assert (await cluster.client.put(path, json={"grants": [{"verb": "list"}]})).status_code == 422
    assert (await cluster.client.post("/_sandbox/watches", json={"do": "sing"})).status_code == 422
