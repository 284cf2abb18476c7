"""A receiver of webhooks over its ASGI door, and what it makes of them."""

import hashlib
import hmac
import json
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.applications import Starlette

from tests.unit.web.kept import KeptViews, StandingClock, healthy, metrics_of
from tide.domain.errors import StoreError
from tide.domain.keys import Hint
from tide.ports.inbox import Delivery
from tide.web.app import build_app
from tide.web.hook_tokens import HookTokens
from tide.web.hooks import Hooks
from tide.web.last_known import LastKnown

Headers = dict[str, str | None]

NONE: Headers = {}
SECRET = "hush-hush"
DELIVERY = "72d3162e-cc78-11e3-81ab-4c9367dc0958"


@dataclass
class KeptInbox:
    """The port `Inbox` over lists."""

    deliveries: list[Delivery] = field(default_factory=list)
    hints: list[tuple[int, Hint]] = field(default_factory=list)
    is_broken: bool = False

    async def take(self, delivery: Delivery, hint: Hint | None) -> bool:
        if self.is_broken:
            raise StoreError("connection refused")
        is_first = delivery.id not in {kept.id for kept in self.deliveries}
        self.deliveries.append(delivery)
        if is_first and hint is not None:
            self.hints.append((len(self.deliveries), hint))
        return is_first

    async def waiting(self) -> tuple[tuple[int, Hint], ...]:
        return tuple(self.hints)

    async def done(self, ids: Collection[int]) -> None:
        self.hints = [(number, hint) for number, hint in self.hints if number not in ids]


@dataclass
class Receiver:
    """The web application with a receiver of webhooks, and what that has made of them.

    `rung` counts how often the leader was told of hints.
    """

    secret: bytes = SECRET.encode()
    inbox: KeptInbox = field(default_factory=KeptInbox)
    rung: int = 0
    app: Starlette = field(init=False)
    client: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        self.app = app_with(self.hooks())
        self.client = client_of(self.app)

    @property
    def hints(self) -> list[Hint]:
        """What waits for the leader."""
        return [hint for _, hint in self.inbox.hints]

    def _ring(self) -> None:
        self.rung += 1

    def hooks(self, **fields: Any) -> Hooks:
        """Build the receiver; any field may be given."""
        told: dict[str, Any] = {
            "tokens": lambda: HookTokens.parse(self.secret),
            "inbox": self.inbox,
            "clock": StandingClock(),
            "ring": self._ring,
            "blocker_label": lambda: "tide/merge-blocker",
        }
        return Hooks(**(told | fields))

    async def post(self, body: bytes, headers: Headers = NONE, *, secret: str = SECRET) -> httpx.Response:
        """Send a signed body; `headers` adds some, takes the place of some, or with None leaves some out."""
        sent = signed(body, secret) | headers
        given = [(name.encode(), value.encode("latin-1")) for name, value in sent.items() if value is not None]
        return await self.client.post("/hook", content=body, headers=given)

    async def tell(self, payload: Any, headers: Headers = NONE, *, secret: str = SECRET) -> httpx.Response:
        return await self.post(json.dumps(payload).encode(), headers, secret=secret)


def signed(body: bytes, secret: str = SECRET) -> Headers:
    """Write the headers of a delivery about a pull request."""
    made = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {
        "content-type": "application/json",
        "x-github-event": "pull_request",
        "x-github-delivery": DELIVERY,
        "x-hub-signature-256": f"sha256={made}",
    }


def app_with(hooks: Hooks | None) -> Starlette:
    """Build the web application with a receiver of webhooks, or without any."""
    return build_app(
        LastKnown(KeptViews(), StandingClock()),
        status=healthy,
        read_log=lambda _name: None,
        metrics=metrics_of(b""),
        hooks=hooks,
    )


def client_of(app: Starlette) -> httpx.AsyncClient:
    """Reach an application without a network."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://tide.example")
