"""Whether what is known of the ProwJobs is up to date."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from tide.adapters.kubernetes.failures import Refused
from tide.domain.errors import RemoteError, Unavailable
from tide.ports.clock import SteadyClock

log = logging.getLogger(__name__)

SHUT_OUT_AFTER = 600.0
"""Seconds of nothing but refusals after which a new process may be let in where this one is not.

What it was told in its environment, or by files that are mounted by subPath, is the same until it is started anew.
"""


@dataclass(eq=False)
class Contact:
    """Keeps when the API server was last heard of, and tells when it is not and when it is again.

    `on_outage` is called with one line when it cannot be heard, and with "" when it can. A single dropped watch is no
    outage: the next one goes on where it ended. What is known is not trusted when the last sign of life is older than
    `outdated` seconds. `listed` is set once everything has been listed.
    """

    clock: SteadyClock
    on_outage: Callable[[str], None]
    outdated: float
    listed: asyncio.Event = field(default_factory=asyncio.Event)
    _heard: tuple[float, datetime] | None = None
    _failures: int = 0
    _told: str | None = None
    _refused_since: float | None = None

    def heard(self) -> None:
        """Note a sign of life, after which nothing is missing that happened before."""
        self._heard = self.clock.steady(), self.clock.now()
        self.listed.set()
        self._failures, self._refused_since = 0, None
        self._tell("")

    def lost(self, error: RemoteError) -> None:
        """Note a failure."""
        self._failures += 1
        if not isinstance(error, Refused):
            self._refused_since = None
        elif self._refused_since is None:
            self._refused_since = self.clock.steady()
        log.debug("the ProwJobs cannot be followed: %s", error)
        if self._failures > 1 or self._heard is None:
            self._tell(str(error))

    @property
    def shut_out(self) -> str:
        """Say why it takes a restart to be let in again, "" where it does not; no outage of the server does."""
        since = self._refused_since
        if since is None or self.clock.steady() - since < SHUT_OUT_AFTER:
            return ""
        minutes = int(self.clock.steady() - since) // 60
        return f"refused for {minutes} minutes, in spite of reading all credentials again: {self._told}"

    @property
    def is_fresh(self) -> bool:
        """Tell whether what is known can be trusted."""
        return self._heard is not None and self.clock.steady() - self._heard[0] <= self.outdated

    def assure(self) -> None:
        """Raise Unavailable when what is known cannot be trusted."""
        why = f": {self._told}" if self._told else ""
        if self._heard is None:
            raise Unavailable(f"the ProwJobs have not been listed yet{why}")
        if not self.is_fresh:
            _, moment = self._heard
            raise Unavailable(f"nothing has been heard of the ProwJobs since {moment:%Y-%m-%dT%H:%M:%SZ}{why}")

    def _tell(self, message: str) -> None:
        if message != self._told:
            self._told = message
            self.on_outage(message)
