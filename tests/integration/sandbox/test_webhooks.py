import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.integration.sandbox.world import World
from tide.adapters.http_server import bound_socket, serving_on
from tide.sandbox.evidence import NewStatus
from tide.sandbox.model import Hook
from tide.sandbox.server import LOOPBACK

SECRET = "shared-secret"


@dataclass
class Receiver:
    """A web server that keeps what it is sent."""

    url: str = ""
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def take(self, request: Request) -> Response:
        self.headers.append(dict(request.headers))
        self.bodies.append(await request.body())
        return Response(status_code=202)

    def events(self) -> list[tuple[str, Any]]:
        """The events with their payloads, in the order of their arrival."""
        pairs = zip(self.headers, self.bodies, strict=True)
        return [(headers["x-github-event"], json.loads(body)) for headers, body in pairs]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    listening = bound_socket(LOOPBACK, 0)
    made.url = f"http://127.0.0.1:{listening.getsockname()[1]}/hook"
    async with serving_on(listening, Starlette(routes=[Route("/hook", made.take, methods=["POST"])]), grace_seconds=1):
        yield made


def add_hook(world: World, url: str, *events: str) -> None:
    hooks = world.sandbox.webhooks.hooks
    world.sandbox.webhooks.hooks = (*hooks, Hook(len(hooks) + 1, url, SECRET, events))


async def test_deliveries_are_signed(world: World, receiver: Receiver) -> None:
    add_hook(world, receiver.url, "*")
    await world.pull("boost")
    await world.sandbox.webhooks.settled()
    assert receiver.bodies
    for headers, body in zip(receiver.headers, receiver.bodies, strict=True):
        expected = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        assert headers["x-hub-signature-256"] == f"sha256={expected}"
    ids = [headers["x-github-delivery"] for headers in receiver.headers]
    assert len(set(ids)) == len(ids)


async def test_a_pull_tells_its_life_in_order(world: World, receiver: Receiver) -> None:
    add_hook(world, receiver.url, "pull_request")
    pull = await world.pull("boost")
    world.forge.add_label(world.repository, pull, "lgtm")
    world.forge.remove_label(world.repository, pull, "lgtm")
    old = pull.head_sha
    new = await world.commit(old, "More", more_txt="more")
    await world.forge.write_branch(world.repository, "boost", new)
    await world.client.patch("/repos/acme/rocket/pulls/1", json={"title": "Renamed"})
    world.forge.close_pull(world.repository, pull)
    world.forge.reopen_pull(world.repository, pull)
    await world.merge(pull)
    await world.sandbox.webhooks.settled()
    events = [payload for _, payload in receiver.events()]
    assert [event["action"] for event in events] == [
        "opened",
        "labeled",
        "unlabeled",
        "synchronize",
        "edited",
        "closed",
        "reopened",
        "closed",
    ]
    assert events[1]["label"]["name"] == "lgtm"
    assert (events[3]["before"], events[3]["after"]) == (old, new)
    assert events[4]["changes"] == {"title": {"from": "Add boost"}}
    assert [events[5]["pull_request"]["merged"], events[7]["pull_request"]["merged"]] == [False, True]
    assert events[7]["pull_request"]["merge_commit_sha"] == world.repository.branches["main"]
    assert all(event["repository"]["full_name"] == "acme/rocket" for event in events)


async def test_every_kind_of_event_is_sent_with_its_subject(world: World, receiver: Receiver) -> None:
    add_hook(world, receiver.url, "*")
    pull = await world.pull("boost")
    sha = pull.head_sha
    world.forge.create_status(world.repository, sha, NewStatus(context="unit", state="success"))
    await world.client.post("/repos/acme/rocket/check-runs", json={"name": "lint", "head_sha": sha})
    world.forge.submit_review(world.repository, pull, author="bob", state="APPROVED")
    issue = world.forge.open_issue(world.repository, title="Blocked")
    world.forge.comment(world.repository, issue, "/hold", "bob")
    await world.sandbox.webhooks.settled()
    found = dict(receiver.events())
    assert found["push"]["ref"] == "refs/heads/boost"
    assert (found["push"]["created"], found["push"]["after"]) == (True, sha)
    assert (found["status"]["sha"], found["status"]["context"], found["status"]["state"]) == (sha, "unit", "success")
    assert found["status"]["branches"][0]["name"] == "boost"
    assert found["check_run"]["check_run"]["name"] == "lint"
    assert found["pull_request_review"]["review"]["state"] == "approved"
    assert found["issues"]["issue"]["number"] == issue.number
    assert found["issue_comment"]["comment"]["body"] == "/hold"


async def test_a_push_lists_its_commits_and_says_when_it_is_forced(world: World, receiver: Receiver) -> None:
    pull = await world.pull("boost")
    add_hook(world, receiver.url, "push")
    await world.merge(pull)
    other = await world.commit(None, "Other history", other_txt="other")
    await world.forge.write_branch(world.repository, "boost", other)
    await world.sandbox.webhooks.settled()
    merged, forced = (payload for _, payload in receiver.events())
    assert [commit["id"] for commit in merged["commits"]] == [pull.closing_head_sha, merged["after"]]
    assert merged["head_commit"]["message"].startswith("Merge pull request #1")
    assert (merged["forced"], forced["forced"]) == (False, True)


async def test_only_the_events_asked_for_are_sent(world: World, receiver: Receiver) -> None:
    add_hook(world, receiver.url, "status")
    await world.pull("boost")
    await world.sandbox.webhooks.settled()
    assert receiver.bodies == []


async def test_a_receiver_that_is_gone_holds_up_nobody(world: World, receiver: Receiver) -> None:
    listening = bound_socket(LOOPBACK, 0)
    gone = f"http://127.0.0.1:{listening.getsockname()[1]}/hook"
    listening.close()
    add_hook(world, gone, "*")
    add_hook(world, receiver.url, "pull_request")
    await world.pull("boost")
    async with asyncio.timeout(20):
        await world.sandbox.webhooks.settled()
    assert [event for event, _ in receiver.events()] == ["pull_request"]
    assert None in {receipt.status for receipt in world.sandbox.webhooks.receipts}
