"""A simulated GitHub with two organisations, for daemons that are a GitHub App there or show one token."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import yaml
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.app_keys import pem, rsa_key
from tests.e2e.in_process import Place, Rounds
from tests.programs import open_directory
from tide.adapters.clock import SystemClock
from tide.adapters.http_server import serving
from tide.app.options import RunOptions
from tide.sandbox.apps import App
from tide.sandbox.commits import NewCommit
from tide.sandbox.model import PullRequest, Repository
from tide.sandbox.server import LOOPBACK, Sandbox, running
from tide.sandbox.state import Forge, NewPull

ROCKET, ENGINE = "acme/rocket", "umbra/engine"
AUTHOR = ("Alice", "alice@example.com")
_SERVER_PATH = "/api"


@dataclass
class Clock:
    """The machine's time; `shift` ago while a past is made up."""

    shift: timedelta = timedelta(0)

    def now(self) -> datetime:
        """Give the time."""
        return SystemClock().now() - self.shift


@dataclass(frozen=True)
class TwoOrgs:
    """`acme/rocket` and `umbra/engine`, both private, and an App called `mergers` in both."""

    place: Place
    clock: Clock
    sandbox: Sandbox
    app: App
    as_app: RunOptions

    def repository(self, name: str) -> Repository:
        """Give a repository."""
        return self.place.forge.repository(name)

    async def open_pull(self, repo: str, name: str, *labels: str, base: str = "main") -> PullRequest:
        """Open a pull request that adds a file."""
        repository = self.repository(repo)
        parent, now = repository.branches[base], self.place.forge.now()
        change = NewCommit(parents=(parent,), files={name: b"yes\n"}, message=f"Add {name}", author=AUTHOR, at=now)
        await self.place.forge.write_branch(repository, name, (await repository.git.write_commits([change]))[0])
        new = NewPull(title=f"Add {name}", head_ref=name, base_ref=base, labels=labels)
        return self.place.forge.open_pull(repository, new, "alice")

    async def open_many(self, repo: str, count: int, *labels: str) -> None:
        """Open many pull requests of one commit, each a second after the one before it."""
        repository, now = self.repository(repo), self.place.forge.now()
        parent = repository.branches["main"]
        change = NewCommit(parents=(parent,), files={"many": b"yes\n"}, message="Add many", author=AUTHOR, at=now)
        (sha,) = await repository.git.write_commits([change])
        for number in range(count):
            branch = f"many-{number}"
            repository.branches[branch] = sha
            repository.git.set_ref_later(f"refs/heads/{branch}", sha)
            self.clock.shift = timedelta(seconds=count - number - 1)
            new = NewPull(title=f"Change {number}", head_ref=branch, base_ref="main", labels=labels)
            self.place.forge.open_pull(repository, new, "alice")

    def write_key(self, name: str) -> None:
        """Put another key into the App's key file."""
        (self.place.directory / "app.pem").write_text(pem(rsa_key(name)))

    def suspend(self, org: str) -> None:
        """Let an organisation's owner suspend the App."""
        self.app.installations[org].suspended_at = self.place.forge.now()

    def uninstall(self, org: str) -> None:
        """Let an organisation's owner take the App out."""
        self.sandbox.apps.uninstall(self.app.installations[org])

    def place_of(self, options: RunOptions) -> Place:
        """Give the place of a daemon with these options."""
        return replace(self.place, options=options)


@asynccontextmanager
async def two_orgs(database_url: str, *, jobs: bool = False) -> AsyncIterator[TwoOrgs]:
    """Give two organisations; tokens that are not the App's or the token file's are no good there."""
    with open_directory("orgs") as directory:
        (directory / "github").mkdir()
        clock = Clock()
        forge = Forge(clock.now, directory / "github")
        for name in (ROCKET, ENGINE):
            await _found(forge, name)
        (directory / "config.yaml").write_text(yaml.safe_dump(_config(jobs=jobs)))
        (directory / "token").write_text("merge-bot-token\n")
        (directory / "app.pem").write_text(pem(rsa_key()))
        async with running(forge) as sandbox:
            sandbox.tokens.only_registered = True
            sandbox.tokens.register("merge-bot-token", "merge-bot")
            app = sandbox.apps.register(7, "mergers", rsa_key().public_key())
            for org in ("acme", "umbra"):
                sandbox.apps.install(app, org)
            options = _options(directory, sandbox, database_url)
            as_app = replace(
                options,
                github_token_path=None,
                github_app_id="7",
                github_app_private_key_path=directory / "app.pem",
            )
            yield TwoOrgs(Place(directory, forge, sandbox.faults, options), clock, sandbox, app, as_app)


async def until(rounds: Rounds, condition: Callable[[], bool], *, most: int = 60) -> None:
    """Make rounds until something is so."""
    for _ in range(most):
        if condition():
            return
        await rounds.make(1)
    raise AssertionError(f"not so after {most} rounds")


class Front:
    """A server in front of the sandbox's, which notes what is asked; it answers 502 while it `is_down`.

    With `as_server` the addresses are those of a GitHub Enterprise Server.
    """

    def __init__(self, app: ASGIApp, *, as_server: bool = False) -> None:
        self._app, self._as_server = app, as_server
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.is_down = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        self.asked.append((f"{scope['method']} {scope['path']}", headers))
        path = self._inner(scope["path"])
        if self.is_down or not path:
            await send({"type": "http.response.start", "status": 502 if self.is_down else 404, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await self._app({**scope, "path": path, "raw_path": path.encode()}, receive, send)

    def paths(self) -> set[str]:
        """Give the paths that were asked for."""
        return {asked.partition(" ")[2] for asked, _ in self.asked}

    def _inner(self, path: str) -> str:
        if not self._as_server:
            return path
        if path == f"{_SERVER_PATH}/graphql":
            return "/graphql"
        if path.startswith(f"{_SERVER_PATH}/v3/"):
            return path.removeprefix(f"{_SERVER_PATH}/v3")
        return path if ".git/" in path else ""


@asynccontextmanager
async def fronted(front: Front) -> AsyncIterator[str]:
    """Serve a front; give its address."""
    async with serving(front, LOOPBACK, 0) as port:
        yield f"http://{LOOPBACK}:{port}"


async def _found(forge: Forge, name: str) -> None:
    owner, _, short = name.partition("/")
    repository = await forge.create_repository(owner, short)
    forge.change_settings(repository, private=True)
    begin = NewCommit(parents=(), files={"README": b"Hello\n"}, message="Begin", author=AUTHOR, at=forge.now())
    (sha,) = await repository.git.write_commits([begin])
    for branch in ("main", "release"):
        await forge.write_branch(repository, branch, sha)


def _config(*, jobs: bool) -> dict[str, object]:
    container = {"image": "none", "command": ["test", "-s", "README"]}
    job = {"name": "unit", "always_run": True, "spec": {"containers": [container]}}
    return {
        "tide": {
            "sync_period": "1h",
            "blocker_label": "merge-blocker",
            "queries": [{"orgs": ["acme", "umbra"], "labels": ["lgtm"]}],
        },
        "presubmits": {ROCKET: [job], ENGINE: [job]} if jobs else {},
    }


def _options(directory: Path, sandbox: Sandbox, database_url: str) -> RunOptions:
    return RunOptions(
        config_path=directory / "config.yaml",
        data_dir=directory / "data",
        database_url=database_url,
        dry_run=False,
        github_endpoint=(sandbox.url,),
        github_graphql_endpoint=sandbox.graphql_url,
        github_host=sandbox.url,
        github_token_path=directory / "token",
        port=0,
        metrics_port=None,
        health_port=None,
        bind="127.0.0.1",
    )
