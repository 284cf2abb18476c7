"""What the store last said, so that people and programs get that, with its age, while it cannot be read.

What is kept is bounded: one answer about all pools, and the newest batches and history. Questions about one pool or one
pull request are then answered from it; what is not in it stays an error.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from tide.domain.errors import StoreError
from tide.domain.evidence import Batch
from tide.domain.keys import PoolKey, PullKey
from tide.domain.records import DecisionRecord, HistoryFilter, HistoryMark, HistoryRecord, PoolView, PullRecord
from tide.domain.runs import Run
from tide.ports.clock import Clock
from tide.ports.views import Views
from tide.web.ages import rfc3339

T = TypeVar("T")
# A reader of the page does not wait for a database that hangs.
PATIENCE = timedelta(seconds=5)
_BATCHES = 200
_RECENT_HISTORY = 200
# As many as a history of many pools is cut to: some ten megabytes.
_MOST = 10_000


@dataclass(slots=True)
class _Kept(Generic[T]):
    """The last good answers to one question."""

    answers: tuple[T, ...] = ()
    moment: datetime | None = None

    def keep(self, answers: tuple[T, ...], moment: datetime) -> None:
        """Put these in the place of earlier ones."""
        self.answers, self.moment = answers[:_MOST], moment


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
        self.history = _Kept[HistoryRecord]()

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

    def known_history(self) -> _Kept[HistoryRecord]:
        """Give all that is kept of what was done, newest first."""
        moments = [kept.moment for kept in (self.recent, self.history) if kept.moment]
        records = dict.fromkeys((*self.history.answers, *self.recent.answers))
        newest_first = sorted(records, key=lambda record: (record.time, record.id), reverse=True)
        return _Kept(tuple(newest_first), max(moments, default=None))


class Reading:
    """The views of one request (tide.ports.views.Views): of the store, or else of what is kept.

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

    async def history(self, pool: PoolKey | None = None, limit: int = 1000) -> tuple[HistoryRecord, ...]:
        """Give what was done, newest first; `limit` counts per pool."""
        known = self._memory.known_history
        if pool is None:
            return await self._listed(lambda: self._views.history(None, limit), self._memory.history, known)
        return await self._asked(
            lambda: self._views.history(pool, limit), lambda: _of_pool(self._recall(known()), pool)[:limit]
        )

    async def recent_history(self, limit: int) -> tuple[HistoryRecord, ...]:
        """Give the last things done in any pool, newest first."""
        memory, asked = self._memory, max(limit, _RECENT_HISTORY)
        answer = await self._listed(lambda: self._views.recent_history(asked), memory.recent, memory.known_history)
        return answer[:limit]

    async def history_page(
        self, wanted: HistoryFilter, limit: int, before: HistoryMark | None
    ) -> tuple[HistoryRecord, ...]:
        """Give what is wanted of all history, newest first, from a place on."""

        def recall() -> tuple[HistoryRecord, ...]:
            known = self._recall(self._memory.known_history())
            return tuple(one for one in known if wanted.wants(one) and (before is None or one.mark < before))[:limit]

        return await self._asked(lambda: self._views.history_page(wanted, limit, before), recall)

    async def decisions(self, pool: PoolKey | None, limit: int, before: int | None) -> tuple[DecisionRecord, ...]:
        """Give decisions newest first, those with an id below `before` when it is given; none are kept."""
        return await self._asked(lambda: self._views.decisions(pool, limit, before), lambda: None)

    async def batches(self, pool: PoolKey | None, limit: int) -> tuple[Batch, ...]:
        """Give batches, newest first."""
        kept, asked = self._memory.batches, max(limit, _BATCHES)
        if pool is None:
            return (await self._listed(lambda: self._views.batches(None, asked), kept))[:limit]
        return await self._asked(
            lambda: self._views.batches(pool, limit), lambda: _of_pool(self._recall(kept), pool)[:limit]
        )

    async def count_runs(self) -> int:
        """Say how many runs there have been; that is not kept."""
        return await self._asked(self._views.count_runs, lambda: None)

    async def live_runs(self) -> tuple[Run, ...]:
        """Give the runs that have no verdict yet, oldest first."""
        return await self._listed(self._views.live_runs, self._memory.runs)

    async def _listed(
        self,
        ask: Callable[[], Awaitable[tuple[T, ...]]],
        kept: _Kept[T],
        known: Callable[[], _Kept[T]] | None = None,
    ) -> tuple[T, ...]:
        """Ask the store and keep the answer; recall what is kept, or what `known` gives, where that fails."""

        async def ask_and_keep() -> tuple[T, ...]:
            answers = await ask()
            kept.keep(answers, self._memory.clock.now())
            return answers

        return await self._asked(ask_and_keep, lambda: self._recall(known() if known else kept))

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
