"""A small simulated GitHub with its GraphQL endpoint, on an injected clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
from starlette.applications import Starlette

from tide.sandbox.commits import NewCommit
from tide.sandbox.graphql import SearchIndex, routes
from tide.sandbox.rate_limits import RateLimits
from tide.sandbox.state import Forge, NewPull
from tide.sandbox.tokens import Tokens

if TYPE_CHECKING:
    from pathlib import Path

    from tide.sandbox.model import PullRequest, Repository

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


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
    """The forge, its clock, and a client for its GraphQL."""

    root: Path
    clock: Clock = field(default_factory=Clock)
    token: str = "token"

    def __post_init__(self) -> None:
        self.forge = Forge(self.clock, self.root)
        self.tokens = Tokens()
        self.limits = RateLimits(self.clock)
        self.index = SearchIndex(self.forge)
        self.routes = routes(self.forge, self.tokens, self.limits, self.index)

    async def repository(self, full_name: str = "acme/rocket") -> Repository:
        """Make a repository whose branches ``main`` and ``release`` stand on a SHA that git doesn't have."""
        owner, _, name = full_name.partition("/")
        repository = await self.forge.create_repository(owner, name)
        repository.branches.update(main="0" * 40, release="1" * 40)
        return repository

    def pull(self, repository: Repository, title: str = "change", author: str = "alice", **options: Any) -> PullRequest:
        """Open a pull from a branch of its own, a second after the last."""
        self.clock.forward(seconds=1)
        number = repository.next_number
        repository.branches[f"topic-{number}"] = f"{repository.id:020x}{number:020x}"
        new = NewPull(**{"title": title, "base_ref": "main", "head_ref": f"topic-{number}", **options})
        return self.forge.open_pull(repository, new, author)

    async def git_repository(self, full_name: str = "acme/rocket") -> Repository:
        """Make a repository with a commit on ``main``, and ``topic`` one commit ahead of it."""
        owner, _, name = full_name.partition("/")
        repository = await self.forge.create_repository(owner, name)
        root, topic = await repository.git.write_commits([self.commit((), "a"), self.commit((0,), "b")])
        await self.forge.write_branch(repository, "main", root)
        await self.forge.write_branch(repository, "topic", topic)
        return repository

    def commit(self, parents: tuple[str | int, ...], text: str, path: str = "file") -> NewCommit:
        """Describe a commit that writes one file."""
        files = {path: text.encode()}
        return NewCommit(parents=parents, files=files, message=text, author=("Alice", "a@b.c"), at=self.clock())

    async def post(self, content: object, token: str | None = "") -> httpx.Response:
        """Post a body as it is."""
        headers = {} if token is None else {"Authorization": f"bearer {token or self.token}"}
        transport = httpx.ASGITransport(Starlette(routes=self.routes))
        async with httpx.AsyncClient(transport=transport, base_url="http://github.test") as client:
            body = {"content": content} if isinstance(content, bytes) else {"json": content}
            return await client.post("/graphql", headers=headers, **body)

    async def ask(self, document: str, /, **variables: object) -> Any:
        """Return the whole answer to a query."""
        response = await self.post({"query": document, "variables": variables})
        assert response.status_code == 200, response.text
        return response.json()

    async def data(self, document: str, /, **variables: object) -> Any:
        """Return the data of an answer that must have no errors."""
        answer = await self.ask(document, **variables)
        assert "errors" not in answer, answer
        return answer["data"]

    async def search(self, text: str) -> list[str]:
        """Return ``owner/name#number`` of everything that a search finds, in its order."""
        query = """query($text: String!) { search(type: ISSUE, query: $text, first: 100) { nodes {
            ... on PullRequest { number repository { nameWithOwner } }
            ... on Issue { number repository { nameWithOwner } } } } }"""
        found = (await self.data(query, text=text))["search"]["nodes"]
        return [f"{node['repository']['nameWithOwner']}#{node['number']}" for node in found]
