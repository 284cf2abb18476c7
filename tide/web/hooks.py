"""`POST /hook`: GitHub's webhooks, as they come from GitHub or are passed on by Prow's hook to an external plugin.

A delivery is verified, turned into a hint of where to look, remembered with it, and done: any replica may receive it,
and the leader looks. Nothing that it says is shown, logged or believed; one that is lost costs at most a sync period.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tide.ports.clock import Clock
from tide.ports.inbox import Delivery, Inbox
from tide.web.hook_bodies import payload_of
from tide.web.hook_payloads import hint_of, place_of
from tide.web.hook_tokens import HookTokens

MAX_BODY = 25 * 1024 * 1024  # GitHub sends no more (docs: "Webhook events and payloads", payload cap)
MOST_BODIES, SMALL_BODY = 3 * MAX_BODY, 64 * 1024
TELL_EVERY = timedelta(minutes=1)
BODY_SECONDS = 10  # as long as GitHub waits for the whole answer (docs: "Best practices for using webhooks")

_EVENT = re.compile(r"[a-z0-9_]{1,64}")
_DELIVERY = re.compile(r"[!-~]{1,128}")
_SIGNATURE = re.compile(r"sha256=([0-9a-fA-F]{64})")

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Room:
    """The bytes that all bodies at once may take; small ones always may, as the number of connections is bounded.

    GitHub does not deliver again what was refused: a round finds what a lost hint was about.
    """

    most: int = MOST_BODIES
    taken: int = 0

    @contextmanager
    def held(self) -> Iterator["_Held"]:
        """Give the room of one body, for as long as the block runs."""
        held = _Held(self)
        try:
            yield held
        finally:
            self.taken -= held.size


@dataclass(slots=True)
class _Held:
    room: Room
    size: int = 0

    def grow(self, size: int) -> None:
        """Take room for a body of this size so far; raise HTTPException 503 where there is none."""
        more = size - self.size
        if size > SMALL_BODY and self.room.taken + more > self.room.most:
            raise HTTPException(503, "too many big bodies come at once", {"retry-after": "10", "connection": "close"})
        self.size, self.room.taken = size, self.room.taken + more


@dataclass(slots=True)
class Refusals:
    """Deliveries that nobody of ours has signed: one a minute is logged, as any stranger may send many."""

    told_at: datetime | None = None
    untold: int = 0

    def of(self, delivery: Delivery) -> HTTPException:
        """Give what a delivery is answered, and log it unless another one was logged a moment ago."""
        now = delivery.received_at
        if self.told_at is None or now - self.told_at >= TELL_EVERY:
            what = {"webhook_event": delivery.event, "delivery": delivery.id, "untold_before": self.untold}
            _log.warning("a webhook with a wrong signature was refused", **what)
            self.told_at, self.untold = now, 0
        else:
            self.untold += 1
        return HTTPException(403, "the signature is wrong")


@dataclass(frozen=True, slots=True)
class Hooks:
    """Receives webhooks.

    `tokens` gives the secrets that count now, `ring` is called when the inbox has got a hint, `blocker_label` gives the
    label of issues that block merging ("" when there is none). A body may take `body_seconds` to arrive, and `room`
    bounds the memory of all that are there at once: whose they are is known only when they are whole.
    """

    tokens: Callable[[], HookTokens]
    inbox: Inbox
    clock: Clock
    ring: Callable[[], None]
    blocker_label: Callable[[], str]
    body_seconds: float = BODY_SECONDS
    room: Room = field(default_factory=Room)
    refusals: Refusals = field(default_factory=Refusals)

    def routes(self) -> list[BaseRoute]:
        """Give the route (Prow: hook's --webhook-path)."""
        return [Route("/hook", self.receive, methods=["POST"])]

    async def receive(self, request: Request) -> Response:
        """Take a delivery: 202 whether it is of use or not.

        Raises:
            HTTPException: 400 malformed, 403 not signed by us, 408 too slow, 413 too big, 503 too many at once.
            StoreError: it cannot be remembered.
        """
        event = _header(request, "x-github-event", _EVENT)
        delivery = Delivery(_header(request, "x-github-delivery", _DELIVERY), event, self.clock.now())
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise HTTPException(400, "the content type must be application/json")
        signature = _signature(request)
        async with _body(request, self.body_seconds, self.room) as body:
            payload = await self._verified(body, signature, delivery)
        hint = hint_of(event, payload, self.blocker_label())
        is_first = await self.inbox.take(delivery, hint)
        if hint is not None and is_first:
            self.ring()
        _log.debug("a webhook was taken", webhook_event=event, delivery=delivery.id, is_first=is_first)
        return JSONResponse({"status": "taken" if is_first else "seen before"}, 202)

    async def _verified(self, body: bytearray, signature: bytes, delivery: Delivery) -> dict[str, Any]:
        """Give what counts of a body that was signed by whoever may speak for what it is about."""
        tokens = self.tokens()
        # In a thread: a big body and many tokens must not keep the event loop.
        signers = await asyncio.to_thread(tokens.signers, body, signature)
        if not signers:
            raise self.refusals.of(delivery)
        try:
            payload = await payload_of(body)
        except ValueError as error:
            raise HTTPException(400, str(error)) from None
        if tokens.scope_of(place_of(payload)) not in signers:
            raise self.refusals.of(delivery)
        return payload


def _header(request: Request, name: str, form: re.Pattern[str]) -> str:
    value = request.headers.get(name, "")
    if not form.fullmatch(value):
        raise HTTPException(400, f"the header {name} is missing or malformed")
    return value


def _signature(request: Request) -> bytes:
    match = _SIGNATURE.fullmatch(request.headers.get("x-hub-signature-256", ""))
    if not match:
        raise HTTPException(403, "the header x-hub-signature-256 is missing or malformed")
    return bytes.fromhex(match[1])


@asynccontextmanager
async def _body(request: Request, seconds: float, room: Room) -> AsyncIterator[bytearray]:
    """Read the body, no more of it than it may have, and no longer than it may take; it has its room while it lasts."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > MAX_BODY:
        raise _too_big()
    with room.held() as held:
        body = bytearray()
        try:
            async with asyncio.timeout(seconds):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > MAX_BODY:
                        raise _too_big()
                    held.grow(len(body))
        except TimeoutError:
            raise HTTPException(408, "the body came too slowly", {"connection": "close"}) from None
        except ClientDisconnect:
            raise HTTPException(400, "the body ended early") from None
        yield body


def _too_big() -> HTTPException:
    # What is left of the body is not read: the connection cannot be used again.
    return HTTPException(413, "the body is bigger than 25 MB", {"connection": "close"})
