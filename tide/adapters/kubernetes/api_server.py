"""An API server: plain requests, and streams of lines, with every error mapped.

lightkube finds the cluster, its certificates and its tokens, which it reads anew after a 401; the requests are our
own. Its `watch` has no read time-out, so that a dead connection would go unnoticed, hides when it begins again, and
stumbles over answers of proxies; and its lines end wherever Unicode has a line break, which a title may hold.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from tide.adapters.kubernetes.failures import failure, translated, value_of
from tide.ports.clock import Clock

_CONNECT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ApiServer:
    """Asks one API server; paths are relative to its address."""

    http: httpx2.AsyncClient
    clock: Clock

    @property
    def url(self) -> str:
        """Where it is."""
        return str(self.http.base_url).rstrip("/")

    async def call(
        self,
        method: str,
        path: str,
        *,
        seconds: float,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        """Give the value that is answered within so many seconds.

        Raises:
            RemoteError: as `tide.adapters.kubernetes.failures` says.
        """
        asked = f"{method} {self.url}{path}"
        with translated(asked):
            async with asyncio.timeout(seconds):
                answer = await self.http.request(method, path, params=params, json=body, timeout=_timeout(seconds))
        self._raise_for(asked, answer)
        return value_of(asked, answer.content)

    async def lines(
        self, path: str, *, silence: float, params: Mapping[str, str], on_open: Callable[[], None]
    ) -> AsyncGenerator[bytes]:
        """Give the lines of an answer as they come, until the server ends it.

        So many seconds of `silence` are an error; `on_open` is called when the answer has begun well.

        Raises:
            RemoteError: as `call`, also between lines.
        """
        asked = f"GET {self.url}{path}"
        with translated(asked):
            async with self.http.stream("GET", path, params=params, timeout=_timeout(silence)) as answer:
                if not answer.is_success:
                    async with asyncio.timeout(silence):
                        await answer.aread()
                    self._raise_for(asked, answer)
                on_open()
                async for line in _split(answer.aiter_bytes()):
                    yield line

    def _raise_for(self, asked: str, answer: httpx2.Response) -> None:
        if answer.is_success:
            return
        try:
            status = answer.json()
        except ValueError:
            status = None
        raise failure(asked, answer.status_code, status, self.clock.now(), answer.headers.get("Retry-After", ""))


@asynccontextmanager
async def opened(
    base_url: str, verify: ssl.SSLContext, auth: httpx2.Auth | None, clock: Clock
) -> AsyncIterator[ApiServer]:
    """Give an API server for as long as the block runs."""
    headers = {"User-Agent": "tide-merge-queue"}
    async with httpx2.AsyncClient(base_url=base_url, verify=verify, auth=auth, headers=headers) as http:
        yield ApiServer(http, clock)


async def _split(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest = bytearray()
    async for chunk in chunks:
        *lines, last = chunk.split(b"\n")
        for line in lines:
            yield bytes(rest) + line
            rest.clear()
        rest += last
    if rest:
        yield bytes(rest)


def _timeout(seconds: float) -> httpx2.Timeout:
    return httpx2.Timeout(seconds, connect=min(_CONNECT_SECONDS, seconds))
