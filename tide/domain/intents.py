"""What was about to be done, written down before it is done, so that a crash loses nothing."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tide.domain.keys import PoolKey


class IntentKind(StrEnum):
    """The deeds that change the outside."""

    START_RUNS = "start_runs"
    MERGE = "merge"
    LEND = "lend"  # the result of a batch, to one of its members
    STATUS = "status"
    UPDATE_BRANCH = "update_branch"


@dataclass(frozen=True, slots=True)
class Intent:
    """One deed that was begun.

    `subject` names what it is about (a candidate's refs, a pull request with its head); `detail` is what the next
    reader needs to finish or to judge it. `token` is that of the lease under which it was begun. `outcome` is "" as
    long as it is not known. `latest_at` is when its last step was begun.
    """

    kind: IntentKind
    pool: PoolKey
    subject: str
    detail: str
    begun_at: datetime
    token: int
    latest_at: datetime | None = None
    id: int = 0
    outcome: str = ""
    ended_at: datetime | None = None

    @property
    def stepped_at(self) -> datetime:
        """When its last step was begun, or it itself."""
        return self.latest_at or self.begun_at
