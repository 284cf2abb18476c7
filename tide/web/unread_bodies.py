"""The rest of a body that nobody reads: many a client looks for its answer only when it has sent all."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_TOTAL_SECONDS, _PAUSE_SECONDS = 5.0, 1.0


class UnreadBodies:
    """Takes in what is left of a body before the connection may be closed.

    A connection that is closed while bytes come in is reset, and the answer is lost on its way (RFC 9112, 9.6). So the
    answer goes out, its end is held back while the rest comes in, and that is thrown away; for a few seconds.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        is_read = False

        async def receive_noting() -> Message:
            nonlocal is_read
            message = await receive()
            is_read = not message.get("more_body", False)
            return message

        async def send_and_read(message: Message) -> None:
            is_end = message["type"] == "http.response.body" and not message.get("more_body", False)
            if not is_end or is_read or not _has_body(scope):
                await send(message)
                return
            await send({**message, "more_body": True})
            try:
                async with asyncio.timeout(_TOTAL_SECONDS):
                    while not is_read:
                        await asyncio.wait_for(receive_noting(), _PAUSE_SECONDS)
            except TimeoutError:
                pass
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        await self._app(scope, receive_noting, send_and_read)


def _has_body(scope: Scope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope.get("headers", ())
    )
