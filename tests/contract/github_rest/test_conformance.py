"""The sandbox's REST API, and our client's requests to it, against GitHub's own description."""

import re
from datetime import timedelta
from typing import Any

import httpx
import jwt
import pytest

from tests.app_keys import rsa_key
from tests.contract.code_host.world import MAIN, ROCKET, Clock, settings_of
from tests.contract.github_rest.conftest import RecordedWorld
from tests.contract.github_rest.description import Description
from tests.contract.github_rest.recorder import Exchange
from tests.contract.github_rest.undescribed import FLAWED_SCHEMAS, UNDESCRIBED_ANSWERS
from tide.adapters.github.connect import github
from tide.domain.actions import Target
from tide.domain.keys import PullKey
from tide.domain.outcomes import Merged, NotMerged
from tide.domain.pulls import ContextState, MergeMethod
from tide.policy.commit_text import CommitText
from tide.ports.code_host import StatusPost
from tide.sandbox.rest.routes import ROUTES, RestRoute

pytestmark = pytest.mark.published

REPO = "/repos/acme/rocket"
PROTECTION = {
    "required_status_checks": {"strict": False, "contexts": [], "checks": [{"context": "unit"}]},
    "enforce_admins": False,
    "required_pull_request_reviews": {"required_approving_review_count": 0},
    "restrictions": {"users": ["merge-bot"], "teams": [], "apps": []},
}
RULESET = {
    "name": "checks",
    "target": "branch",
    "enforcement": "active",
    "conditions": {"ref_name": {"include": ["refs/heads/release"], "exclude": []}},
    "rules": [
        {"type": "deletion"},
        {
            "type": "required_status_checks",
            "parameters": {
                "required_status_checks": [{"context": "unit"}],
                "strict_required_status_checks_policy": False,
            },
        },
    ],
}


def complaints(description: Description, exchange: Exchange) -> list[str]:
    """Return what is wrong with an exchange; requests are only checked where the sandbox took them."""
    operation = description.operation(exchange.method, exchange.path)
    if operation is None:
        return [f"{exchange}: no such operation"]
    found = description.answer_complaints(operation, exchange.status, exchange.answered)
    if found is None:
        known = (operation.method, operation.path, exchange.status) in UNDESCRIBED_ANSWERS
        found = [] if known else [f"{operation.path} does not say that it answers so"]
    if flaw := FLAWED_SCHEMAS.get((operation.method, operation.path, exchange.status)):
        found = [text for text in found if not re.match(flaw[0], text)]
    if exchange.status < 400:
        found += [f"request {text}" for text in description.request_complaints(operation, exchange.asked)]
    return [f"{exchange}: {text}" for text in found]


def check(description: Description, world: RecordedWorld) -> None:
    """Check everything recorded so far."""
    found = [text for exchange in world.recorder.exchanges for text in complaints(description, exchange)]
    assert found == [], "\n".join(found)


async def post(world: RecordedWorld, path: str, **body: Any) -> Any:
    answer = await world.client.post(path, json=body)
    assert answer.status_code < 300, answer.text
    return answer.json()


async def tell_accounts_and_repositories(world: RecordedWorld) -> None:
    for path in ("/rate_limit", "/users/acme/repos", "/orgs/acme/repos", REPO):
        await world.client.get(path)
    await post(world, "/orgs/acme/repos", name="probe")


async def tell_apps(world: RecordedWorld) -> None:
    app = world.sandbox.apps.register(7, "mergers", rsa_key().public_key())
    installed, suspended = (world.sandbox.apps.install(app, org) for org in ("acme", "umbra"))
    suspended.suspended_at = world.clock.now
    async with as_app(world) as client:
        assert (await client.get("/app/installations")).status_code == 200
        made = await client.post(f"/app/installations/{installed.id}/access_tokens", json={})
        assert made.status_code == 201
        for method in ("PUT", "DELETE"):
            path = f"/app/installations/{installed.id}/suspended"
            assert (await client.request(method, path)).status_code == 204


def as_app(world: RecordedWorld) -> httpx.AsyncClient:
    """A client that speaks for the App 7 itself."""
    claims = {"iss": "7", "iat": int(world.clock.now.timestamp()), "exp": int(world.clock.now.timestamp()) + 60}
    token = jwt.encode(claims, rsa_key(), algorithm="RS256")
    return httpx.AsyncClient(base_url=world.sandbox.url, headers={"Authorization": f"Bearer {token}"}, timeout=20)


async def tell_references(world: RecordedWorld) -> None:
    main = world.repository.branches["main"]
    for path in ("/git/ref/heads/main", "/git/matching-refs/heads/ma", f"/git/commits/{main}"):
        await world.get(path)


async def tell_rules(world: RecordedWorld) -> None:
    path = f"{REPO}/branches/main/protection"
    assert (await world.client.put(path, json=PROTECTION)).status_code == 200
    await world.client.get(path)
    world.forge.protect_branch(world.repository, "main", None)
    made = await post(world, f"{REPO}/rulesets", **RULESET)
    for one in ("/rules/branches/release", f"/rulesets/{made['id']}"):
        await world.get(one)


async def tell_evidence(world: RecordedWorld) -> None:
    sha = world.repository.branches["main"]
    await post(world, f"{REPO}/statuses/{sha}", state="success", context="unit", description="Good.")
    run = await post(world, f"{REPO}/check-runs", name="lint", head_sha=sha)
    await world.client.patch(
        f"{REPO}/check-runs/{run['id']}",
        json={"status": "completed", "conclusion": "failure", "output": {"title": "Bad", "summary": "No."}},
    )
    for path in ("status", "statuses", "check-runs"):
        await world.get(f"/commits/{sha}/{path}")


async def tell_pulls(world: RecordedWorld) -> None:
    for name in ("boost", "other"):
        await world.branch(name, **{f"{name}_txt": name})
        await post(world, f"{REPO}/pulls", title=name, head=name, base="main", body="Because.")
    await world.client.patch(f"{REPO}/pulls/1", json={"title": "Boost", "state": "open"})
    async with world.as_login("bob") as bob:
        await bob.post(f"{REPO}/pulls/1/reviews", json={"event": "APPROVE"})
    for path in ("/pulls", "/pulls/1", "/pulls/1/reviews"):
        await world.get(path)
    merged = await world.client.put(f"{REPO}/pulls/1/merge", json={"merge_method": "squash"})
    assert merged.status_code == 200
    await world.get("/pulls/1")
    await world.client.put(f"{REPO}/pulls/2/update-branch", json={})


async def tell_issues(world: RecordedWorld) -> None:
    made = await post(world, f"{REPO}/issues", title="Blocked", labels=["blocker"])
    path = f"{REPO}/issues/{made['number']}"
    await world.client.patch(path, json={"state": "closed", "state_reason": "completed"})
    await post(world, f"{path}/labels", labels=["one", "two"])
    await world.client.get(f"{path}/labels")
    await world.client.delete(f"{path}/labels/one")
    comment = await post(world, f"{path}/comments", body="/lgtm")
    await world.client.get(f"{path}/comments")
    await world.client.patch(f"{REPO}/issues/comments/{comment['id']}", json={"body": "/hold"})
    await world.client.delete(f"{REPO}/issues/comments/{comment['id']}")
    for each in (path, f"{REPO}/issues/1"):
        await world.client.get(each)


def pattern(route: RestRoute) -> re.Pattern[str]:
    """Return the paths of a route."""
    parts = re.split(r"(\{[^}]+\})", route.path)
    return re.compile("".join(".+" if "{" in part else re.escape(part) for part in parts))


async def test_every_route_takes_and_answers_what_github_describes(
    recorded: RecordedWorld, description: Description
) -> None:
    await tell_accounts_and_repositories(recorded)
    await tell_references(recorded)
    await tell_rules(recorded)
    await tell_evidence(recorded)
    await tell_pulls(recorded)
    await tell_issues(recorded)
    await tell_apps(recorded)
    good = [exchange for exchange in recorded.recorder.exchanges if exchange.status < 300]
    unseen = [
        f"{route.method} {route.path}"
        for route in ROUTES
        if not any(one.method == route.method and pattern(route).fullmatch(one.path) for one in good)
    ]
    assert unseen == []
    check(description, recorded)


async def test_refusals_are_those_github_describes_or_that_are_known(
    recorded: RecordedWorld, description: Description
) -> None:
    world, unknown = recorded, "0" * 40
    pull = await world.pull("boost")
    bad, long = {"Authorization": "token stolen"}, "x" * 150
    world.sandbox.tokens.revoked.add("stolen")
    answers = [
        await world.client.get("/repos/acme/none"),
        await world.get("/pulls/99"),
        await world.get("/pulls/99/reviews"),
        await world.get(f"/git/commits/{unknown}"),
        await world.get("/git/ref/heads/none"),
        await world.get("/git/ref/heads/main", headers=bad),
        await world.get("/branches/main/protection"),
        await world.get(f"/commits/{unknown}/status"),
        await world.client.post(f"{REPO}/pulls", json={"title": "x", "head": "none", "base": "main"}),
        await world.client.post(f"{REPO}/statuses/{unknown}", json={"state": "success"}),
        await world.client.post(f"{REPO}/statuses/{pull.head_sha}", json={"state": "success", "description": long}),
        await world.client.post(f"{REPO}/check-runs", json={"name": "unit", "head_sha": unknown}),
        await world.client.put(f"{REPO}/pulls/1/merge", json={"sha": unknown}),
        await world.client.put(f"{REPO}/pulls/1/merge", json={"merge_method": "fast-forward"}),
        await world.client.put(f"{REPO}/pulls/99/merge", json={}),
        await world.client.post(f"{REPO}/issues/1/comments", json={"body": "x"}, headers=bad),
        await world.client.delete(f"{REPO}/issues/1/labels/none"),
    ]
    app = world.sandbox.apps.register(7, "mergers", rsa_key().public_key())
    suspended = world.sandbox.apps.install(app, "acme")
    suspended.suspended_at = world.clock.now
    async with as_app(world) as client:
        answers += [
            await client.post(f"/app/installations/{number}/access_tokens", json={}) for number in (suspended.id, 99999)
        ]
    world.forge.change_settings(world.repository, allow_merge_commit=False)
    answers.append(await world.client.put(f"{REPO}/pulls/1/merge", json={}))
    world.forge.change_settings(world.repository, archived=True)
    answers.append(await world.client.put(f"{REPO}/pulls/1/merge", json={}))
    world.sandbox.limits.exhaust("merge-bot-token", "core")
    answers.append(await world.get("/git/ref/heads/main"))
    assert [answer.status_code for answer in answers if answer.status_code < 400] == []
    check(description, recorded)
    seen = {known_answer(description, exchange) for exchange in world.recorder.exchanges}
    assert set(UNDESCRIBED_ANSWERS) <= seen


def known_answer(description: Description, exchange: Exchange) -> tuple[str, str, int]:
    """Return the key under which the list of undescribed answers has an exchange."""
    operation = description.operation(exchange.method, exchange.path)
    return exchange.method, operation.path if operation else exchange.path, exchange.status


async def test_what_our_client_asks_is_what_github_takes(recorded: RecordedWorld, description: Description) -> None:
    merged, kept = await recorded.pull("boost"), await recorded.pull("other")
    token_file = recorded.scratch / "token"
    token_file.write_text("merge-bot-token")
    clock = Clock(recorded.clock)
    settings = settings_of(recorded.sandbox, timedelta(seconds=20))
    async with github(settings, token_file, clock=clock, sleep=clock.sleep) as host:
        await host.verify()
        await host.repo_settings(ROCKET)
        await host.branch_rules(MAIN)
        await host.commit(ROCKET, await host.branch_head(MAIN))
        await host.post_status(ROCKET, merged.head_sha, StatusPost("tide", ContextState.SUCCESS, "In merge pool."))
        recorded.sandbox.forge.comment(recorded.repository, merged, "<!-- test report -->", "merge-bot")
        (comment,) = await host.comments(PullKey("acme", "rocket", merged.number))
        await host.delete_comment(ROCKET, comment.id)
        target, text = Target(merged.number, merged.head_sha, MergeMethod.SQUASH), CommitText("Boost", "Because.")
        assert isinstance(await host.merge(ROCKET, target, text), Merged)
        refused = await host.merge(ROCKET, Target(kept.number, "0" * 40))
        assert isinstance(refused, NotMerged)
    rest = [exchange for exchange in recorded.recorder.exchanges if exchange.path != "/graphql"]
    assert [exchange.method for exchange in rest].count("PUT") == 2
    assert [text for exchange in rest for text in complaints(description, exchange)] == []


async def test_a_deviation_is_noticed(description: Description) -> None:
    wrong = Exchange("PUT", f"{REPO}/pulls/1/merge", b'{"merge_method": "octopus"}', 200, b'{"sha": 1}')
    found = "\n".join(complaints(description, wrong))
    assert "octopus" in found
    assert "'merged' is a required property" in found
    assert complaints(description, Exchange("GET", "/nowhere", status=200)) == [
        "GET /nowhere -> 200: no such operation"
    ]
    unknown = Exchange("GET", REPO, status=418, answer_body=b"{}")
    assert "does not say that it answers so" in complaints(description, unknown)[0]
