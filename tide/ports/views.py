"""What the page, the APIs and `tide explain` read; none of them asks anything but the store."""

from collections.abc import Collection
from typing import Protocol

from tide.domain.evidence import Batch
from tide.domain.keys import PoolKey, PullKey
from tide.domain.pulls import Pull
from tide.domain.records import (
    DecisionRecord,
    HistoryFilter,
    HistoryMark,
    HistoryRecord,
    HistoryState,
    PoolView,
    PullRecord,
)
from tide.domain.runs import Base, Run


class Views(Protocol):
    """Reads what syncs have recorded."""

    async def pools(self) -> tuple[PoolView, ...]:
        """Give all pools, sorted by org, repo and branch; the same value as before where nothing has changed."""
        ...

    async def state(self) -> tuple[str | None, ...]:
        """Tell by a short value whether anything has changed of the pools, their live runs, newest batches and history.

        It may differ where nothing has.
        """
        ...

    async def has_searched(self) -> bool:
        """Tell whether a search for what is open has ever come to its end."""
        ...

    async def pool(self, pool: PoolKey) -> PoolView | None:
        """Give one pool, asked for in any case."""
        ...

    async def pull(self, pull: PullKey) -> PullRecord | None:
        """Give one pull request, also when it is merged or closed; asked for in any case."""
        ...

    async def pulls_numbered(self, number: int, limit: int) -> tuple[Pull, ...]:
        """Give the pull requests of any repository that have a number, also merged and closed ones; open ones first."""
        ...

    async def history_state(self) -> HistoryState:
        """Tell how many records there are, and the newest of their ids."""
        ...

    async def history_after(self, newest: int, limit: int) -> tuple[HistoryRecord, ...]:
        """Give the first `limit` of the records whose ids are above `newest`, in the order of these."""
        ...

    async def history(
        self, pool: PoolKey | None = None, limit: int = 1000, *, only: Collection[str] | None = None
    ) -> tuple[HistoryRecord, ...]:
        """Give what was done, newest first, where given `only` these actions; `limit` counts per pool."""
        ...

    async def recent_history(self, limit: int) -> tuple[HistoryRecord, ...]:
        """Give the last things done in any pool, newest first."""
        ...

    async def history_page(
        self, wanted: HistoryFilter, limit: int, before: HistoryMark | None
    ) -> tuple[HistoryRecord, ...]:
        """Give what is wanted of all history, newest first, from the record at `before` on when it is given."""
        ...

    async def decisions(self, pool: PoolKey | None, limit: int, before: int | None) -> tuple[DecisionRecord, ...]:
        """Give decisions newest first, those with an id below `before` when it is given."""
        ...

    async def batches(self, pool: PoolKey | None, limit: int) -> tuple[Batch, ...]:
        """Give batches, newest first."""
        ...

    async def count_runs(self) -> int:
        """Say how many runs there have been."""
        ...

    async def live_runs(self) -> tuple[Run, ...]:
        """Give the runs that have no verdict yet, oldest first."""
        ...

    async def runs_of_head(self, pull: PullKey, head_sha: str, limit: int) -> tuple[Run, ...]:
        """Give the runs of a head, alone or together with others, newest first."""
        ...

    async def runs_on(self, bases: Collection[Base]) -> tuple[Run, ...]:
        """Give the runs that test something on these bases, newest first."""
        ...
