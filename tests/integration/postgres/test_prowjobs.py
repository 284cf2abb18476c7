from collections.abc import Sequence
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tide.adapters.postgres.prowjobs import ProwJobTable
from tide.adapters.prowjobs.storage import ProwJobStorage


@pytest.fixture
def table(engine: AsyncEngine) -> ProwJobStorage:
    return ProwJobTable(engine)


def prowjob(name: str, base_sha: str = "base", heads: Sequence[str] = ("head-1",), **fields: Any) -> dict[str, Any]:
    pulls = [{"number": number, "sha": head} for number, head in enumerate(heads, 1)]
    return {
        "apiVersion": "prow.k8s.io/v1",
        "kind": "ProwJob",
        "metadata": {"name": name, "creationTimestamp": fields.pop("created", "2026-01-02T03:04:05Z")},
        "spec": {
            "type": "presubmit",
            "refs": {"org": "acme", "repo": "rocket", "base_ref": "main", "base_sha": base_sha, "pulls": pulls},
            **fields,
        },
        "status": {"state": "triggered"},
    }


def completed(job: dict[str, Any], at: str, state: str = "success") -> dict[str, Any]:
    ended = deepcopy(job)
    ended["status"] = {"state": state, "completionTime": at}
    return ended


def names(found: Sequence[dict[str, Any]]) -> list[str]:
    return [job["metadata"]["name"] for job in found]


async def test_an_object_comes_back_as_it_was_kept(table: ProwJobStorage) -> None:
    job = prowjob("a", agent="kubernetes", nested={"deep": [1, None, 2.5, True]})
    assert await table.get("a") is None
    assert await table.insert("a", job)
    assert await table.get("a") == job


async def test_a_name_is_taken_once(table: ProwJobStorage) -> None:
    assert await table.insert("a", prowjob("a"))
    assert not await table.insert("a", prowjob("a", base_sha="other"))
    assert await table.get("a") == prowjob("a")


async def test_an_object_is_replaced_by_name(table: ProwJobStorage) -> None:
    job = prowjob("a")
    assert not await table.update("a", job)
    await table.insert("a", job)
    ended = completed(job, "2026-01-02T03:05:00Z")
    assert await table.update("a", ended)
    assert await table.get("a") == ended
    assert names(await table.unfinished()) == []


async def test_a_finished_one_is_never_made_unfinished(table: ProwJobStorage) -> None:
    job = prowjob("a")
    await table.insert("a", job)
    ended = completed(job, "2026-01-02T03:05:00Z", "aborted")
    await table.update("a", ended)
    assert not await table.update("a", job)
    assert await table.get("a") == ended


async def test_jobs_are_found_by_base_or_by_head(table: ProwJobStorage) -> None:
    other_branch = prowjob("d")
    other_branch["spec"]["refs"]["base_ref"] = "release"
    for job in (
        prowjob("a", "base-1", ["x"]),
        prowjob("b", "base-2", ["x", "y"], created="2026-01-01T00:00:00Z"),
        prowjob("c", "base-3", ["z"]),
        other_branch,
    ):
        await table.insert(job["metadata"]["name"], job)
    assert names(await table.select("acme", "rocket", "main", base_sha="base-1")) == ["a"]
    assert names(await table.select("acme", "rocket", "main", heads=["x"])) == ["b", "a"]
    assert names(await table.select("acme", "rocket", "main", base_sha="base-3", heads=["y"])) == ["b", "c"]
    assert names(await table.select("acme", "rocket", "main")) == []
    assert names(await table.select("acme", "rocket", "release", heads=["head-1"])) == ["d"]


async def test_an_object_without_refs_is_kept_and_never_selected(table: ProwJobStorage) -> None:
    periodic = {"metadata": {"name": "p"}, "spec": {"type": "periodic"}}
    assert await table.insert("p", periodic)
    assert await table.get("p") == periodic
    assert names(await table.unfinished()) == ["p"]
    assert names(await table.select("", "", "")) == []


async def test_the_unfinished_are_told_oldest_first(table: ProwJobStorage) -> None:
    for name, created in (("a", "2026-01-03T00:00:00Z"), ("b", "2026-01-01T00:00:00Z"), ("c", "2026-01-02T00:00:00Z")):
        await table.insert(name, prowjob(name, created=created))
    await table.update("c", completed(prowjob("c"), "2026-01-02T03:05:00Z"))
    assert names(await table.unfinished()) == ["b", "a"]


async def test_old_finished_ones_are_pruned(table: ProwJobStorage) -> None:
    for name in ("old", "new", "running"):
        await table.insert(name, prowjob(name))
    await table.update("old", completed(prowjob("old"), "2026-01-01T00:00:00Z"))
    await table.update("new", completed(prowjob("new"), "2026-02-01T00:00:00Z"))
    assert await table.prune(datetime(2026, 1, 15, tzinfo=UTC)) == 1
    assert await table.get("old") is None
    assert await table.get("new") is not None
    assert names(await table.unfinished()) == ["running"]


async def test_hostile_text_is_stored(table: ProwJobStorage) -> None:
    await table.insert("a", prowjob("a", description="nul \x00 and half \ud800"))
    kept = await table.get("a")
    assert kept is not None
    assert kept["spec"]["description"] == "nul \ufffd and half \ufffd"
