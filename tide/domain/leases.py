"""The right to act outside: of any number of replicas one leads, and the others serve the page."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Lease:
    """The lead, as long as it lasts. Only `tide.ports.leases.Leases` gives one.

    `token` grows with every change of the leader and stands beside each intent. `until` is in seconds of the holder's
    steady clock, counted from before it was asked for: the database never believes in it for less time than we do.
    """

    holder: str
    token: int
    until: float

    def outlives(self, seconds: float, steady_now: float) -> bool:
        """Tell whether a call that begins now and may take so many seconds ends under this lease."""
        return steady_now + seconds <= self.until


@dataclass(frozen=True, slots=True)
class Leader:
    """Who leads, as everybody may read it; `since` is when it took the lead."""

    holder: str
    token: int
    since: datetime
