"""The statuses that were written."""

from dataclasses import replace
from datetime import datetime

from tide.adapters.documents import storable
from tide.adapters.memory.tables import PullRow, Tables
from tide.domain.keys import HeadKey
from tide.domain.pulls import Context


class MemoryStatuses:
    """Keeps what was written of our status context (tide.ports.store.statuses.StatusLog)."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    async def statuses_written(self, head: HeadKey) -> int:
        """Give how many of our statuses a commit has got."""
        return self.tables.statuses.get(head, 0)

    async def status_written(self, head: HeadKey, status: Context, at: datetime) -> None:  # noqa: ARG002 - nobody asks when
        """Count a status that was written, and show it on the open pull requests with this head."""
        self.tables.statuses[head] = self.tables.statuses.get(head, 0) + 1
        for key, row in list(self.tables.pulls.items()):
            pull = row.pull
            if pull.is_open and (key.repository, pull.head_sha) == (head.repository, head.sha):
                others = (one for one in pull.contexts if (one.name, one.source) != (status.name, status.source))
                shown = replace(pull, contexts=(*others, storable(status)))
                # The next reading is news, and one that is under way brings what else it has read.
                self.tables.pulls[key] = PullRow(shown, is_as_read=False)
