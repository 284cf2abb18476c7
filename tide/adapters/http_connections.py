"""The connections of one port: how many there may be, and how long each may take for what.

uvicorn bounds neither: its `limit_concurrency` answers 503 to whoever has got in, holds every connection as long as its
client likes to say nothing, and waits for ever for a reader who does not read.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

# The longest head of a request, with its URL; what a browser sends is a few KB. Twice as much may come in one piece.
MAX_HEAD = 16 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What one port takes of the process; times are in seconds.

    `head` is for a whole head of a request, `body` for its body after that, `idle` until the next request begins, and
    `stalled` for a client that is sent something and does not read. `settled` is how long a body or a stalled reader
    is left in peace where others need the connection.
    """

    connections: int
    head: float = 10.0
    body: float = 30.0
    idle: float = 20.0
    stalled: float = 30.0
    settled: float = 2.0


class Phase(Enum):
    """What a connection is at; the first ones are the first to give way to others."""

    HEAD = 0
    IDLE = 1
    BODY = 2
    STALLED = 3
    ANSWER = 4


class Connection(H11Protocol):
    """A connection that knows what it is at, and since when; `door` counts it among those of its port."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.phase = Phase.HEAD
        self.since = self.loop.time()
        self._is_stalled = False

    def data_received(self, data: bytes) -> None:
        """Take what came, a head only in pieces: h11 bounds what it still lacks the end of, not what came at once."""
        step = MAX_HEAD if self.conn.their_state is h11.IDLE else len(data)
        for start in range(0, len(data), step):
            if not self.transport.is_closing():
                super().data_received(data[start : start + step])
        self._note()

    def on_response_complete(self) -> None:
        """Note that the answer is out."""
        super().on_response_complete()
        self._note()

    def pause_writing(self) -> None:
        """Note that the client does not read as fast as it is sent to."""
        super().pause_writing()
        self._is_stalled = True
        self._note()

    def resume_writing(self) -> None:
        """Note that the client reads."""
        super().resume_writing()
        self._is_stalled = False
        self._note()

    def is_overdue(self, now: float, limits: Limits) -> bool:
        """Tell whether it has taken too long for what it is at."""
        self._note()
        allowed = {
            Phase.HEAD: limits.head,
            Phase.IDLE: limits.idle,
            Phase.BODY: limits.body,
            Phase.STALLED: limits.stalled,
        }.get(self.phase)
        return allowed is not None and now - self.since >= allowed

    def may_give_way(self, now: float, limits: Limits) -> bool:
        """Tell whether it may be cut for the sake of another: nobody waits for an answer to it, or not any more."""
        if self.phase in {Phase.BODY, Phase.STALLED}:
            return now - self.since >= limits.settled
        return self.phase is not Phase.ANSWER

    def cut(self) -> None:
        """End it at once, whatever is still to be sent."""
        self.transport.abort()

    def _note(self) -> None:
        phase = self._phase()
        if phase is not self.phase:
            self.phase, self.since = phase, self.loop.time()

    def _phase(self) -> Phase:
        # One that is being closed waits for nothing but a client that reads the rest.
        if self._is_stalled or self.transport.is_closing():
            return Phase.STALLED
        if self.conn.their_state is h11.SEND_BODY:
            return Phase.BODY
        if self.cycle is not None and not self.cycle.response_complete:
            return Phase.ANSWER
        is_new = self.cycle is None
        return Phase.HEAD if is_new or self.conn.trailing_data[0] else Phase.IDLE
