import httpx
import pytest

from tests.integration.sandbox.world import World
from tide.sandbox.protection import BranchProtection
from tide.sandbox.rate_limits import Limits
from tide.sandbox.server import Settings

REPO = "/repos/acme/rocket"


async def test_a_pull_is_opened_labelled_and_read(world: World) -> None:
    await world.branch("boost", boost_txt="boost")
    opened = await world.client.post(f"{REPO}/pulls", json={"title": "Boost", "head": "boost", "base": "main"})
    assert opened.status_code == 201
    labels = await world.client.post(f"{REPO}/issues/1/labels", json={"labels": ["lgtm", "size/S"]})
    assert [label["name"] for label in labels.json()] == ["lgtm", "size/S"]
    shown = (await world.get("/pulls/1")).json()
    assert (shown["mergeable"], shown["rebaseable"], shown["mergeable_state"]) == (True, True, "clean")
    assert (shown["commits"], shown["changed_files"], shown["additions"]) == (1, 1, 1)
    assert shown["head"]["sha"] == world.repository.branches["boost"]
    assert shown["user"]["login"] == "merge-bot"


@pytest.mark.parametrize(
    ("head", "message"),
    [("nowhere", None), ("main", "No commits between main and main")],
)
async def test_a_pull_that_cannot_be_is_a_422(world: World, head: str, message: str | None) -> None:
    answer = await world.client.post(f"{REPO}/pulls", json={"title": "Boost", "head": head, "base": "main"})
    assert answer.status_code == 422
    body = answer.json()
    assert body["message"] == "Validation Failed"
    assert body["errors"][0]["resource"] == "PullRequest"
    assert body["errors"][0].get("message") == message


async def test_the_base_of_a_pull_can_be_changed(world: World) -> None:
    pull = await world.pull("boost")
    await world.forge.write_branch(world.repository, "release-1.0", world.repository.branches["main"])
    answer = await world.client.patch(f"{REPO}/pulls/1", json={"base": "release-1.0"})
    assert answer.json()["base"]["ref"] == pull.base_ref == "release-1.0"


async def test_references_answer_exactly_or_by_prefix(world: World) -> None:
    main = world.repository.branches["main"]
    await world.forge.write_branch(world.repository, "main-2", main)
    exact = (await world.get("/git/ref/heads/main")).json()
    assert (exact["ref"], exact["object"]["sha"]) == ("refs/heads/main", main)
    assert (await world.get("/git/ref/heads/mai")).status_code == 404
    matching = (await world.get("/git/matching-refs/heads/mai")).json()
    assert [ref["ref"] for ref in matching] == ["refs/heads/main", "refs/heads/main-2"]


async def test_a_commit_shows_its_tree_and_parents(world: World) -> None:
    pull = await world.pull("boost")
    shown = (await world.get(f"/git/commits/{pull.head_sha}")).json()
    known = await world.repository.git.commit(pull.head_sha)
    assert shown["tree"]["sha"] == known.tree
    assert [parent["sha"] for parent in shown["parents"]] == [world.repository.branches["main"]]
    assert (await world.get(f"/git/commits/{'0' * 40}")).status_code == 404


async def test_statuses_combine_by_the_newest_of_each_context(world: World) -> None:
    sha = (await world.pull("boost")).head_sha
    for state in ("pending", "failure", "success"):
        body = {"context": "unit", "state": state, "description": state}
        assert (await world.client.post(f"{REPO}/statuses/{sha}", json=body)).status_code == 201
    combined = (await world.get(f"/commits/{sha}/status")).json()
    assert (combined["state"], combined["total_count"]) == ("success", 1)
    assert len((await world.get(f"/commits/{sha}/statuses")).json()) == 3


async def test_a_description_of_more_than_140_characters_is_refused(world: World) -> None:
    sha = world.repository.branches["main"]
    body = {"context": "unit", "state": "success", "description": "x" * 141}
    answer = await world.client.post(f"{REPO}/statuses/{sha}", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["message"] == "description is too long (maximum is 140 characters)"


async def test_an_unknown_commit_takes_no_status(world: World) -> None:
    answer = await world.client.post(f"{REPO}/statuses/{'0' * 40}", json={"state": "success"})
    assert (answer.status_code, answer.json()["message"]) == (422, f"No commit found for SHA: {'0' * 40}")


@pytest.fixture
def settings() -> Settings:
    return Settings(limits=Limits(core=2500, rest_points_per_minute=100_000))


async def test_a_thousand_statuses_of_a_context_are_enough(world: World) -> None:
    sha = world.repository.branches["main"]
    path, body = f"{REPO}/statuses/{sha}", {"context": "unit", "state": "success"}
    for _ in range(1000):
        await world.client.post(path, json=body)
    refused = await world.client.post(path, json=body)
    assert refused.status_code == 422
    assert "This SHA and context has reached the maximum number of statuses." in refused.text
    assert (await world.client.post(path, json={**body, "context": "lint"})).status_code == 201


async def test_check_runs_go_from_queued_to_completed(world: World) -> None:
    sha = (await world.pull("boost")).head_sha
    made = (await world.client.post(f"{REPO}/check-runs", json={"name": "unit", "head_sha": sha})).json()
    assert (made["status"], made["conclusion"]) == ("queued", None)
    assert (await world.get("/pulls/1")).json()["mergeable_state"] == "unstable"
    done = await world.client.patch(f"{REPO}/check-runs/{made['id']}", json={"conclusion": "success"})
    assert done.json()["status"] == "completed"
    listed = (await world.get(f"/commits/{sha}/check-runs")).json()
    assert (listed["total_count"], listed["check_runs"][0]["conclusion"]) == (1, "success")
    assert (await world.get("/pulls/1")).json()["mergeable_state"] == "clean"


async def test_protection_is_put_and_read(world: World) -> None:
    path = f"{REPO}/branches/main/protection"
    missing = await world.client.get(path)
    assert (missing.status_code, missing.json()["message"]) == (404, "Branch not protected")
    body = {
        "required_status_checks": {"strict": True, "contexts": ["unit"]},
        "enforce_admins": True,
        "required_pull_request_reviews": None,
        "restrictions": None,
    }
    shown = (await world.client.put(path, json=body)).json()
    assert shown["required_status_checks"]["contexts"] == ["unit"]
    assert (await world.client.get(path)).json() == shown
    assert (await world.client.put(path, json={"enforce_admins": True})).status_code == 422


async def test_rules_of_a_branch_come_from_active_rulesets(world: World) -> None:
    parameters = {"required_status_checks": [{"context": "unit"}], "strict_required_status_checks_policy": False}
    rule = {"type": "required_status_checks", "parameters": parameters}
    for enforcement in ("active", "disabled"):
        body = {"name": enforcement, "enforcement": enforcement, "rules": [rule]}
        await world.client.post(f"{REPO}/rulesets", json=body)
    rules = (await world.get("/rules/branches/main")).json()
    assert [(found["type"], found["parameters"]) for found in rules] == [("required_status_checks", parameters)]


async def test_comments_are_written_edited_and_deleted(world: World) -> None:
    await world.pull("boost")
    made = (await world.client.post(f"{REPO}/issues/1/comments", json={"body": "/lgtm"})).json()
    path = f"{REPO}/issues/comments/{made['id']}"
    assert (await world.client.patch(path, json={"body": "/hold"})).json()["body"] == "/hold"
    assert (await world.client.delete(path)).status_code == 204
    assert (await world.get("/issues/1/comments")).json() == []


async def test_issues_and_pulls_share_numbers_and_labels(world: World) -> None:
    await world.pull("boost")
    made = await world.client.post(f"{REPO}/issues", json={"title": "Blocked", "labels": ["tide/merge-blocker"]})
    assert made.json()["number"] == 2
    found = (await world.get("/issues/2")).json()
    assert [label["name"] for label in found["labels"]] == ["tide/merge-blocker"]
    assert "pull_request" in (await world.get("/issues/1")).json()
    closed = await world.client.patch(f"{REPO}/issues/2", json={"state": "closed"})
    assert closed.json()["state"] == "closed"


async def test_removing_a_label_that_is_not_on_is_a_404(world: World) -> None:
    await world.pull("boost")
    await world.client.post(f"{REPO}/issues/1/labels", json=["do-not-merge/hold"])
    removed = await world.client.delete(f"{REPO}/issues/1/labels/do-not-merge/hold")
    assert (removed.status_code, removed.json()) == (200, [])
    again = await world.client.delete(f"{REPO}/issues/1/labels/do-not-merge/hold")
    assert (again.status_code, again.json()["message"]) == (404, "Label does not exist")


async def test_nobody_approves_their_own_pull(world: World) -> None:
    await world.pull("boost")
    async with world.as_login("alice") as alice:
        refused = await alice.post(f"{REPO}/pulls/1/reviews", json={"event": "APPROVE"})
    assert refused.status_code == 422
    assert refused.json()["errors"] == ["Can not approve your own pull request"]


async def test_lists_are_paged_by_links(world: World) -> None:
    for number in range(5):
        await world.pull(f"boost-{number}")
    first = await world.get("/pulls", params={"per_page": 2, "direction": "asc"})
    numbers = [pull["number"] for pull in first.json()]
    page = first
    while "next" in page.links:
        page = await world.client.get(page.links["next"]["url"])
        numbers += [pull["number"] for pull in page.json()]
    assert numbers == [1, 2, 3, 4, 5]
    assert set(first.links) == {"next", "last"}
    assert set(page.links) == {"prev", "first"}


async def test_a_conditional_request_costs_nothing(world: World) -> None:
    first = await world.get("/git/ref/heads/main")
    again = await world.get("/git/ref/heads/main", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["X-RateLimit-Remaining"] == first.headers["X-RateLimit-Remaining"]
    await world.merge(await world.pull("boost"))
    changed = await world.get("/git/ref/heads/main", headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200


async def test_a_spent_budget_is_a_403_until_its_reset(world: World) -> None:
    world.sandbox.limits.exhaust("merge-bot-token", "core")
    refused = await world.get("")
    assert refused.status_code == 403
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert refused.json()["message"].startswith("API rate limit exceeded for user ID ")
    assert (await world.client.get("/rate_limit")).json()["resources"]["core"]["remaining"] == 0
    world.clock.forward(hours=1)
    assert (await world.get("")).status_code == 200


async def test_a_bad_token_is_a_401(world: World) -> None:
    world.sandbox.tokens.revoked.add("stolen")
    answer = await world.get("", headers={"Authorization": "Bearer stolen"})
    assert (answer.status_code, answer.json()["message"]) == (401, "Bad credentials")


async def test_reading_needs_no_token_but_writing_does(world: World) -> None:
    async with httpx.AsyncClient(base_url=world.sandbox.url) as anonymous:
        assert (await anonymous.get(REPO)).status_code == 200
        refused = await anonymous.post(f"{REPO}/issues", json={"title": "Spam"})
    assert (refused.status_code, refused.json()["message"]) == (401, "Requires authentication")


@pytest.mark.parametrize("path", ["/repos/acme/none", f"{REPO}/pulls/99", "/nowhere", f"{REPO}/x"])
async def test_what_does_not_exist_is_not_found(world: World, path: str) -> None:
    answer = await world.client.get(path)
    assert (answer.status_code, answer.json()["message"]) == (404, "Not Found")
    assert answer.json()["documentation_url"].startswith("https://docs.github.com/rest")


@pytest.mark.parametrize(
    ("content", "status", "message"),
    [
        (b"{", 400, "Problems parsing JSON"),
        (b"[]", 400, "Body should be a JSON object"),
        (b"{}", 422, 'Invalid request.\n\n"title" wasn\'t supplied.'),
    ],
)
async def test_a_bad_body_is_told_so(world: World, content: bytes, status: int, message: str) -> None:
    answer = await world.client.post(f"{REPO}/issues", content=content)
    assert (answer.status_code, answer.json()["message"]) == (status, message)


EMOJI = "\N{ROCKET}"


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"title": "x" * 257}, "title is too long (maximum is 256 characters)"),
        ({"title": EMOJI * 70_000}, "title is too long (maximum is 256 characters)"),
        ({"body": EMOJI * 70_000}, "body is too long (maximum is 65536 characters)"),
    ],
)
async def test_a_text_that_is_too_long_is_told_so(world: World, texts: dict[str, str], message: str) -> None:
    await world.branch("boost", boost_txt="boost")
    pull = {"title": "Boost", "head": "boost", "base": "main", **texts}
    await world.client.post(f"{REPO}/issues", json={"title": "Trouble"})
    answers = [
        await world.client.post(f"{REPO}/pulls", json=pull),
        await world.client.post(f"{REPO}/issues", json={"title": "Trouble", **texts}),
        await world.client.patch(f"{REPO}/issues/1", json=texts),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["message"]) == (422, "Validation Failed")
        (error,) = answer.json()["errors"]
        assert (error["resource"], error["code"], error["message"]) == ("Issue", "custom", message)


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
@pytest.mark.parametrize("body", ["a\0b", EMOJI * 65_536])
async def test_a_pull_with_any_text_is_opened_and_merged(world: World, body: str, method: str) -> None:
    await world.branch("boost", boost_txt="boost")
    opening = {"title": "Boost\0 it", "body": body, "head": "boost", "base": "main"}
    opened = await world.client.post(f"{REPO}/pulls", json=opening)
    assert (opened.status_code, opened.json()["title"], opened.json()["body"]) == (201, "Boost\0 it", body)
    merged = await world.client.put(f"{REPO}/pulls/1/merge", json={"merge_method": method, "commit_message": body})
    assert merged.status_code == 200
    commit = await world.repository.git.commit(merged.json()["sha"])
    assert method == "rebase" or body.replace("\0", "") in commit.message


async def test_a_comment_that_is_too_long_is_told_so(world: World) -> None:
    await world.pull("boost")
    answer = await world.client.post(f"{REPO}/issues/1/comments", json={"body": EMOJI * 70_000})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["message"] == "Body is too long (maximum is 65536 characters)"


async def test_half_a_character_is_no_json(world: World) -> None:
    answer = await world.client.post(f"{REPO}/issues", content=b'{"title": "half \\ud83d"}')
    assert (answer.status_code, answer.json()["message"]) == (400, "Problems parsing JSON")
    whole = await world.client.post(f"{REPO}/issues", content=b'{"title": "whole \\ud83d\\ude80"}')
    assert (whole.status_code, whole.json()["title"]) == (201, f"whole {EMOJI}")


async def test_each_workflow_of_an_app_has_a_suite_of_its_own(world: World) -> None:
    sha = (await world.pull("boost")).head_sha
    for workflow, conclusion in (("ci", "success"), ("nightly", "failure"), ("nightly", "success")):
        run = {"name": "unit", "head_sha": sha, "status": "completed", "conclusion": conclusion, "workflow": workflow}
        assert (await world.client.post(f"{REPO}/check-runs", json=run)).status_code == 201
    latest = (await world.get(f"/commits/{sha}/check-runs")).json()["check_runs"]
    assert [one["conclusion"] for one in latest] == ["success", "success"]
    assert len({one["check_suite"]["id"] for one in latest}) == 2
    every = (await world.get(f"/commits/{sha}/check-runs?filter=all")).json()["check_runs"]
    assert [one["conclusion"] for one in every] == ["success", "failure", "success"]


async def test_unsigned_commits_are_refused_where_signatures_are_required(world: World) -> None:
    world.forge.protect_branch(world.repository, "main", BranchProtection(required_signatures=True))
    shown = (await world.get("/branches/main/protection")).json()
    assert shown["required_signatures"]["enabled"] is True
    pull = await world.pull("boost")
    assert (await world.get("/pulls/1")).json()["mergeable_state"] == "blocked"
    told = (await world.merge(pull)).json()["message"]
    assert told == "Commits must have verified signatures."
    world.forge.protect_branch(world.repository, "main", BranchProtection())
    assert (await world.merge(pull)).status_code == 200


async def test_a_branch_is_updated_only_from_the_head_that_was_named(world: World) -> None:
    pull, other = await world.pull("boost"), await world.pull("other")
    await world.merge(other)
    path, head = f"{REPO}/pulls/{pull.number}/update-branch", pull.head_sha
    moved = await world.client.put(path, json={"expected_head_sha": "0" * 40})
    assert (moved.status_code, pull.head_sha) == (422, head)
    assert (await world.client.put(path, json={"expected_head_sha": head})).status_code == 202
    assert (await world.repository.git.commit(pull.head_sha)).parents == (head, world.repository.branches["main"])


async def test_an_archived_repository_is_read_only(world: World) -> None:
    pull = await world.pull("boost")
    world.forge.change_settings(world.repository, archived=True)
    answer = await world.merge(pull)
    assert (answer.status_code, answer.json()["message"]) == (403, "Repository was archived so is read-only.")


async def test_repositories_are_made_in_organizations(world: World) -> None:
    made = await world.client.post("/orgs/umbrella/repos", json={"name": "probe", "allow_rebase_merge": False})
    assert made.status_code == 201
    shown = (await world.client.get("/repos/umbrella/probe")).json()
    assert (shown["allow_rebase_merge"], shown["owner"]["type"]) == (False, "Organization")
    listed = (await world.client.get("/orgs/umbrella/repos")).json()
    assert [repository["full_name"] for repository in listed] == ["umbrella/probe"]
