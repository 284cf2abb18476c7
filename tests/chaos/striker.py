"""Plays the strikes of a seed: on the requests that the replicas make, and on the world around them."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.chaos.strikes import DEEDS, Action, Cell, Strike, Trouble
from tide.sandbox.fault_layer import operation_name
from tide.sandbox.faults import Fault, Faults

HELD_SECONDS = 9.0
"""How long a request that times out is held: longer than a replica waits for the answer to a deed."""

HELD_UP_SECONDS = 1.0
"""How long a deed may be held up on a starved host before it is seen: GitHub and Kubernetes count from its arrival."""

REPLICA_HEADER = "X-Replica"
"""What git tells instead of a token: it shows none where it is let in without."""

_WHERE: Mapping[Action, Mapping[str, str]] = {
    Action.MERGE: {"method": "PUT", "path": r"/pulls/\d+/merge$"},
    Action.START_RUN: {"method": "POST", "path": r"/prowjobs$"},
    Action.STATUS: {"method": "POST", "path": r"/statuses/[0-9a-f]+$"},
    # Most searches are made along with a look at what is known.
    Action.SEARCH: {"operation": "SearchPulls|Glance"},
    Action.READ_PULLS: {"operation": "PullsById"},
    Action.READ_BRANCH: {"method": "GET", "path": r"/git/(ref|commits)/"},
    Action.FETCH: {"method": "POST", "path": r"/git-upload-pack$"},
    Action.FOLLOW: {"method": "GET", "path": r"/namespaces/[^/]+/prowjobs$"},
}
_MEANT = {action: Fault.model_validate({"kind": "status", **where}) for action, where in _WHERE.items()}
_KUBERNETES = frozenset({Action.START_RUN, Action.FOLLOW})
_CODES = {Trouble.FORBIDDEN: 403, Trouble.FORBIDDEN_WAIT: 403, Trouble.TOO_MANY: 429, Trouble.TOO_MANY_WAIT: 429}
_WAITING = frozenset({Trouble.FORBIDDEN_WAIT, Trouble.TOO_MANY_WAIT})


def _fault(strike: Strike) -> Fault:
    """Give the sandbox's fault that plays a strike; it strikes once."""
    cell = strike.cell
    common: dict[str, Any] = {"nth": (strike.nth,), "times": 1, **_WHERE[cell.action]}
    when: Literal["before", "after"] = "after" if cell.when == "after" else "before"
    if cell.trouble is Trouble.TIMEOUT:
        return Fault(kind="timeout", seconds=HELD_SECONDS, when=when, **common)
    if cell.trouble is Trouble.ERROR:
        return Fault(kind="status", status=502, when=when, **common)
    if cell.trouble is Trouble.CUT:
        return Fault(kind="disconnect", when=when, **common)
    if cell.trouble is Trouble.TRUNCATED:
        return Fault(kind="truncate", **common)
    return _limit(cell, common)


def _limit(cell: Cell, common: Mapping[str, Any]) -> Fault:
    code, is_waiting = _CODES[cell.trouble], cell.trouble in _WAITING
    if cell.action in _KUBERNETES:
        headers = {"Retry-After": "1"} if is_waiting else {}
        return Fault(kind="status", status=code, headers=headers, **common)
    return Fault(
        kind="secondary_rate_limit", code=403 if code == 403 else 429, retry_after=1 if is_waiting else None, **common
    )


@dataclass
class Striker:
    """ASGI middleware around the sandbox that kills whoever makes a request; the other strikes are its own faults.

    `kill` ends the replica with that token at once, and tells whether there is one; `on_deed` is told the token of
    whoever is about to change something outside; `tell` tells the story. A deed that `on_deed` holds up for longer
    than `patience` is not done.
    """

    app: ASGIApp
    faults: Faults
    strikes: Sequence[Strike]
    kill: Callable[[str], bool]
    on_deed: Callable[[str], Awaitable[None]]
    tell: Callable[[str], None]
    patience: float = HELD_UP_SECONDS
    hits: Counter[Cell] = field(default_factory=Counter)
    _cells: dict[int, Cell] = field(default_factory=dict)
    _told: set[int] = field(default_factory=set)
    _killed: set[Strike] = field(default_factory=set)
    _seen: Counter[Action] = field(default_factory=Counter)
    _is_armed: bool = True

    def __post_init__(self) -> None:
        """Hand the sandbox what it plays."""
        for strike in self.strikes:
            if strike.nth and strike.cell.trouble is not Trouble.KILL:
                self._cells[self.faults.add(_fault(strike))] = strike.cell

    def count(self) -> Counter[Cell]:
        """Count what was hit so far."""
        found = self.hits.copy()
        for rule in self.faults.listed():
            if rule["struck"] and rule["id"] in self._cells:
                found[self._cells[rule["id"]]] += rule["struck"]
        return found

    def disarm(self) -> None:
        """Strike no more: nobody would be there to go on."""
        self._is_armed = False
        self.hits = self.count()
        for number in self._cells:
            self.faults.remove(number)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or kill who made it: before it is seen, or when it is done and not yet answered."""
        strike = None
        if scope["type"] == "http":
            receive, body = await _ahead(scope, receive)
            action = action_of(scope["method"], scope["path"], body)
            if action in DEEDS and await self._is_held_up(scope):
                await PlainTextResponse("held up on the way", 502)(scope, receive, send)
                return
            strike = self._due(action)
        if strike:
            await self._kill_for(strike, scope, receive)
            return
        await self.app(scope, receive, send)
        self._tell_faults()

    async def _is_held_up(self, scope: Scope) -> bool:
        """Let a deed be looked at; tell whether that took so long that it would be done later than anybody expects."""
        clock = asyncio.get_running_loop().time
        began = clock()
        await self.on_deed(_token(scope))
        return clock() - began > self.patience

    async def _kill_for(self, strike: Strike, scope: Scope, receive: Receive) -> None:
        if strike.cell.when == "after":
            await self.app(scope, receive, _unheard)
        token = _token(scope)
        if self.kill(token):
            self._killed.add(strike)
            self.hits[strike.cell] += 1
            self.tell(f"{strike.cell} (who has {token})")

    def _tell_faults(self) -> None:
        for rule in self.faults.listed():
            if rule["struck"] and rule["id"] in self._cells.keys() - self._told:
                self._told.add(rule["id"])
                self.tell(str(self._cells[rule["id"]]))

    def _due(self, action: Action | None) -> Strike | None:
        """Find the kill that is due; one whose request came from somebody who is dead already waits for the next."""
        if action is None or not self._is_armed:
            return None
        self._seen[action] += 1
        due = (one for one in self.strikes if _kills(one, action) and one.nth <= self._seen[action])
        return next((one for one in due if one not in self._killed), None)


def _kills(strike: Strike, action: Action) -> bool:
    return strike.cell.action is action and strike.cell.trouble is Trouble.KILL


def action_of(method: str, path: str, body: bytes) -> Action | None:
    """Tell what a request does, by the rules of the sandbox's faults."""
    operation = operation_name(body)
    return next((action for action, fault in _MEANT.items() if fault.means(method, path, operation)), None)


def _token(scope: Mapping[str, Any]) -> str:
    headers: dict[bytes, bytes] = dict(scope["headers"])
    shown = headers.get(b"authorization", b"").rpartition(b" ")[2]
    return headers.get(REPLICA_HEADER.lower().encode(), shown).decode(errors="replace")


async def _ahead(scope: Mapping[str, Any], receive: Receive) -> tuple[Receive, bytes]:
    """Read ahead what is asked of GraphQL, since only that says what it is."""
    if scope["path"] != "/graphql":
        return receive, b""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return whole.pop() if whole else await receive()

    return again, body


async def _unheard(_message: Message) -> None:
    """Drop an answer on its way."""
