from typing import Any

from tests.unit.sandbox.graphql.world import World
from tide.sandbox.evidence import NewCheckRun, NewStatus
from tide.sandbox.protection import BranchProtection, RequiredCheck, RequiredReviews, RequiredStatusChecks
from tide.sandbox.state import NewPull

MERGING = "mergeable mergeStateStatus canBeRebased"


async def read(world: World, fields: str, number: int = 1) -> Any:
    query = f'{{ repository(owner: "acme", name: "rocket") {{ pullRequest(number: {number}) {{ {fields} }} }} }}'
    return (await world.data(query))["repository"]["pullRequest"]


async def test_a_pull_request_tells_its_own_fields(world: World) -> None:
    repository = await world.repository()
    pull = world.pull(repository, "Fly", author="gardener[bot]", draft=True, labels=("lgtm", "size/XL"))
    milestone = world.forge.create_milestone(repository, "v1")
    world.forge.set_milestone(repository, pull, milestone.number)
    found = await read(
        world,
        """title body state isDraft url number headRefName headRefOid baseRefName baseRefOid reviewDecision
        author { __typename login } milestone { title } labels(first: 1) { pageInfo { hasNextPage } nodes { name } }
        baseRef { name prefix target { oid } } repository { nameWithOwner owner { __typename login } } createdAt""",
    )
    assert found == {
        "title": "Fly",
        "body": "",
        "state": "OPEN",
        "isDraft": True,
        "url": "http://github.test/acme/rocket/pull/1",
        "number": 1,
        "headRefName": "topic-1",
        "headRefOid": pull.head_sha,
        "baseRefName": "main",
        "baseRefOid": "0" * 40,
        "reviewDecision": None,
        "author": {"__typename": "Bot", "login": "gardener"},
        "milestone": {"title": "v1"},
        "labels": {"pageInfo": {"hasNextPage": True}, "nodes": [{"name": "lgtm"}]},
        "baseRef": {"name": "main", "prefix": "refs/heads/", "target": {"oid": "0" * 40}},
        "repository": {"nameWithOwner": "acme/rocket", "owner": {"__typename": "Organization", "login": "acme"}},
        "createdAt": "2026-03-01T12:00:01Z",
    }


async def test_a_merged_pull_is_told_so_and_a_deleted_base_is_null(world: World) -> None:
    repository = await world.repository()
    pull = world.pull(repository)
    world.forge.pull_merged(repository, pull, "a" * 40, method="squash", actor="bob")
    assert await read(world, "state mergeable") == {"state": "MERGED", "mergeable": "UNKNOWN"}
    del repository.branches["main"]
    assert await read(world, "baseRefName baseRef { name }") == {"baseRefName": "main", "baseRef": None}


async def test_git_says_whether_it_merges(world: World) -> None:
    repository = await world.git_repository()
    (other,) = await repository.git.write_commits([world.commit((repository.branches["main"],), "c")])
    await world.forge.write_branch(repository, "other", other)
    world.forge.open_pull(repository, NewPull(title="ahead", head_ref="topic", base_ref="main"))
    world.forge.open_pull(repository, NewPull(title="conflict", head_ref="other", base_ref="topic"))
    clean = await read(world, MERGING)
    assert (clean["mergeable"], clean["mergeStateStatus"], clean["canBeRebased"]) == ("MERGEABLE", "CLEAN", True)
    assert await read(world, MERGING, 2) == {
        "mergeable": "CONFLICTING",
        "mergeStateStatus": "DIRTY",
        "canBeRebased": False,
    }


async def test_a_search_page_asks_git_about_all_its_pulls(world: World) -> None:
    repository = await world.git_repository()
    world.forge.open_pull(repository, NewPull(title="ahead", head_ref="topic", base_ref="main"))
    query = '{ search(type: ISSUE, query: "is:pr", first: 9) { nodes { ... on PullRequest { mergeable } } } }'
    assert (await world.data(query))["search"]["nodes"] == [{"mergeable": "MERGEABLE"}]


async def test_commits_are_listed_oldest_first_and_the_newest_is_the_head(world: World) -> None:
    repository = await world.git_repository()
    topic = repository.branches["topic"]
    second, third = await repository.git.write_commits([world.commit((topic,), "c"), world.commit((0,), "d")])
    await world.forge.write_branch(repository, "topic", third)
    pull = world.forge.open_pull(repository, NewPull(title="three", head_ref="topic", base_ref="main"))

    async def shas(page: str) -> list[str]:
        found = await read(world, f"commits({page}) {{ nodes {{ commit {{ oid }} }} }}")
        return [node["commit"]["oid"] for node in found["commits"]["nodes"]]

    assert await shas("last: 1") == [third] == [pull.head_sha]
    assert await shas("last: 2") == [second, third]
    assert await shas("first: 10") == [topic, second, third]


async def test_contexts_are_paged_beyond_a_hundred(world: World) -> None:
    repository = await world.repository()
    pull = world.pull(repository)
    for number in range(130):
        world.forge.create_status(repository, pull.head_sha, NewStatus(context=f"ci/{number}", state="success"))
    world.forge.create_check_run(
        repository, pull.head_sha, NewCheckRun(name="build", status="completed", conclusion="neutral")
    )
    query = """query($oid: GitObjectID!, $after: String) {
      repository(owner: "acme", name: "rocket") { object(oid: $oid) { ... on Commit {
      statusCheckRollup { state contexts(first: 100, after: $after) {
        totalCount pageInfo { hasNextPage endCursor }
        nodes { ... on StatusContext { context state } ... on CheckRun { name status conclusion } } } } } } } }"""
    names: list[str] = []
    after = None
    while True:
        rollup = (await world.data(query, oid=pull.head_sha, after=after))["repository"]["object"]["statusCheckRollup"]
        contexts = rollup["contexts"]
        names += [node.get("context") or node["name"] for node in contexts["nodes"]]
        if not contexts["pageInfo"]["hasNextPage"]:
            break
        after = contexts["pageInfo"]["endCursor"]
    assert rollup["state"] == "SUCCESS"
    assert contexts["totalCount"] == 131
    assert names == ["build", *(f"ci/{number}" for number in range(130))]


async def test_the_newest_status_of_a_context_counts_and_the_worst_state_wins(world: World) -> None:
    repository = await world.repository()
    sha = world.pull(repository).head_sha
    world.forge.create_status(repository, sha, NewStatus(context="unit", state="failure"))
    world.forge.create_status(repository, sha, NewStatus(context="unit", state="success", description="well"))
    world.forge.create_status(repository, sha, NewStatus(context="lint", state="pending", target_url="https://x.y"))
    fields = """statusCheckRollup { state } commits(last: 1) { nodes { commit {
        status { contexts { context state description targetUrl } } } } }"""
    found = await read(world, fields)
    assert found["statusCheckRollup"] == {"state": "PENDING"}
    status = found["commits"]["nodes"][0]["commit"]["status"]
    contexts = {each["context"]: (each["state"], each["description"], each["targetUrl"]) for each in status["contexts"]}
    assert contexts == {"unit": ("SUCCESS", "well", None), "lint": ("PENDING", None, "https://x.y")}
    run = NewCheckRun(name="e2e", status="completed", conclusion="timed_out")
    world.forge.create_check_run(repository, sha, run)
    assert (await read(world, "statusCheckRollup { state }"))["statusCheckRollup"] == {"state": "FAILURE"}


async def test_a_head_without_checks_has_no_rollup(world: World) -> None:
    world.pull(await world.repository())
    assert await read(world, "statusCheckRollup { state }") == {"statusCheckRollup": None}


async def test_what_a_branch_requires_shows_on_its_ref(world: World) -> None:
    repository = await world.repository()
    world.pull(repository)
    required = RequiredStatusChecks(checks=(RequiredCheck("unit"),))
    rules = BranchProtection(required_status_checks=required, required_pull_request_reviews=RequiredReviews())
    world.forge.protect_branch(repository, "main", rules)
    rule = "{ refUpdateRule { requiredStatusCheckContexts requiredApprovingReviewCount viewerCanPush } }"
    found = await read(world, f'reviewDecision baseRef {rule} repository {{ ref(qualifiedName: "release") {rule} }}')
    assert found["reviewDecision"] == "REVIEW_REQUIRED"
    assert found["repository"]["ref"] == {"refUpdateRule": None}
    assert found["baseRef"]["refUpdateRule"] == {
        "requiredStatusCheckContexts": ["unit"],
        "requiredApprovingReviewCount": 1,
        "viewerCanPush": True,
    }


async def test_pull_requests_of_a_repository_are_paged_without_gaps(world: World) -> None:
    repository = await world.repository()
    pulls = [world.pull(repository) for _ in range(6)]
    query = """query($after: String) { repository(owner: "acme", name: "rocket") {
      pullRequests(states: OPEN, first: 2, after: $after, orderBy: {field: CREATED_AT, direction: ASC}) {
        pageInfo { hasNextPage endCursor } nodes { number } } } }"""
    first = (await world.data(query))["repository"]["pullRequests"]
    assert first["nodes"] == [{"number": 1}, {"number": 2}]
    world.forge.close_pull(repository, pulls[0])
    second = (await world.data(query, after=first["pageInfo"]["endCursor"]))["repository"]["pullRequests"]
    assert second["nodes"] == [{"number": 3}, {"number": 4}]


async def test_an_unknown_object_is_null(world: World) -> None:
    await world.git_repository()
    query = f'{{ repository(owner: "acme", name: "rocket") {{ object(oid: "{"f" * 40}") {{ oid }} }} }}'
    assert (await world.data(query))["repository"]["object"] is None
