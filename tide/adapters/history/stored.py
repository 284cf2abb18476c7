"""The history in any place that keeps bytes."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tide.adapters.history.tide_json import history_from, history_json
from tide.domain.errors import RemoteError
from tide.domain.records import HistoryRecord


class Place(Protocol):
    """Where the bytes are. Whatever fails is a RemoteError."""

    async def read(self) -> bytes | None:
        """Give all; None where there is nothing yet."""
        ...

    async def write(self, content: bytes) -> None:
        """Put this in the place of all that is there, at once."""
        ...


@dataclass(slots=True)
class StoredHistory:
    """Tide's history file (tide.ports.history.HistoryFile); `limit` bounds the records per pool that are read.

    `name` is what operators call it by; every error begins with it.
    """

    name: str
    place: Place
    limit: int
    _seen: bytes = b""

    async def news(self) -> tuple[HistoryRecord, ...]:
        """Give what is in the file, oldest first, unless it is as was last read or written here; then nothing.

        Raises:
            RemoteError: it cannot be read, or is no history; what was seen before stays so.
        """
        try:
            content = await self.place.read()
            if content is None or _digest(content) == self._seen:
                return ()
            # A full history of many pools takes seconds to read; the page is to be served meanwhile.
            records = await asyncio.to_thread(history_from, content, self.limit)
        except RemoteError as error:
            raise self._named(error) from error
        self._seen = _digest(content)
        return records

    async def write(self, records: Sequence[HistoryRecord]) -> None:
        """Put these in the place of all that is there; what is as was last seen is not written.

        Raises:
            RemoteError: it cannot be written.
        """
        content = await asyncio.to_thread(history_json, records)
        if _digest(content) == self._seen:
            return
        try:
            await self.place.write(content)
        except RemoteError as error:
            raise self._named(error) from error
        self._seen = _digest(content)

    def _named(self, error: RemoteError) -> RemoteError:
        return type(error)(f"{self.name}: {error}")


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
