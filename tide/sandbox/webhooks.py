"""Sends webhooks as GitHub does: signed, in order for each receiver, once, whatever the receiver answers."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import uuid
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from tide.sandbox.webhook_payloads import event_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from tide.sandbox.changes import AnyChange
    from tide.sandbox.model import Hook
    from tide.sandbox.registry import Registry

TIMEOUT_SECONDS = 10
"""GitHub: a receiver has ten seconds (docs: "Best practices for using webhooks")."""

KEPT_DELIVERIES = 1000
NAMESPACE = uuid.UUID("7b0c2d3e-4c38-5f6e-9d4a-0d8e5a1c2b3f")
"""Delivery ids are derived from hook and change: the same run has the same ids."""


@dataclass(frozen=True)
class Delivery:
    """One event on its way to one receiver."""

    id: str
    event: str
    hook: Hook
    body: bytes

    def headers(self) -> dict[str, str]:
        """Return GitHub's headers, the signature among them where the hook has a secret."""
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/sandbox",
            "X-GitHub-Delivery": self.id,
            "X-GitHub-Event": self.event,
            "X-GitHub-Hook-ID": str(self.hook.id),
        }
        if self.hook.secret is not None:
            headers["X-Hub-Signature-256"] = f"sha256={signature(self.hook.secret, self.body)}"
        return headers


def signature(secret: str, body: bytes) -> str:
    """Return the HMAC-SHA256 of a body, in hex (docs: "Validating webhook deliveries")."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Receipt:
    """What became of a delivery: the HTTP status, None when nobody answered."""

    delivery: Delivery
    status: int | None


@dataclass
class Webhooks:
    """All webhooks of a forge.

    Args:
        forge: whose changes are sent.
        base: the server's address, for the URLs in the payloads.
        hooks: where they are sent.
    """

    forge: Registry
    base: str
    hooks: tuple[Hook, ...] = ()
    receipts: deque[Receipt] = field(default_factory=lambda: deque(maxlen=KEPT_DELIVERIES))

    def __post_init__(self) -> None:
        self._waiting: asyncio.Queue[Delivery] = asyncio.Queue()
        self._lanes: dict[str, asyncio.Queue[Delivery]] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send what changes while the context lasts; at its end what waits is dropped."""
        unsubscribe = self.forge.subscribe(self.take)
        sending = asyncio.create_task(self._dispatch())
        try:
            yield
        finally:
            unsubscribe()
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def settled(self) -> None:
        """Wait until everything taken so far has been sent."""
        await self._waiting.join()
        for lane in list(self._lanes.values()):
            await lane.join()

    def take(self, change: AnyChange) -> None:
        """Queue the deliveries of a change."""
        if not self.hooks:
            return
        event = event_of(change, self.base, self.forge)
        if event is not None:
            for delivery in _deliveries(self.hooks, event[0], json.dumps(event[1]).encode(), change.sequence):
                self._waiting.put_nowait(delivery)

    async def _dispatch(self) -> None:
        # Many a forge has no hook, and a client takes long to make.
        delivery = await self._waiting.get()
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as client, asyncio.TaskGroup() as lanes:
            while True:
                if delivery.hook.url not in self._lanes:
                    self._lanes[delivery.hook.url] = asyncio.Queue()
                    lanes.create_task(self._send_all(client, self._lanes[delivery.hook.url]))
                self._lanes[delivery.hook.url].put_nowait(delivery)
                self._waiting.task_done()
                delivery = await self._waiting.get()

    async def _send_all(self, client: httpx.AsyncClient, lane: asyncio.Queue[Delivery]) -> None:
        while True:
            delivery = await lane.get()
            try:
                answer = await client.post(delivery.hook.url, content=delivery.body, headers=delivery.headers())
                self.receipts.append(Receipt(delivery, answer.status_code))
            except httpx.HTTPError:
                # GitHub does not try again either: the receiver finds out by polling.
                self.receipts.append(Receipt(delivery, None))
            finally:
                lane.task_done()


def _deliveries(hooks: Iterable[Hook], event: str, content: bytes, sequence: int) -> Iterable[Delivery]:
    for hook in hooks:
        if "*" in hook.events or event in hook.events:
            yield Delivery(str(uuid.uuid5(NAMESPACE, f"{hook.id}:{sequence}")), event, hook, content)
