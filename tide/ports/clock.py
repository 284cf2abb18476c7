"""The time."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Give the present as an aware datetime in UTC."""
        ...


class SteadyClock(Clock, Protocol):
    """Tells also how much time has passed, whatever becomes of the time of day."""

    def steady(self) -> float:
        """Give seconds since some moment; they grow evenly, also while the machine sleeps, and never jump."""
        ...
