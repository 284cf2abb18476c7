"""Tide's history file, from which either of us goes on where the other has stopped."""

from collections.abc import Sequence
from typing import Protocol

from tide.domain.records import HistoryRecord


class HistoryFile(Protocol):
    """The history in one file, wherever that is."""

    async def news(self) -> tuple[HistoryRecord, ...]:
        """Give what is in the file, unless it is as this object has last read or written it; then nothing.

        Raises:
            RemoteError: the file cannot be read, or is no history. A file that does not exist is an empty one.
        """
        ...

    async def write(self, records: Sequence[HistoryRecord]) -> None:
        """Put these in the place of all that is in the file, the newest of each pool first.

        Raises:
            RemoteError: the file cannot be written; it is as it was.
        """
        ...
