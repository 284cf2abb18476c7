"""Tokens reach the server that they are for, and nobody else."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.integration.git.conftest import REPO
from tide.adapters.git.bare_repositories import BareRepositories
from tide.domain.errors import NotFound, Unauthorized
from tide.domain.keys import RepoKey

WANTED = {"b" * 40: "refs/heads/main"}


@dataclass
class Guard:
    """A server that asks for credentials, notes what it is given, and then has no such repository."""

    redirect: str = ""
    accepts: bool = True
    seen: list[str] = field(default_factory=list)
    url: str = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split(" ")[1]
        given = [line.partition(": ")[2] for line in head.split("\r\n") if line.lower().startswith("authorization:")]
        self.seen += [base64.b64decode(value.removeprefix("Basic ")).decode() for value in given]
        if self.redirect:
            status, extra = "302 Found", f"Location: {self.redirect}{path}\r\n"
        elif given and self.accepts:
            status, extra = "404 Not Found", ""
        else:
            status, extra = "401 Unauthorized", 'WWW-Authenticate: Basic realm="x"\r\n'
        writer.write(f"HTTP/1.1 {status}\r\n{extra}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@asynccontextmanager
async def served(guard: Guard) -> AsyncIterator[Guard]:
    server = await asyncio.start_server(guard.answer, "127.0.0.1", 0)
    async with server:
        guard.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield guard


def whole(directory: Path) -> bytes:
    return b"".join(file.read_bytes() for file in directory.rglob("*") if file.is_file())


async def token(repo: RepoKey) -> str:
    return "s3cret" if repo == REPO else ""


def client(directory: Path, guard: Guard) -> BareRepositories:
    return BareRepositories(directory, lambda repo: f"{guard.url}/{repo}.git", token)


async def test_the_token_is_given_to_the_server_of_the_repository(tmp_path: Path) -> None:
    async with served(Guard()) as guard:
        with pytest.raises(NotFound):
            await client(tmp_path, guard).fetch(REPO, WANTED)
    assert set(guard.seen) == {"x-access-token:s3cret"}


async def test_the_operator_may_have_the_path_asked_for_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "settings").write_text("[credential]\nuseHttpPath = true\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "settings"))
    async with served(Guard()) as guard:
        with pytest.raises(NotFound):
            await client(tmp_path / "data", guard).fetch(REPO, WANTED)
    assert set(guard.seen) == {"x-access-token:s3cret"}


async def test_it_is_written_nowhere_and_told_to_nobody(tmp_path: Path) -> None:
    async with served(Guard(accepts=False)) as guard:
        with pytest.raises(Unauthorized) as caught:
            await client(tmp_path, guard).fetch(REPO, WANTED)
    assert guard.seen
    assert "s3cret" not in str(caught.value)
    assert b"s3cret" not in whole(tmp_path)


async def test_a_server_elsewhere_gets_nothing(tmp_path: Path) -> None:
    async with served(Guard()) as elsewhere, served(Guard(redirect=elsewhere.url)) as guard:
        with pytest.raises(Unauthorized):
            await client(tmp_path, guard).fetch(REPO, WANTED)
    assert elsewhere.seen == []


async def test_without_a_token_nothing_is_asked_on_the_terminal(tmp_path: Path) -> None:
    async with served(Guard()) as guard:
        with pytest.raises(Unauthorized):
            await client(tmp_path, guard).fetch(RepoKey("acme", "other"), WANTED)
    assert guard.seen == []
