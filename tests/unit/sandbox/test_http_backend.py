"""No git outlives the answer that it was started for."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.types import Message

from tests.unit.sandbox.forges import START
from tide.sandbox.commits import NewCommit
from tide.sandbox.http_backend import http_backend
from tide.sandbox.model import Repository

# More than a pipe and the reader at its end take together.
MANY_BRANCHES = 5_000


def request(method: str, service: str, query: bytes = b"") -> Request:
    headers = [(b"content-type", b"application/x-git-upload-pack-request")]
    scope = {"type": "http", "method": method, "path": "/", "query_string": query, "headers": headers}

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    return Request({**scope, "path_params": {"service": service}}, receive)


def children() -> set[int]:
    """Give the processes that this one has started and not waited for."""

    def parent(stat: Path) -> int:
        try:
            return int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            return 0

    return {int(stat.parent.name) for stat in Path("/proc").glob("[0-9]*/stat") if parent(stat) == os.getpid()}


async def test_a_request_that_is_given_up_before_its_answer_ends_git(repository: Repository) -> None:
    before, started = children(), set[int]()

    async def body() -> AsyncIterator[bytes]:
        started.update(children() - before)
        answering.cancel()
        await asyncio.Event().wait()
        yield b""

    answering = asyncio.create_task(http_backend(request("POST", "git-upload-pack"), repository, {}, body()))
    with pytest.raises(asyncio.CancelledError):
        await answering
    assert len(started) == 1
    assert children() == before


async def test_an_answer_that_nobody_reads_to_its_end_ends_git(repository: Repository) -> None:
    author, files = ("Alice", "alice@example.com"), {"README": b"rocket\n"}
    commit = NewCommit(parents=(), files=files, message="Begin", author=author, at=START)
    (head,) = await repository.git.write_commits([commit])
    for number in range(MANY_BRANCHES):
        repository.git.set_ref_later(f"refs/heads/branch-{number}", head)
    await repository.git.flush()

    before = children()
    asked = request("GET", "info/refs", b"service=git-upload-pack")
    response = await http_backend(asked, repository, {}, asked.stream())
    reading = response.body_iterator
    assert b"# service=git-upload-pack" in bytes(await anext(aiter(reading)))  # type: ignore[arg-type]
    assert len(children() - before) == 1
    await reading.aclose()  # type: ignore[attr-defined]
    assert children() == before
