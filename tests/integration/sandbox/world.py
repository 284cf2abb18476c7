"""A served sandbox with one repository, a client and the git program."""

import asyncio
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from tide.adapters.trust import shared_trust
from tide.sandbox.commits import NewCommit
from tide.sandbox.model import PullRequest, Repository
from tide.sandbox.server import Sandbox
from tide.sandbox.state import Forge, NewPull

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
AUTHOR = ("Alice", "alice@example.com")


@dataclass
class Clock:
    """Time that only the test moves."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **delta: float) -> None:
        self.now += timedelta(**delta)


@dataclass
class World:
    """A served forge with ``acme/rocket``, whose ``main`` holds ``README`` and ``engine.txt``."""

    sandbox: Sandbox
    repository: Repository
    clock: Clock
    scratch: Path
    client: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.as_login("merge-bot")

    @property
    def forge(self) -> Forge:
        return self.sandbox.forge

    def as_login(self, login: str) -> httpx.AsyncClient:
        """A client whose token speaks for a login."""
        self.sandbox.tokens.register(f"{login}-token", login)
        headers = {"Authorization": f"token {login}-token"}
        return httpx.AsyncClient(base_url=self.sandbox.url, headers=headers, timeout=20, verify=shared_trust())

    async def commit(self, parent: str | None, message: str = "Change", **files: str | None) -> str:
        """Write a commit on a parent; ``engine_txt`` names ``engine.txt``."""
        contents = {name.replace("_", "."): None if text is None else text.encode() for name, text in files.items()}
        new = NewCommit(
            parents=(parent,) if parent else (), files=contents, message=message, author=AUTHOR, at=self.clock.now
        )
        return (await self.repository.git.write_commits([new]))[0]

    async def branch(self, name: str, base: str = "main", **files: str | None) -> str:
        """Make a branch with one commit on top of another branch."""
        sha = await self.commit(self.repository.branches[base], f"Change {name}", **files)
        await self.forge.write_branch(self.repository, name, sha, actor="alice")
        return sha

    async def pull(self, name: str, base: str = "main", **files: str | None) -> PullRequest:
        """Open a pull by ``alice`` whose branch changes these files."""
        await self.branch(name, base, **(files or {f"{name}_txt": name}))
        return self.forge.open_pull(
            self.repository, NewPull(title=f"Add {name}", head_ref=name, base_ref=base), "alice"
        )

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.client.get(f"/repos/acme/rocket{path}", **options)

    async def merge(self, pull: PullRequest, **body: Any) -> httpx.Response:
        return await self.client.put(f"/repos/acme/rocket/pulls/{pull.number}/merge", json=body)

    async def git(self, *arguments: str, cwd: Path | None = None) -> tuple[int, str]:
        """Run git as a contributor would; returns its exit code and everything it said."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.scratch),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_AUTHOR_NAME": "Alice",
            "GIT_AUTHOR_EMAIL": "alice@example.com",
            "GIT_COMMITTER_NAME": "Alice",
            "GIT_COMMITTER_EMAIL": "alice@example.com",
        }
        process = await asyncio.create_subprocess_exec(
            "git",
            *arguments,
            cwd=cwd or self.scratch,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        return process.returncode or 0, output.decode()

    def remote(self, login: str = "alice") -> str:
        """The address to push to with a login's token."""
        self.sandbox.tokens.register(f"{login}-token", login)
        host = self.sandbox.url.removeprefix("http://")
        return f"http://x-access-token:{login}-token@{host}/acme/rocket.git"
