"""What the simulated GitHub delivers, the receiver takes, and knows where to look."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.sandbox.world import Clock, World
from tests.unit.web.receiver import Receiver
from tide.adapters.http_server import serving
from tide.domain.keys import HeadKey, Hint, PoolKey, PullKey, RepoKey
from tide.sandbox.evidence import NewStatus
from tide.sandbox.model import Hook
from tide.sandbox.server import LOOPBACK, Settings, running
from tide.sandbox.state import Forge

ROCKET = RepoKey("acme", "rocket")


@pytest.fixture
async def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
async def world(tmp_path: Path, receiver: Receiver) -> AsyncIterator[World]:
    """A repository with one pull request whose events are sent to the receiver from then on."""
    for name in ("forge", "scratch"):
        (tmp_path / name).mkdir()
    clock = Clock()
    forge = Forge(clock, tmp_path / "forge")
    repository = await forge.create_repository("acme", "rocket")
    async with serving(receiver.app, LOOPBACK, 0) as port:
        url = f"http://{LOOPBACK}:{port}/hook"
        hook = Hook(id=1, url=url, secret=receiver.secret.decode(), events=("*",))
        async with running(forge, settings=Settings()) as sandbox:
            made = World(sandbox, repository, clock, tmp_path / "scratch")
            await forge.write_branch(repository, "main", await made.commit(None, "First", README="rocket\n"))
            await made.pull("boost")
            sandbox.webhooks.hooks = (hook,)
            yield made
            await made.client.aclose()


async def followed(world: World, receiver: Receiver) -> list[Hint]:
    """Wait for all deliveries; give what they hint at."""
    await world.sandbox.webhooks.settled()
    assert {receipt.status for receipt in world.sandbox.webhooks.receipts} == {202}
    return receiver.hints


async def test_the_life_of_a_pull_request_is_followed(world: World, receiver: Receiver) -> None:
    pull = world.repository.pulls[1]
    world.forge.add_label(world.repository, pull, "lgtm")
    world.forge.submit_review(world.repository, pull, author="bob", state="APPROVED")
    await world.client.patch("/repos/acme/rocket/pulls/1", json={"title": "Renamed"})
    world.forge.close_pull(world.repository, pull)
    assert set(await followed(world, receiver)) == {PullKey("acme", "rocket", 1)}
    assert len(receiver.hints) == 4


async def test_reports_on_a_head_are_followed(world: World, receiver: Receiver) -> None:
    sha = world.repository.pulls[1].head_sha
    world.forge.create_status(world.repository, sha, NewStatus(context="unit", state="success"))
    await world.client.post("/repos/acme/rocket/check-runs", json={"name": "lint", "head_sha": sha})
    assert await followed(world, receiver) == [HeadKey("acme", "rocket", sha)] * 2


async def test_a_merge_is_followed_to_its_branch(world: World, receiver: Receiver) -> None:
    await world.merge(world.repository.pulls[1])
    assert set(await followed(world, receiver)) == {PoolKey("acme", "rocket", "main"), PullKey("acme", "rocket", 1)}


async def test_issues_are_followed_when_they_block(world: World, receiver: Receiver) -> None:
    issue = world.forge.open_issue(world.repository, title="Broken")
    assert await followed(world, receiver) == []
    world.forge.add_label(world.repository, issue, "tide/merge-blocker")
    world.forge.remove_label(world.repository, issue, "tide/merge-blocker")
    assert await followed(world, receiver) == [ROCKET, ROCKET]


async def test_what_is_of_no_use_is_taken_all_the_same(world: World, receiver: Receiver) -> None:
    await world.forge.create_repository("acme", "orbit")
    world.forge.comment(world.repository, world.repository.pulls[1], "/hold", "bob")
    assert await followed(world, receiver) == []
    assert {kept.event for kept in receiver.inbox.deliveries} == {"issue_comment", "repository"}
