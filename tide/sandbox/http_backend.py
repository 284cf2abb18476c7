"""Runs ``git http-backend`` as the CGI program it is."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from starlette.responses import StreamingResponse

from tide.adapters.children import bound
from tide.sandbox.git_program import git_environment, start_git

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from tide.sandbox.model import Repository

CHUNK = 64 * 1024


async def http_backend(
    request: Request,
    repository: Repository,
    environment: dict[str, str],
    body: AsyncIterator[bytes],
    *,
    inflated: bool = False,
) -> StreamingResponse:
    """Answer a request; the answer's head is read here, its body is streamed.

    Args:
        request: for its headers, query and ``service`` in the path.
        repository: what is served.
        environment: more variables, which reach the hooks.
        body: the request's body.
        inflated: whether ``body`` was inflated already, whatever the headers say.
    """
    process = await start_git(
        ["http-backend"],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=git_environment(**_cgi(request, repository, inflated=inflated), **environment),
    )
    async with contextlib.AsyncExitStack() as end:
        await end.enter_async_context(bound(process))
        feeding = asyncio.create_task(_feed(process, body))
        end.callback(feeding.cancel)
        status, headers = await _head(process)
        return StreamingResponse(_body(process, feeding, end.pop_all()), status, headers)


def _cgi(request: Request, repository: Repository, *, inflated: bool) -> dict[str, str]:
    headers = request.headers
    variables = {
        "GIT_PROJECT_ROOT": str(repository.git.path),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{request.path_params['service']}",
        "QUERY_STRING": request.url.query,
        "REQUEST_METHOD": request.method,
        "CONTENT_TYPE": headers.get("content-type", ""),
        "REMOTE_ADDR": "127.0.0.1",
        "GIT_PROTOCOL": headers.get("git-protocol", ""),
    }
    encoding = headers.get("content-encoding")
    if encoding is not None and not inflated:
        variables["HTTP_CONTENT_ENCODING"] = encoding
    return variables


async def _feed(process: asyncio.subprocess.Process, body: AsyncIterator[bytes]) -> None:
    stdin = process.stdin
    if stdin is None:
        raise RuntimeError("git http-backend was started without an input")
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        async for chunk in body:
            stdin.write(chunk)
            await stdin.drain()
    stdin.close()


async def _head(process: asyncio.subprocess.Process) -> tuple[int, dict[str, str]]:
    stdout = _output(process)
    status, headers = 200, {}
    while line := (await stdout.readline()).decode("latin-1").strip():
        name, _, value = line.partition(":")
        if name.lower() == "status":
            status = int(value.split()[0])
        else:
            headers[name] = value.strip()
    return status, headers


async def _body(
    process: asyncio.subprocess.Process, feeding: asyncio.Task[None], end: contextlib.AsyncExitStack
) -> AsyncIterator[bytes]:
    stdout = _output(process)
    async with end:
        while chunk := await stdout.read(CHUNK):
            yield chunk
        await feeding
        await process.wait()


def _output(process: asyncio.subprocess.Process) -> asyncio.StreamReader:
    if process.stdout is None:
        raise RuntimeError("git http-backend was started without an output")
    return process.stdout
