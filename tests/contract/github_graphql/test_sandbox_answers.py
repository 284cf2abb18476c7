"""Every document of the client, sent as it is, is answered by the sandbox in full."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.sandbox.graphql.world import World
from tide.adapters.github.documents import document
from tide.adapters.github.search import REVIEWED_PAGE_SIZE
from tide.sandbox.evidence import NewCheckRun, NewStatus
from tide.sandbox.model import PullRequest
from tide.sandbox.state import NewPull

ROCKET = {"owner": "acme", "name": "rocket"}


@pytest.fixture
async def pull(world: World) -> PullRequest:
    """Return a pull request with labels, a milestone, and 120 contexts on its head."""
    repository = await world.git_repository()
    new = NewPull(title="Fly", head_ref="topic", base_ref="main", labels=("lgtm", "approved"))
    pull = world.forge.open_pull(repository, new, "alice")
    world.forge.set_milestone(repository, pull, world.forge.create_milestone(repository, "v1").number)
    for number in range(119):
        world.forge.create_status(repository, pull.head_sha, NewStatus(context=f"ci/{number}", state="success"))
    world.forge.create_check_run(repository, pull.head_sha, NewCheckRun(name="build"))
    return pull


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def assert_is_whole(found: dict[str, Any], pull: PullRequest) -> None:
    """Check the fields that decide about a merge."""
    assert {key: found[key] for key in ("number", "title", "state", "isDraft", "baseRefName", "headRefOid")} == {
        "number": pull.number,
        "title": "Fly",
        "state": "OPEN",
        "isDraft": False,
        "baseRefName": "main",
        "headRefOid": pull.head_sha,
    }
    assert found["author"] == {"__typename": "User", "login": "alice"}
    assert (found["mergeable"], found["mergeStateStatus"], found["canBeRebased"]) == ("MERGEABLE", "UNSTABLE", True)
    assert [label["name"] for label in found["labels"]["nodes"]] == ["lgtm", "approved"]
    assert found["milestone"] == {"title": "v1"}
    (head,) = (node["commit"] for node in found["commits"]["nodes"])
    contexts = head["statusCheckRollup"]["contexts"]
    assert (head["oid"], contexts["totalCount"], len(contexts["nodes"])) == (pull.head_sha, 120, 100)
    assert contexts["pageInfo"]["hasNextPage"]


async def test_search_pulls(world: World, pull: PullRequest) -> None:
    found = await world.data(document("search_pulls"), query="is:pr org:acme label:lgtm")
    assert (found["search"]["issueCount"], found["rateLimit"]["cost"]) == (1, 1)
    assert_is_whole(found["search"]["nodes"][0], pull)


async def test_pull(world: World, pull: PullRequest) -> None:
    found = (await world.data(document("pull"), **ROCKET, number=1))["repository"]["pullRequest"]
    assert_is_whole(found, pull)


async def test_pulls_by_id(world: World, pull: PullRequest) -> None:
    (found,) = (await world.data(document("pulls_by_id"), ids=[pull.node_id]))["nodes"]
    assert_is_whole(found, pull)


async def test_reviews_are_told_for_one_point(world: World, pull: PullRequest) -> None:
    repository = world.forge.repository("acme/rocket")
    world.forge.set_permission(repository, "mallory", "read")
    reviews: Any = (("bob", "CHANGES_REQUESTED"), ("bob", "APPROVED"), ("mallory", "APPROVED"))
    for author, state in reviews:
        world.forge.submit_review(repository, pull, author=author, state=state)
    asked = {"query": "is:pr org:acme review:approved", "first": REVIEWED_PAGE_SIZE}
    found = await world.data(document("search_pulls", with_reviews=True), **asked)
    assert found["rateLimit"]["cost"] == 1
    (shown,) = found["search"]["nodes"]
    assert (shown["reviewDecision"], shown["latestOpinionatedReviews"]["nodes"]) == (None, [{"state": "APPROVED"}])


async def test_list_pulls_costs_a_point_for_each_hundred(world: World, pull: PullRequest) -> None:
    variables = {**ROCKET, "states": ["OPEN"], "orderBy": {"field": "CREATED_AT", "direction": "ASC"}, "after": None}
    found = await world.data(document("list_pulls"), **variables)
    assert found["rateLimit"]["cost"] == 1
    (node,) = found["repository"]["pullRequests"]["nodes"]
    assert (node["id"], node["number"]) == (pull.node_id, 1)
    assert node["repository"] == {"name": "rocket", "owner": {"login": "acme"}}


async def test_head_contexts_go_on_where_the_first_page_ends(world: World, pull: PullRequest) -> None:
    first = (await world.data(document("pull"), **ROCKET, number=1))["repository"]["pullRequest"]
    contexts = first["commits"]["nodes"][0]["commit"]["statusCheckRollup"]["contexts"]
    after = contexts["pageInfo"]["endCursor"]
    answer = await world.data(document("head_contexts"), **ROCKET, oid=pull.head_sha, after=after)
    rest = answer["repository"]["object"]["statusCheckRollup"]["contexts"]
    names = {node.get("context") or node["name"] for node in [*contexts["nodes"], *rest["nodes"]]}
    assert names == {"build", *(f"ci/{number}" for number in range(119))}
    assert not rest["pageInfo"]["hasNextPage"]


async def test_search_blockers(world: World) -> None:
    repository = await world.repository()
    world.forge.open_issue(repository, title="broken branch:main", labels=["tide/merge-blocker"])
    found = await world.data(document("search_blockers"), query='is:issue state:open label:"tide/merge-blocker"')
    assert found["search"]["nodes"] == [
        {
            "__typename": "Issue",
            "number": 1,
            "title": "broken branch:main",
            "url": "http://github.test/acme/rocket/issues/1",
            "state": "OPEN",
            "repository": {"name": "rocket", "owner": {"login": "acme"}},
        }
    ]


async def test_rate_limit(world: World) -> None:
    assert (await world.data(document("rate_limit")))["rateLimit"]["limit"] == 5000
