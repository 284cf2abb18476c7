"""What was done to the pools, for people."""

from collections.abc import Sequence
from typing import Protocol

from tide.domain.records import HistoryRecord


class History(Protocol):
    """The records of what was done, here or elsewhere."""

    async def add_history(self, record: HistoryRecord) -> None:
        """Keep what was done, newest first for readers."""
        ...

    async def take_over_history(self, records: Sequence[HistoryRecord]) -> int:
        """Keep what was done elsewhere, but for the records that are here already; give how many were not.

        A record is known by its pool, time, action and base.
        """
        ...
