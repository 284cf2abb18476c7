"""An API server: plain requests, and streams of lines, with every error mapped.

The requests are our own: a watch needs a read time-out, without which a dead connection would go unnoticed, and lines
end at a line feed only, whatever else Unicode takes for a line break, which a title may hold.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx

from tide.adapters.kubernetes.access import Access
from tide.adapters.kubernetes.failures import failure, is_refusal, translated, value_of
from tide.ports.clock import Clock

_CONNECT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ApiServer:
    """Asks one API server; paths are relative to its address.

    Where it refuses what was shown, or cannot be trusted, everything is read anew, and the request is sent once more
    if that makes a difference: it was not carried out.
    """

    access: Access
    clock: Clock

    @property
    def url(self) -> str:
        """Where it is."""
        return self.access.url

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
            async with asyncio.timeout(seconds), AsyncExitStack() as stack:
                wanted = {"params": params, "json": body, "timeout": _timeout(seconds)}
                answer = await self._answer(stack, method, path, wanted)
                await answer.aread()
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
            async with AsyncExitStack() as stack:
                answer = await self._answer(stack, "GET", path, {"params": params, "timeout": _timeout(silence)})
                if not answer.is_success:
                    async with asyncio.timeout(silence):
                        await answer.aread()
                    self._raise_for(asked, answer)
                on_open()
                async for line in _split(answer.aiter_bytes()):
                    yield line

    async def _answer(
        self, stack: AsyncExitStack, method: str, path: str, wanted: Mapping[str, Any], *, is_again: bool = False
    ) -> httpx.Response:
        """Give an answer that has begun; it is open until the stack is closed."""
        session = await stack.enter_async_context(self.access.session())
        try:
            answer = await stack.enter_async_context(session.stream(method, path, **wanted))
        except (httpx.HTTPError, OSError) as error:
            if is_again or not is_refusal(error) or not await self.access.has_other(session):
                raise
        else:
            if is_again or answer.status_code != HTTPStatus.UNAUTHORIZED or not await self.access.has_other(session):
                return answer
            await answer.aclose()
        return await self._answer(stack, method, path, wanted, is_again=True)

    def _raise_for(self, asked: str, answer: httpx.Response) -> None:
        if answer.is_success:
            return
        try:
            status = answer.json()
        except ValueError:
            status = None
        raise failure(asked, answer.status_code, status, self.clock.now(), answer.headers.get("Retry-After", ""))


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


def _timeout(seconds: float) -> httpx.Timeout:
    return httpx.Timeout(seconds, connect=min(_CONNECT_SECONDS, seconds))
