"""What was written of the status context `tide`."""

from datetime import datetime
from typing import Protocol

from tide.domain.keys import HeadKey
from tide.domain.pulls import Context


class StatusLog(Protocol):
    """What was written of the status context `tide`."""

    async def statuses_written(self, head: HeadKey) -> int:
        """Give how many of our statuses a commit has got."""
        ...

    async def status_written(self, head: HeadKey, status: Context, at: datetime) -> None:
        """Count a status that was written, and show it on the open pull requests with this head."""
        ...
