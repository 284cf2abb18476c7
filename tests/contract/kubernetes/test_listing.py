"""Lists: whole, chosen, in pages, of one moment."""

from typing import Any

import pytest

from tests.contract.kubernetes.cluster import EVERYWHERE, PROWJOBS, Cluster


async def test_a_namespace_is_listed_by_name(cluster: Cluster) -> None:
    cluster.add("b", "a")
    cluster.add("c", namespace="other")
    listed = await cluster.get()
    assert (listed["apiVersion"], listed["kind"]) == ("prow.k8s.io/v1", "ProwJobList")
    assert listed["metadata"] == {"resourceVersion": str(cluster.api.prowjobs.revision)}
    assert [item["metadata"]["name"] for item in listed["items"]] == ["a", "b"]
    assert listed["items"][0] == cluster.api.prowjobs.get("prow", "a")
    assert await cluster.names(EVERYWHERE) == ["c", "a", "b"]
    assert (await cluster.get("/apis/prow.k8s.io/v1/namespaces/nowhere/prowjobs"))["items"] == []


async def test_labels_and_fields_choose(cluster: Cluster) -> None:
    cluster.add("a", "b", labels={"type": "batch"})
    cluster.add("c")
    assert await cluster.names(labelSelector="type in (batch,presubmit)") == ["a", "b"]
    assert await cluster.names(labelSelector="type=batch", fieldSelector="metadata.name=b") == ["b"]


async def paged(cluster: Cluster, limit: int, **query: Any) -> list[dict[str, Any]]:
    pages = [await cluster.get(limit=limit, **query)]
    while token := pages[-1]["metadata"].get("continue"):
        pages.append(await cluster.get(limit=limit, **{"continue": token}, **query))
    return pages


def names(page: dict[str, Any]) -> list[str]:
    return [item["metadata"]["name"] for item in page["items"]]


async def test_pages_are_of_one_moment(cluster: Cluster) -> None:
    cluster.add(*"abcde")
    cluster.add("z", namespace="other")
    pages = await paged(cluster, 2)
    assert list(map(names, pages)) == [["a", "b"], ["c", "d"], ["e"]]
    assert len({page["metadata"]["resourceVersion"] for page in pages}) == 1


async def test_pages_show_the_moment_of_the_first(cluster: Cluster) -> None:
    cluster.add(*"abcd")
    first = await cluster.get(limit=1)
    cluster.api.prowjobs.delete("prow", "b")
    cluster.add("bb")
    changed = cluster.api.prowjobs.get("prow", "c")
    cluster.api.prowjobs.replace(changed | {"status": {"state": "success"}})
    rest = await cluster.get(**{"continue": first["metadata"]["continue"]})
    assert names(rest) == ["b", "c", "d"]
    assert "status" not in rest["items"][1]
    assert rest["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert await cluster.names() == ["a", "bb", "c", "d"]


async def test_a_list_that_is_too_old_cannot_be_gone_on_with(cluster: Cluster) -> None:
    cluster.add(*"abc")
    first = await cluster.get(limit=1)
    cluster.api.prowjobs.delete("prow", "b")
    cluster.api.expire_watches()
    answer = await cluster.client.get(PROWJOBS, params={"limit": 1, "continue": first["metadata"]["continue"]})
    assert answer.status_code == 410
    status = answer.json()
    assert status["reason"] == "Expired"
    assert status["message"].startswith(
        "The provided continue parameter is too old to display a consistent list result"
    )


@pytest.mark.parametrize(
    ("query", "code", "reason"),
    [
        ({"continue": "nonsense"}, 400, "BadRequest"),
        ({"continue": "bnVsbA"}, 400, "BadRequest"),
        ({"limit": "-1"}, 400, "BadRequest"),
        ({"labelSelector": "a b"}, 400, "BadRequest"),
        ({"fieldSelector": "spec.job=unit"}, 400, "BadRequest"),
    ],
)
async def test_options_that_make_no_sense_are_refused(
    cluster: Cluster, query: dict[str, str], code: int, reason: str
) -> None:
    answer = await cluster.client.get(PROWJOBS, params=query)
    assert (answer.status_code, answer.json()["reason"]) == (code, reason), answer.text


async def test_tables_show_the_columns_of_the_definition(cluster: Cluster) -> None:
    cluster.add("a")
    cluster.api.prowjobs.replace(
        cluster.api.prowjobs.get("prow", "a") | {"status": {"state": "pending", "startTime": "2026-03-01T12:00:00Z"}}
    )
    cluster.clock.forward(minutes=5)
    headers = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
    table = (await cluster.client.get(PROWJOBS, headers=headers)).json()
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    shown = dict(zip((column["name"] for column in table["columnDefinitions"]), table["rows"][0]["cells"], strict=True))
    assert shown == {
        "Name": "a",
        "Job": "unit",
        "BuildId": None,
        "Type": "presubmit",
        "Org": None,
        "Repo": None,
        "Pulls": None,
        "StartTime": "5m",
        "CompletionTime": None,
        "State": "pending",
    }
    one = (await cluster.client.get(f"{PROWJOBS}/a?includeObject=Object", headers=headers)).json()
    assert one["rows"][0]["object"]["spec"]["job"] == "unit"
    assert (await cluster.client.get("/api/v1/namespaces", headers=headers)).json()["rows"][0]["cells"] == [
        "default",
        "5m",
    ]
