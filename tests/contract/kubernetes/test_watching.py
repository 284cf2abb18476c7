"""Watches: events from a version on, and the ways in which watches end."""

import asyncio
from collections import deque

import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import Message

from tests.contract.kubernetes.cluster import EVERYWHERE, PATIENCE, PROWJOBS, Cluster, running


async def test_a_watch_goes_on_from_a_version(cluster: Cluster) -> None:
    version = cluster.add("a")
    cluster.add("b")
    cluster.add("x", namespace="other")
    async with cluster.watching(resourceVersion=version) as watch:
        assert await watch.named(1) == [("ADDED", "b")]
        changed = cluster.api.prowjobs.replace(cluster.api.prowjobs.get("prow", "a") | {"status": {"state": "pending"}})
        gone = cluster.api.prowjobs.delete("prow", "b")
        assert await watch.next() == ("MODIFIED", changed)
        assert await watch.next() == ("DELETED", gone)


@pytest.mark.parametrize("version", ["", "0"])
async def test_a_watch_from_nowhere_begins_with_all_there_is(cluster: Cluster, version: str) -> None:
    cluster.add("a", "b")
    async with cluster.watching(resourceVersion=version) as watch:
        assert await watch.named(2) == [("ADDED", "a"), ("ADDED", "b")]
        cluster.add("c")
        assert await watch.named(1) == [("ADDED", "c")]


async def test_all_namespaces_can_be_watched(cluster: Cluster) -> None:
    async with cluster.watching(EVERYWHERE, resourceVersion=cluster.api.prowjobs.revision) as watch:
        cluster.add("a")
        cluster.add("a", namespace="other")
        events = [await watch.next(), await watch.next()]
        assert [obj["metadata"]["namespace"] for _, obj in events] == ["prow", "other"]


async def test_what_begins_or_ceases_to_fit_is_added_or_deleted(cluster: Cluster) -> None:
    cluster.add("a", labels={"x": "1"})
    async with cluster.watching(resourceVersion=cluster.add("b"), labelSelector="x=1") as watch:
        cluster.add("c")
        for name, labels in (("b", {"x": "1"}), ("b", {"x": "1", "y": "2"}), ("a", {"x": "2"}), ("a", {"x": "3"})):
            old = cluster.api.prowjobs.get("prow", name)
            cluster.api.prowjobs.replace(old | {"metadata": {**old["metadata"], "labels": labels}})
        cluster.add("d", labels={"x": "1"})
        events = [await watch.next() for _ in range(4)]
        told = [(kind, obj["metadata"]["name"], obj["metadata"]["labels"]) for kind, obj in events]
        assert told == [
            ("ADDED", "b", {"x": "1"}),
            ("MODIFIED", "b", {"x": "1", "y": "2"}),
            ("DELETED", "a", {"x": "1"}),
            ("ADDED", "d", {"x": "1"}),
        ]
        versions = [int(obj["metadata"]["resourceVersion"]) for _, obj in events]
        assert versions == sorted(set(versions))


async def test_one_object_can_be_watched(cluster: Cluster) -> None:
    version = cluster.add("a", "b")
    async with cluster.watching(f"{PROWJOBS}/b", resourceVersion=version) as watch:
        cluster.api.prowjobs.delete("prow", "a")
        cluster.api.prowjobs.delete("prow", "b")
        assert await watch.named(1) == [("DELETED", "b")]


async def test_a_version_that_is_forgotten_is_told_in_the_stream(cluster: Cluster) -> None:
    version = cluster.add("a")
    cluster.api.expire_watches()
    async with cluster.watching(resourceVersion=version) as watch:
        events = await watch.rest()
    assert [kind for kind, _ in events] == ["ERROR"]
    assert {key: events[0][1][key] for key in ("kind", "code", "reason", "status")} == {
        "kind": "Status",
        "code": 410,
        "reason": "Expired",
        "status": "Failure",
    }
    assert events[0][1]["message"].startswith(f"too old resource version: {version} (")


async def test_a_watch_that_stands_can_expire(cluster: Cluster) -> None:
    async with cluster.watching(resourceVersion=cluster.add("a")) as watch:
        cluster.add("b")
        assert await watch.named(1) == [("ADDED", "b")]
        answer = await cluster.client.post("/_sandbox/watches", json={"do": "expire"})
        assert answer.status_code == 204
        assert [(kind, obj["code"]) for kind, obj in await watch.rest()] == [("ERROR", 410)]


async def test_watches_can_be_dropped_in_good_order(cluster: Cluster) -> None:
    version = cluster.add("a")
    async with cluster.watching(resourceVersion=version) as watch:
        await cluster.client.post("/_sandbox/watches", json={"do": "drop"})
        assert await watch.rest() == []
    cluster.add("b")
    async with cluster.watching(resourceVersion=version) as again:
        assert await again.named(1) == [("ADDED", "b")]


async def test_connections_of_watches_can_be_cut(cluster: Cluster) -> None:
    async with cluster.watching(resourceVersion=cluster.add("a")) as watch:
        await cluster.client.post("/_sandbox/watches", json={"do": "cut"})
        with pytest.raises(httpx.RemoteProtocolError):
            await watch.rest()


async def test_a_watch_can_be_cut_within_an_event(cluster: Cluster) -> None:
    cluster.add("a")
    cluster.fault("truncate", times=1)
    parts: list[str] = []
    with pytest.raises(httpx.RemoteProtocolError):
        await _all_text(cluster, parts, watch="true")
    assert parts
    assert "\n" not in "".join(parts)


async def test_a_watch_ends_when_its_time_is_up(cluster: Cluster) -> None:
    async with cluster.watching(resourceVersion=cluster.add("a"), timeoutSeconds=1) as watch:
        cluster.add("b")
        assert [(kind, obj["metadata"]["name"]) for kind, obj in await watch.rest()] == [("ADDED", "b")]


async def test_bookmarks_tell_how_far_a_watch_is() -> None:
    async with running(bookmark_seconds=0.01) as cluster:
        version = cluster.add("a")
        async with cluster.watching(resourceVersion=version, allowWatchBookmarks="true") as watch:
            kind, obj = await watch.next()
            assert (kind, obj["kind"], obj["metadata"]["resourceVersion"]) == ("BOOKMARK", "ProwJob", str(version))
        async with cluster.watching(resourceVersion=version) as plain:
            cluster.add("b")
            assert await plain.named(1) == [("ADDED", "b")]


async def test_tables_are_watched_as_tables(cluster: Cluster) -> None:
    headers = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
    cluster.add("a")
    answer = await cluster.client.get(f"{PROWJOBS}?watch=true&timeoutSeconds=1", headers=headers)
    event = answer.json()
    assert (event["type"], event["object"]["kind"]) == ("ADDED", "Table")
    assert event["object"]["rows"][0]["cells"][0] == "a"


async def test_a_watch_ends_when_its_caller_goes(cluster: Cluster) -> None:
    app = Starlette(routes=list(cluster.api.routes()))
    asked = deque([{"type": "http.request", "body": b"", "more_body": False}])
    answered = asyncio.Event()

    async def receive() -> Message:
        if not asked:
            await answered.wait()
        return asked.popleft() if asked else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            answered.set()

    query = b"watch=true&resourceVersion=1"
    scope = {"type": "http", "method": "GET", "path": PROWJOBS, "query_string": query, "headers": []}
    async with asyncio.timeout(PATIENCE):
        await app(scope, receive, send)
    assert answered.is_set()


async def _all_text(cluster: Cluster, parts: list[str], **query: str) -> None:
    async with cluster.client.stream("GET", PROWJOBS, params=query) as answer:
        async for part in answer.aiter_text():
            parts += [part]
