"""Serves the bare repositories over git's smart HTTP by ``git http-backend``, streaming both ways."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse, Response

from tide.sandbox.branch_rules import fast_forward_only
from tide.sandbox.http_backend import http_backend
from tide.sandbox.registry import NoSuchRepositoryError
from tide.sandbox.rules import push_refusal
from tide.sandbox.tokens import BadCredentialsError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from tide.sandbox.model import Repository
    from tide.sandbox.state import Forge
    from tide.sandbox.tokens import Caller, Tokens

NO_COMMIT = "0" * 40
PKT_HEADER = 4
MAX_COMMANDS = 1_000_000
"""How much of a push is read to find its commands, in bytes; a push with more refs than fit is refused."""

BRANCH_PREFIX = "refs/heads/"
CHALLENGE = {"WWW-Authenticate": 'Basic realm="GitHub"'}
UNAUTHORIZED = 401


class _NotAdmittedError(Exception):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = CHALLENGE if status == UNAUTHORIZED else {}


class MalformedPushError(ValueError):
    """The body of a push is not what git sends."""


@dataclass(frozen=True)
class RefCommand:
    """One ref that a push moves; ``before`` or ``after`` None: it is made or deleted."""

    ref: str
    before: str | None
    after: str | None

    @property
    def branch(self) -> str | None:
        """The branch's name, None for other refs."""
        return self.ref.removeprefix(BRANCH_PREFIX) if self.ref.startswith(BRANCH_PREFIX) else None


def parse_commands(body: bytes) -> list[RefCommand] | None:
    """Return the commands at the start of a push, None while ``body`` does not hold all of them yet.

    Raises:
        MalformedPushError: it is not in pkt-line format (git: protocol-pack, "Reference Update Request").
    """
    commands: list[RefCommand] = []
    position = 0
    while len(body) >= position + PKT_HEADER:
        try:
            length = int(body[position : position + PKT_HEADER], 16)
        except ValueError as error:
            raise MalformedPushError("not a pkt-line") from error
        if length == 0:
            return commands
        line = body[position + PKT_HEADER : position + length]
        if length < PKT_HEADER or len(line) < length - PKT_HEADER:
            return None
        position += length
        if not line.startswith(b"shallow "):
            commands.append(_command(line))
    return None


def _command(line: bytes) -> RefCommand:
    try:
        before, after, ref = line.split(b"\0", 1)[0].decode().rstrip("\n").split(" ", 2)
    except ValueError as error:
        raise MalformedPushError("not a ref command") from error
    return RefCommand(ref, None if before == NO_COMMIT else before, None if after == NO_COMMIT else after)


class GitHttp:
    """The git side of the server.

    Args:
        forge: whose repositories are served.
        tokens: who may push; reads need no token.
    """

    def __init__(self, forge: Forge, tokens: Tokens) -> None:
        self._forge = forge
        self._tokens = tokens

    async def __call__(self, request: Request) -> Response:
        """Answer ``/ORG/REPO[.git]/{info/refs,git-upload-pack,git-receive-pack}``."""
        try:
            repository, caller = self._admit(request)
        except _NotAdmittedError as error:
            return PlainTextResponse(error.text, error.status, error.headers)
        if request.path_params["service"] == "git-receive-pack":
            return await self._push(request, repository, caller)
        await repository.git.flush()
        return await http_backend(request, repository, {}, request.stream())

    def _admit(self, request: Request) -> tuple[Repository, Caller]:
        name = f"{request.path_params['owner']}/{request.path_params['repo'].removesuffix('.git')}"
        try:
            caller = self._tokens.caller(request.headers.get("authorization"))
            repository = self._forge.repository(name)
        except BadCredentialsError as error:
            raise _NotAdmittedError(401, "Invalid username or token.") from error
        except NoSuchRepositoryError as error:
            raise _NotAdmittedError(404, "Repository not found.") from error
        if caller.app is not None:
            raise _NotAdmittedError(401, "Invalid username or token.")
        if caller.anonymous and repository.settings.private:
            raise _NotAdmittedError(401, "Repository not found.")
        if not caller.sees(repository):
            raise _NotAdmittedError(404, "Repository not found.")
        if "git-receive-pack" in {request.path_params["service"], request.query_params.get("service")}:
            self._admit_push(repository, caller)
        return repository, caller

    def _admit_push(self, repository: Repository, caller: Caller) -> None:
        if caller.anonymous:
            raise _NotAdmittedError(401, "No anonymous write access.")
        if self._forge.permission(repository, caller.login) in {"read", "triage"}:
            raise _NotAdmittedError(403, f"Permission to {repository.full_name} denied to {caller.login}.")
        if repository.settings.archived:
            raise _NotAdmittedError(403, "This repository was archived so it is read-only.")

    async def _push(self, request: Request, repository: Repository, caller: Caller) -> Response:
        body = _inflated(request)
        try:
            start, commands = await _read_commands(body)
        except (MalformedPushError, zlib.error):
            return PlainTextResponse("Bad request.", 400)
        environment = self._verdicts(repository, commands, caller)
        async with repository.git.lock:
            await repository.git.flush()
            response = await http_backend(request, repository, environment, _chain(start, body), inflated=True)
            # Read to its end under the lock: a push counts when git has moved the refs.
            content = b"".join([_bytes(chunk) async for chunk in response.body_iterator])
            await self._follow(repository, caller)
        return Response(content, response.status_code, _without_length(response))

    def _verdicts(self, repository: Repository, commands: list[RefCommand], caller: Caller) -> dict[str, str]:
        refused: list[str] = []
        forward: list[str] = []
        for command in commands:
            if command.branch is None:
                continue
            refusal = push_refusal(self._forge, repository, command.branch, command.after, login=caller.login)
            if refusal is not None:
                refused.append(f"{command.ref}\t{' '.join(refusal.lines())}")
            if fast_forward_only(self._forge, repository, command.branch, caller.login):
                forward.append(f"<{command.ref}>")
        return {"SANDBOX_REFUSED": "\n".join(refused), "SANDBOX_FAST_FORWARD_ONLY": "".join(forward)}

    async def _follow(self, repository: Repository, caller: Caller) -> None:
        """Bring the forge to where git's branches are now."""
        found = await repository.git.branches()
        moved = [name for name in {*found, *repository.branches} if found.get(name) != repository.branches.get(name)]
        for branch in sorted(moved):
            after = found.get(branch)
            content = await self._forge.push_content(repository, branch, after)
            self._forge.branch_moved(repository, branch, after, actor=caller.login, content=content)
        for branch in sorted(moved):
            await self._forge.close_contained_pulls(repository, branch, caller.login)


async def _read_commands(body: AsyncIterator[bytes]) -> tuple[bytes, list[RefCommand]]:
    start = b""
    async for chunk in body:
        start += chunk
        commands = parse_commands(start)
        if commands is not None:
            return start, commands
        if len(start) > MAX_COMMANDS:
            raise MalformedPushError("too many refs")
    if start:
        raise MalformedPushError("the commands have no end")
    return b"", []


async def _inflated(request: Request) -> AsyncIterator[bytes]:
    if request.headers.get("content-encoding") not in {"gzip", "x-gzip"}:
        async for chunk in request.stream():
            yield chunk
        return
    inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    async for chunk in request.stream():
        if data := inflate.decompress(chunk):
            yield data


async def _chain(start: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield start
    async for chunk in rest:
        yield chunk


def _bytes(chunk: str | bytes | memoryview) -> bytes:
    return chunk.encode() if isinstance(chunk, str) else bytes(chunk)


def _without_length(response: Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name.lower() != "content-length"}
