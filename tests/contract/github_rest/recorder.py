"""Listens in on what goes over the wire."""

import json
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass
class Exchange:
    """A request with its answer; bodies are parsed JSON, None where there is none."""

    method: str
    path: str
    request_body: bytes = b""
    status: int = 0
    answer_body: bytes = b""

    @property
    def asked(self) -> Any:
        return json.loads(self.request_body) if self.request_body else None

    @property
    def answered(self) -> Any:
        return json.loads(self.answer_body) if self.answer_body else None

    def __str__(self) -> str:
        return f"{self.method} {self.path} -> {self.status}"


@dataclass
class Recorder:
    """ASGI middleware that keeps every exchange."""

    app: ASGIApp
    exchanges: list[Exchange] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope["method"], scope["path"])
        self.exchanges.append(exchange)

        async def listen() -> Message:
            message = await receive()
            exchange.request_body += message.get("body", b"")
            return message

        async def speak(message: Message) -> None:
            exchange.status = message.get("status", exchange.status)
            exchange.answer_body += message.get("body", b"")
            await send(message)

        await self.app(scope, listen, speak)
