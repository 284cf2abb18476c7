"""Keeping Tide's history file, so that Tide and this go on from each other.

The database is what counts: the file is taken over into it at the start, and written out of it. What Tide has written
meanwhile, as when the old pod of a rollout ends after the new one has begun, is taken over before the file is written
again, so that nothing is lost however often they take turns.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from tide.domain.errors import TideError
from tide.domain.records import TIDE_ACTIONS, HistoryRecord
from tide.ports.history import HistoryFile
from tide.ports.views import Views

log = structlog.get_logger(component="tide")

PATIENCE = timedelta(seconds=30)  # as long as Tide has (Prow: history.go writeHistory)


@dataclass(slots=True)
class HistoryKeeper:
    """Writes the history file whenever something was done since it was last written.

    `add` keeps those records of some that are not kept yet, and tells how many they were. `limit` bounds how many
    records per pool are written. `told` hears why the file could not be written, "" when it was; nothing else is held
    up by that.
    """

    file: HistoryFile
    add: Callable[[Sequence[HistoryRecord]], Awaitable[int]]
    views: Views
    limit: int
    told: Callable[[str], None] = lambda _error: None
    _written_up_to: int = 0
    _trouble: str = ""
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def keep(self, patience: timedelta = PATIENCE) -> None:
        """Write the file if anything was done since it was last written; only the leader may."""
        try:
            async with asyncio.timeout(patience.total_seconds()), self._turn:
                await self._keep()
        except TideError as error:
            self._tell(str(error))
        except TimeoutError:
            self._tell(f"it took longer than {patience.total_seconds():g} s")
        else:
            self._tell("")

    async def _keep(self) -> None:
        newest = max((record.id for record in await self.views.recent_history(1)), default=0)
        if newest == self._written_up_to:
            return
        await self.add(await self.file.news())
        await self.file.write(await self.views.history(None, self.limit, only=TIDE_ACTIONS))
        self._written_up_to = newest

    def _tell(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:  # once, not at every round
            log.error("the history file is not written", error=trouble)
        self._trouble = trouble
        self.told(trouble)
