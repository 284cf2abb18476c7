"""How many answers are made at once, and how much memory those take that are on their way.

Whoever asks is answered, but not all at the same time: what is asked of the database and made of its answers takes
turns, and what does not get its turn in time, or would take too much memory, is told to come again.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tide.web.bodies import PIECE

_RETRY_AFTER = {"retry-after": "5"}
_BUSY = "Too much is asked for at once. Try again in a moment."


@dataclass(slots=True)
class Turns:
    """So many answers are made at once, and so many may wait for that, no longer than `patience` seconds."""

    at_once: int = 4
    waiting: int = 200
    patience: float = 10.0
    _free: asyncio.Semaphore = field(init=False)
    _waiting: int = 0

    def __post_init__(self) -> None:
        self._free = asyncio.Semaphore(self.at_once)

    async def wait(self) -> None:
        """Wait for a turn, which ends with `end`; raise HTTPException 503 where it does not come in time."""
        if self._waiting >= self.waiting:
            raise HTTPException(503, _BUSY, _RETRY_AFTER)
        self._waiting += 1
        try:
            async with asyncio.timeout(self.patience):
                await self._free.acquire()
        except TimeoutError:
            raise HTTPException(503, _BUSY, _RETRY_AFTER) from None
        finally:
            self._waiting -= 1

    def end(self) -> None:
        """End a turn."""
        self._free.release()

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Have a turn for as long as the block runs; raise HTTPException 503 where it does not come in time."""
        await self.wait()
        try:
            yield
        finally:
            self.end()


class InTurn:
    """Gives an answer its turn; that ends when the answer is made, however long its reader takes."""

    def __init__(self, app: ASGIApp, turns: Turns) -> None:
        self._app = app
        self._turns = turns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        has_turn = False

        def end() -> None:
            nonlocal has_turn
            if has_turn:
                has_turn = False
                self._turns.end()

        async def send_and_end(message: Message) -> None:
            end()
            await send(message)

        await self._turns.wait()
        has_turn = True
        try:
            await self._app(scope, receive, send_and_end)
        finally:
            end()


class InPieces:
    """Sends big bodies no faster than they are read, and refuses one for which there is no room beside the others."""

    def __init__(self, app: ASGIApp, most: int = 64 * 1024 * 1024) -> None:
        self._app = app
        self._most = most
        self._taken = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        start: Message | None = None
        held = 0

        async def send_in_pieces(message: Message) -> None:
            nonlocal start, held
            if message["type"] == "http.response.start":
                start = message
                return
            body = message.get("body", b"")
            if len(body) > PIECE:
                if start is not None and self._taken + len(body) > self._most:
                    start = None
                    await JSONResponse({"error": _BUSY}, 503, headers=_RETRY_AFTER)(scope, receive, send)
                    raise _RefusedError
                held += len(body)
                self._taken += len(body)
            if start is not None:
                begun, start = start, None
                await send(begun)
            for piece in range(0, len(body) - PIECE, PIECE):
                await send({**message, "body": body[piece : piece + PIECE], "more_body": True})
                await asyncio.sleep(0)
            last = (len(body) - 1) // PIECE * PIECE if body else 0
            await send({**message, "body": body[last:]})

        try:
            await self._app(scope, receive, send_in_pieces)
        except _RefusedError:
            pass
        finally:
            self._taken -= held


class _RefusedError(Exception):
    """There was no room for a body."""
