"""A GitHub App in two organisations, over a GitHub that knows it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import jwt
import pytest

from tests.app_keys import pem, rsa_key
from tests.contract.code_host.world import Clock, settings_of
from tests.integration.sandbox import world as sandbox_world
from tide.adapters.git.bare_repositories import BareRepositories
from tide.adapters.github.app_key import AppIdentity
from tide.adapters.github.code_host import GitHub
from tide.adapters.github.connect import github
from tide.domain.actions import Target
from tide.domain.errors import NotFound, RateLimited, Unauthorized
from tide.domain.keys import PoolKey, PullKey, RepoKey
from tide.domain.outcomes import Merged
from tide.domain.pulls import ContextState
from tide.ports.code_host import PartlyRead, StatusPost
from tide.sandbox.apps import App, Installation
from tide.sandbox.commits import NewCommit
from tide.sandbox.model import PullRequest, Repository
from tide.sandbox.server import Sandbox, running
from tide.sandbox.state import Forge, NewPull

ACME, UMBRA = PoolKey("acme", "rocket", "main"), PoolKey("umbra", "engine", "main")


@dataclass
class AppWorld:
    """`acme/rocket` and `umbra/engine`, both private, each with one open pull request, and the App in both."""

    sandbox: Sandbox
    app: App
    host: GitHub
    clock: Clock
    folder: Path
    pulls: dict[str, PullRequest]

    def installation(self, org: str) -> Installation:
        return self.app.installations[org]

    def suspend(self, org: str) -> None:
        self.installation(org).suspended_at = self.clock.now()
        # Whatever token is in use is forgotten when it is refused, or when it ends.
        self.clock.sandbox.forward(hours=2)

    def git(self) -> BareRepositories:
        async def token_of(repo: RepoKey) -> str:
            return await self.host.token_for(repo.org)

        return BareRepositories(self.folder / "git", lambda repo: self.sandbox.git_url(str(repo)), token_of)

    async def seen(self, org: str) -> list[str]:
        found = await self.host.search_pulls(f"is:pr state:open org:{org}", org=org)
        assert found.complete
        return [str(pull.key) for pull in found.pulls]


async def repository(forge: Forge, org: str, name: str) -> tuple[Repository, PullRequest]:
    made = await forge.create_repository(org, name)
    forge.change_settings(made, private=True)
    author, now = ("Alice", "alice@example.com"), forge.now()
    first = NewCommit(parents=(), files={"README": org.encode()}, message="First", author=author, at=now)
    base = (await made.git.write_commits([first]))[0]
    change = NewCommit(parents=(base,), files={"change": b"yes"}, message="Change", author=author, at=now)
    await forge.write_branch(made, "main", base)
    await forge.write_branch(made, "change", (await made.git.write_commits([change]))[0])
    return made, forge.open_pull(made, NewPull(title="Change", head_ref="change", base_ref="main"), "alice")


@pytest.fixture
async def app_world(tmp_path: Path) -> AsyncIterator[AppWorld]:
    (tmp_path / "forge").mkdir()
    key_path = tmp_path / "app.pem"
    key_path.write_text(pem(rsa_key()))
    clock = Clock(sandbox_world.Clock())
    forge = Forge(clock.now, tmp_path / "forge")
    pulls = {org: (await repository(forge, org, name))[1] for org, name in (("acme", "rocket"), ("umbra", "engine"))}
    async with running(forge) as sandbox:
        sandbox.tokens.only_registered = True
        app = sandbox.apps.register(7, "mergers", rsa_key().public_key())
        for org in pulls:
            sandbox.apps.install(app, org)
        settings = settings_of(sandbox, timedelta(seconds=20))
        async with github(settings, AppIdentity("7", key_path), clock=clock, sleep=clock.sleep) as host:
            yield AppWorld(sandbox, app, host, clock, tmp_path, pulls)


async def test_each_organisation_is_served_by_its_installation(app_world: AppWorld) -> None:
    await app_world.host.verify()
    assert await app_world.seen("acme") == ["acme/rocket#1"]
    assert await app_world.seen("umbra") == ["umbra/engine#1"]
    for pool in (ACME, UMBRA):
        repo = app_world.sandbox.forge.repository(str(pool.repository))
        assert await app_world.host.branch_head(pool) == repo.branches["main"]
    assert len({await app_world.host.token_for(org) for org in ("acme", "umbra")}) == 2


async def test_one_broken_installation_keeps_no_other_one_from_merging(app_world: AppWorld) -> None:
    app_world.suspend("acme")
    with pytest.raises(Unauthorized, match=r"cannot speak for acme: .* has been suspended"):
        await app_world.seen("acme")
    with pytest.raises(Unauthorized, match="acme"):
        await app_world.host.branch_head(ACME)
    with pytest.raises(PartlyRead, match="acme/rocket#1"):
        await app_world.host.read_pulls([PullKey("acme", "rocket", 1), PullKey("umbra", "engine", 1)])
    assert await app_world.seen("umbra") == ["umbra/engine#1"]
    pull, host = app_world.pulls["umbra"], app_world.host
    await host.post_status(UMBRA.repository, pull.head_sha, StatusPost("tide", ContextState.SUCCESS, "In merge pool."))
    assert isinstance(await host.merge(UMBRA.repository, Target(1, pull.head_sha)), Merged)
    assert (pull.merged_by, app_world.pulls["acme"].merged) == ("mergers[bot]", False)


async def test_an_installation_can_be_broken_and_mended_from_outside_as_at_github(app_world: AppWorld) -> None:
    number, now = app_world.installation("acme").id, app_world.clock.now().timestamp()
    token = jwt.encode({"iss": "7", "iat": int(now), "exp": int(now) + 60}, rsa_key(), algorithm="RS256")
    path = f"/app/installations/{number}/suspended"
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=app_world.sandbox.url, headers=headers, timeout=20) as client:
        await client.put(path)
        with pytest.raises(Unauthorized, match="has been suspended"):
            await app_world.seen("acme")
        await client.delete(path)
    app_world.clock.sandbox.forward(minutes=1)
    assert await app_world.seen("acme") == ["acme/rocket#1"]


async def test_a_mended_installation_is_spoken_for_again(app_world: AppWorld) -> None:
    app_world.suspend("acme")
    with pytest.raises(Unauthorized):
        await app_world.seen("acme")
    app_world.installation("acme").suspended_at = None
    app_world.clock.sandbox.forward(minutes=1)
    assert await app_world.seen("acme") == ["acme/rocket#1"]


async def test_a_suspension_between_two_calls_is_told_and_outlived(app_world: AppWorld) -> None:
    assert await app_world.seen("acme")
    app_world.installation("acme").suspended_at = app_world.clock.now()
    with pytest.raises(Unauthorized, match="GitHub refuses the GitHub App 7 in acme"):
        await app_world.seen("acme")
    assert await app_world.seen("umbra")


async def test_tokens_are_renewed_hour_after_hour(app_world: AppWorld) -> None:
    tokens = set()
    for _ in range(4):
        assert await app_world.seen("acme")
        tokens.add(await app_world.host.token_for("acme"))
        app_world.clock.sandbox.forward(minutes=59)
    assert len(tokens) == 4


async def test_a_token_opens_nothing_of_another_organisation(app_world: AppWorld) -> None:
    token = await app_world.host.token_for("acme")
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=app_world.sandbox.url, headers=headers, timeout=20) as client:
        assert (await client.get("/repos/acme/rocket")).status_code == 200
        assert (await client.get("/repos/umbra/engine")).status_code == 404
        assert (await client.get("/app/installations")).status_code == 401
        query = '{repository(owner: "umbra", name: "engine") {id}}'
        answer = (await client.post("/graphql", json={"query": query})).json()
        assert answer["errors"][0]["type"] == "NOT_FOUND"
    found = await app_world.host.search_pulls("is:pr state:open", org="acme")
    assert [pull.key.org for pull in found.pulls] == ["acme"]


async def test_git_fetches_with_the_token_of_the_organisation(app_world: AppWorld) -> None:
    git = app_world.git()
    for pool, pull in ((ACME, app_world.pulls["acme"]), (UMBRA, app_world.pulls["umbra"])):
        await git.fetch(pool.repository, {pull.head_sha: f"refs/pull/{pull.number}/head"})
    app_world.suspend("acme")
    wanted = {"b" * 40: "refs/heads/main"}
    with pytest.raises(Unauthorized, match="cannot speak for acme"):
        await git.fetch(ACME.repository, wanted)
    with pytest.raises(NotFound):
        await git.fetch(UMBRA.repository, wanted)


async def test_a_spent_hour_is_that_of_one_installation(app_world: AppWorld) -> None:
    account = f"installation {app_world.installation('acme').id}"
    app_world.sandbox.limits.exhaust(account, "graphql")
    with pytest.raises(RateLimited):
        await app_world.seen("acme")
    assert await app_world.seen("umbra") == ["umbra/engine#1"]
