"""What the store last said, so that people and programs get that, with its age, while it cannot be read.

What is kept is bounded: one answer about all pools, and the newest batches and history. Questions about one pool or one
pull request are then answered from it; what is not in it stays an error, and so does what would be only a part of the
answer, but where a page shows the newest that is known beside other things.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from tide.domain.errors import StoreError
from tide.domain.evidence import Batch
from tide.domain.keys import PoolKey, PullKey
from tide.domain.records import (
    DecisionRecord,
    HistoryFilter,
    HistoryMark,
    HistoryRecord,
    HistoryState,
    PoolView,
    PullRecord,
)
from tide.domain.runs import Run
from tide.ports.clock import Clock
from tide.ports.views import Views
from tide.web.ages import rfc3339

T = TypeVar("T")
# A reader of the page does not wait for a database that hangs.
PATIENCE = timedelta(seconds=5)
_BATCHES = 200
_RECENT_HISTORY = 200


@dataclass(slots=True)
class _Kept(Generic[T]):
    """The last good answers to one question."""

    answers: tuple[T, ...] = ()
    moment: datetime | None = None

    def keep(self, answers: tuple[T, ...], moment: datetime) -> None:
        """Put these in the place of earlier ones."""
        self.answers, self.moment = answers, moment


class LastKnown:
    """Keeps the last good answers; `reading` gives the views of one request.

    `told` hears "" whenever the store has answered, else what went wrong.
    """

    def __init__(
        self,
        views: Views,
        clock: Clock,
        told: Callable[[str], None] = lambda _error: None,
        patience: timedelta = PATIENCE,
    ) -> None:
        self.views = views
        self.clock = clock
        self.told = told
        self.patience = patience
        self.pools = _Kept[PoolView]()
        self.runs = _Kept[Run]()
        self.batches = _Kept[Batch]()
        self.recent = _Kept[HistoryRecord]()

    def reading(self) -> "Reading":
        """Give the views of one request."""
        return Reading(self)

    async def refresh(self) -> None:
        """Read what is kept, so that there is something to show also when nobody has looked before."""
        reading = self.reading()
        try:
            await reading.pools()
            await reading.live_runs()
            await reading.batches(None, _BATCHES)
            await reading.recent_history(_RECENT_HISTORY)
        except StoreError:
            pass  # `told` has heard of it

    @property
    def last_sync(self) -> datetime | None:
        """When any process was last seen to have synced a pool; None where that is not known."""
        return max((view.synced_at for view in self.pools.answers if view.synced_at), default=None)


class Reading:
    """The views of one request, as of tide.ports.views.Views: of the store, or else of what is kept.

    `as_of` is None as long as everything was read from the store, else the moment of the oldest kept answer. Every call
    raises a StoreError where the store fails and nothing fitting is kept.
    """

    def __init__(self, memory: LastKnown) -> None:
        self.as_of: datetime | None = None
        self._memory = memory
        self._views = memory.views
        self._error: StoreError | None = None

    async def pools(self) -> tuple[PoolView, ...]:
        """Give all pools, sorted by org, repo and branch."""
        return await self._listed(self._views.pools, self._memory.pools)

    async def pool(self, pool: PoolKey) -> PoolView | None:
        """Give one pool."""
        return await self._asked(
            lambda: self._views.pool(pool),
            lambda: next((view for view in self._recall(self._memory.pools) if view.pool == pool), None),
        )

    async def pull(self, pull: PullKey) -> PullRecord | None:
        """Give one pull request; of those that are kept, one that is open."""
        return await self._asked(
            lambda: self._views.pull(pull), lambda: _pull_among(self._recall(self._memory.pools), pull, self.as_of)
        )

    async def history_state(self) -> HistoryState:
        """Tell how many records there are, and the newest of their ids; that is not kept."""
        return await self._asked(self._views.history_state, lambda: None)

    async def history_after(self, newest: int, limit: int) -> tuple[HistoryRecord, ...]:
        """Give the first `limit` of the records whose ids are above `newest`, in the order of these; none are kept."""
        return await self._asked(lambda: self._views.history_after(newest, limit), lambda: None)

    async def history(self, pool: PoolKey, limit: int) -> tuple[HistoryRecord, ...]:
        """Give what was done to a pool, newest first, or the newest that is known of that."""
        return await self._asked(
            lambda: self._views.history(pool, limit), lambda: _of_pool(self._recall(self._memory.recent), pool)[:limit]
        )

    async def recent_history(self, limit: int) -> tuple[HistoryRecord, ...]:
        """Give the last things done in any pool, newest first."""
        asked = max(limit, _RECENT_HISTORY)
        return (await self._listed(lambda: self._views.recent_history(asked), self._memory.recent))[:limit]

    async def history_page(
        self, wanted: HistoryFilter, limit: int, before: HistoryMark | None, *, may_be_cut: bool = False
    ) -> tuple[HistoryRecord, ...]:
        """Give what is wanted of all history, newest first, from a place on; `may_be_cut`: or what is known of it."""

        def recall() -> tuple[HistoryRecord, ...] | None:
            known = self._recall(self._memory.recent)
            found = tuple(one for one in known if wanted.wants(one) and (before is None or one.mark < before))
            is_whole = len(found) >= limit or len(known) < _RECENT_HISTORY
            return found[:limit] if is_whole or may_be_cut else None

        return await self._asked(lambda: self._views.history_page(wanted, limit, before), recall)

    async def decisions(self, pool: PoolKey | None, limit: int, before: int | None) -> tuple[DecisionRecord, ...]:
        """Give decisions newest first, those with an id below `before` when it is given; none are kept."""
        return await self._asked(lambda: self._views.decisions(pool, limit, before), lambda: None)

    async def batches(self, pool: PoolKey | None, limit: int, *, may_be_cut: bool = False) -> tuple[Batch, ...]:
        """Give batches, newest first; `may_be_cut`: or what is known of them."""
        kept = self._memory.batches

        def recall() -> tuple[Batch, ...] | None:
            known = self._recall(kept)
            found = _of_pool(known, pool) if pool else known
            is_whole = len(found) >= limit or len(known) < _BATCHES
            return found[:limit] if is_whole or may_be_cut else None

        async def ask() -> tuple[Batch, ...]:
            if pool is not None:
                return await self._views.batches(pool, limit)
            answers = await self._views.batches(None, max(limit, _BATCHES))
            kept.keep(answers[:_BATCHES], self._memory.clock.now())
            return answers[:limit]

        return await self._asked(ask, recall)

    async def count_runs(self) -> int:
        """Say how many runs there have been; that is not kept."""
        return await self._asked(self._views.count_runs, lambda: None)

    async def live_runs(self) -> tuple[Run, ...]:
        """Give the runs that have no verdict yet, oldest first."""
        return await self._listed(self._views.live_runs, self._memory.runs)

    async def _listed(self, ask: Callable[[], Awaitable[tuple[T, ...]]], kept: _Kept[T]) -> tuple[T, ...]:
        """Ask the store and keep the answer; recall what is kept where that fails."""

        async def ask_and_keep() -> tuple[T, ...]:
            answers = await ask()
            kept.keep(answers, self._memory.clock.now())
            return answers

        return await self._asked(ask_and_keep, lambda: self._recall(kept))

    async def _asked(self, ask: Callable[[], Awaitable[T]], recall: Callable[[], T | None]) -> T:
        """Ask the store; once it has failed in this request only `recall`, whose None means that it cannot tell."""
        if self._error is None:
            try:
                async with asyncio.timeout(self._memory.patience.total_seconds()):
                    answer = await ask()
            except StoreError as error:
                self._fail(error)
            except TimeoutError:
                self._fail(StoreError(f"database: no answer within {self._memory.patience.total_seconds():g} s"))
            else:
                self._memory.told("")
                return answer
        found = recall()
        if found is None:
            raise self._failure()
        return found

    def _fail(self, error: StoreError) -> None:
        self._error = error
        self._memory.told(str(error))

    def _failure(self) -> StoreError:
        return self._error or StoreError("database: it was not asked")

    def _recall(self, kept: _Kept[T]) -> tuple[T, ...]:
        """Give kept answers, and note how old they are.

        Raises:
            StoreError: there are none.
        """
        if kept.moment is None:
            raise self._failure()
        self.as_of = min(self.as_of or kept.moment, kept.moment)
        return kept.answers


def staleness(as_of: datetime | None, now: datetime) -> dict[str, str]:
    """Give the headers of an answer as of a moment (RFC 9111, 5.1; RFC 7234, 5.5.1); none where it is fresh."""
    if as_of is None:
        return {}
    age = max(0, int((now - as_of).total_seconds()))
    return {"age": str(age), "warning": f'110 tide "The database does not answer: as of {rfc3339(as_of)}"'}


class _InPool(Protocol):
    @property
    def pool(self) -> PoolKey: ...


P = TypeVar("P", bound=_InPool)


def _of_pool(records: tuple[P, ...], pool: PoolKey) -> tuple[P, ...]:
    return tuple(record for record in records if record.pool == pool)


def _pull_among(views: Iterable[PoolView], key: PullKey, read_at: datetime | None) -> PullRecord | None:
    for view in views:
        for pull in (*view.passing, *view.pending, *view.missing, *view.outside):
            if pull.key == key and read_at:
                verdict = next((one for one in view.verdicts if one.pull == key), None)
                return PullRecord(pull, verdict, view.synced_at or read_at)
    return None
