"""What the store last said, so that people and programs get that, with its age, while it cannot be read or takes long.

What is kept is bounded: one answer about all pools, and the newest batches and history. Questions about one pool or one
pull request are then answered from it; what is not in it stays an error, and so does what would be only a part of the
answer, but where a page shows the newest that is known beside other things.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from tide.domain.errors import StoreError
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
    pool_among,
)
from tide.domain.runs import Base, Run
from tide.ports.clock import Clock
from tide.ports.views import Views
from tide.web.ages import rfc3339
from tide.web.contact import Contact, NothingKnownError, Waits

T = TypeVar("T")
R = TypeVar("R")
_BATCHES = 200
_RECENT_HISTORY = 200
_WAITS = Waits()


class _Kept(Generic[T]):
    """A question, with the last good answers to it and the moment when they were asked for."""

    def __init__(self, ask: Callable[[], Awaitable[tuple[T, ...]]], clock: Clock) -> None:
        self.answers: tuple[T, ...] = ()
        self.moment: datetime | None = None
        self._ask = ask
        self._clock = clock

    async def asked(self) -> tuple[T, ...]:
        """Ask the store, and put the answers in the place of earlier ones."""
        moment = self._clock.now()
        answers = await self._ask()
        self.answers, self.moment = answers, moment
        return answers

    def confirm(self, moment: datetime) -> None:
        """Note that the same was still so at a moment."""
        if self.moment is not None:
            self.moment = max(self.moment, moment)


class LastKnown:
    """Keeps the last good answers; `reading` gives the views of one request.

    Args:
        views: reads the store.
        clock: tells when that was.
        told: hears "" whenever the store has answered, else what went wrong.
        has_looked: tells whether this process has looked at everything once, None where it does not look itself.
        waits: how long an answer is waited for.
    """

    def __init__(
        self,
        views: Views,
        clock: Clock,
        told: Callable[[str], None] = lambda _error: None,
        *,
        has_looked: Callable[[], bool | None] = lambda: None,
        waits: Waits = _WAITS,
    ) -> None:
        self.views = views
        self.clock = clock
        self.has_looked = has_looked
        self.pools = _Kept(self._ask_for_pools, clock)
        self.runs = _Kept(views.live_runs, clock)
        self.batches = _Kept(lambda: views.batches(None, _BATCHES), clock)
        self.recent = _Kept(lambda: views.recent_history(_RECENT_HISTORY), clock)
        self.contact = Contact(told, self.runs.asked, waits)

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
        except (StoreError, NothingKnownError):
            pass  # `told` has heard of it, or there is nothing yet

    def confirm(self, moment: datetime) -> None:
        """Note that what is kept was still so at a moment."""
        for kept in (self.pools, self.runs, self.batches, self.recent):
            kept.confirm(moment)

    @property
    def last_sync(self) -> datetime | None:
        """When any process was last seen to have synced a pool; None where that is not known."""
        return max((view.synced_at for view in self.pools.answers if view.synced_at), default=None)

    @property
    def is_filled(self) -> bool:
        """Tell whether there is anything to tell where the store does not answer."""
        return self.pools.moment is not None

    async def _ask_for_pools(self) -> tuple[PoolView, ...]:
        has_looked = self.has_looked()  # asked first: the look may end while the store is read
        found = await self.views.pools()
        if not any(view.synced_at or view.error for view in found):
            await self.check_known(has_looked=has_looked)
        return found

    async def check_known(self, *, has_looked: bool | None) -> None:
        """Raise NothingKnownError where what the store does not name may be there nevertheless."""
        if has_looked is None:
            has_looked = await self.views.has_searched()
        if not has_looked:
            raise NothingKnownError("nobody has looked at everything yet")


class Reading:
    """The views of one request, as of tide.ports.views.Views: of the store, or else of what is kept.

    `as_of` is None as long as everything was read from the store, else the moment of the oldest kept answer. Every call
    raises a StoreError where the store fails and nothing fitting is kept.
    """

    def __init__(self, memory: LastKnown) -> None:
        self.as_of: datetime | None = None
        self._memory = memory
        self._views = memory.views
        self._contact = memory.contact
        self._error: StoreError | None = None

    async def state(self, *, in_haste: bool) -> tuple[str | None, ...]:
        """Tell by a short value whether anything has changed of what is kept; see `history_state` for `in_haste`."""
        return await self._asked(self._views.state, lambda: None, in_haste=in_haste)

    async def pools(self) -> tuple[PoolView, ...]:
        """Give all pools, sorted by org, repo and branch.

        Raises:
            NothingKnownError: there is none, and nobody has looked at everything yet.
        """
        return await self._listed(self._memory.pools)

    async def pool(self, pool: PoolKey) -> PoolView | None:
        """Give one pool."""
        return await self._asked(
            lambda: self._certain(self._views.pool(pool)),
            self._among(self._memory.pools, lambda known: pool_among(known, pool)),
        )

    async def pull(self, pull: PullKey) -> PullRecord | None:
        """Give one pull request; of those that are kept, one that is open."""
        kept = self._memory.pools
        return await self._asked(
            lambda: self._certain(self._views.pull(pull)),
            self._among(kept, lambda known: _pull_among(known, pull, kept.moment)),
        )

    async def pulls_numbered(self, number: int, limit: int) -> tuple[Pull, ...]:
        """Give the pull requests of any repository that have a number; of those that are kept, the open ones."""
        return await self._asked(
            lambda: self._views.pulls_numbered(number, limit),
            self._among(
                self._memory.pools,
                lambda known: tuple(one for one in _open_pulls(known) if one.number == number)[:limit],
            ),
        )

    async def history_state(self, *, in_haste: bool = False) -> HistoryState:
        """Tell how many records there are, and the newest of their ids; that is not kept.

        Who asks `in_haste` knows an earlier answer, and is told soon that there is no later one.
        """
        return await self._asked(self._views.history_state, lambda: None, in_haste=in_haste)

    async def history_after(self, newest: int, limit: int) -> tuple[HistoryRecord, ...]:
        """Give the first `limit` of the records whose ids are above `newest`, in the order of these; none are kept."""
        return await self._asked(lambda: self._views.history_after(newest, limit), lambda: None)

    async def history(self, pool: PoolKey, limit: int) -> tuple[HistoryRecord, ...]:
        """Give what was done to a pool, newest first, or the newest that is known of that."""
        return await self._asked(
            lambda: self._views.history(pool, limit),
            self._among(self._memory.recent, lambda known: _of_pool(known, pool)[:limit]),
        )

    async def recent_history(self, limit: int) -> tuple[HistoryRecord, ...]:
        """Give the last things done in any pool, newest first; no more than 200."""
        return (await self._listed(self._memory.recent))[:limit]

    async def history_page(
        self, wanted: HistoryFilter, limit: int, before: HistoryMark | None, *, may_be_cut: bool = False
    ) -> tuple[HistoryRecord, ...]:
        """Give what is wanted of all history, newest first, from a place on; `may_be_cut`: or what is known of it."""

        def pick(known: tuple[HistoryRecord, ...]) -> tuple[HistoryRecord, ...] | None:
            found = tuple(one for one in known if wanted.wants(one) and (before is None or one.mark < before))
            is_whole = len(found) >= limit or len(known) < _RECENT_HISTORY
            return found[:limit] if is_whole or may_be_cut else None

        return await self._asked(
            lambda: self._views.history_page(wanted, limit, before), self._among(self._memory.recent, pick)
        )

    async def decisions(self, pool: PoolKey | None, limit: int, before: int | None) -> tuple[DecisionRecord, ...]:
        """Give decisions newest first, those with an id below `before` when it is given; none are kept."""
        return await self._asked(lambda: self._views.decisions(pool, limit, before), lambda: None)

    async def batches(self, pool: PoolKey | None, limit: int, *, may_be_cut: bool = False) -> tuple[Batch, ...]:
        """Give batches, newest first; `may_be_cut`: or what is known of them."""
        kept = self._memory.batches

        def pick(known: tuple[Batch, ...]) -> tuple[Batch, ...] | None:
            found = _of_pool(known, pool) if pool else known
            is_whole = len(found) >= limit or len(known) < _BATCHES
            return found[:limit] if is_whole or may_be_cut else None

        if pool is None and limit <= _BATCHES:
            return (await self._listed(kept))[:limit]
        return await self._asked(lambda: self._views.batches(pool, limit), self._among(kept, pick))

    async def count_runs(self) -> int:
        """Say how many runs there have been; that is not kept."""
        return await self._asked(self._views.count_runs, lambda: None)

    async def live_runs(self) -> tuple[Run, ...]:
        """Give the runs that have no verdict yet, oldest first."""
        return await self._listed(self._memory.runs)

    async def runs_of_head(self, pull: PullKey, head_sha: str, limit: int) -> tuple[Run, ...]:
        """Give the runs of a head, alone or together with others, newest first; of those that are kept, live ones."""
        return await self._asked(
            lambda: self._views.runs_of_head(pull, head_sha, limit),
            self._among(
                self._memory.runs,
                lambda known: tuple(run for run in reversed(known) if run.tests(pull, head_sha))[:limit],
            ),
        )

    async def runs_on(self, bases: Collection[Base]) -> tuple[Run, ...]:
        """Give the runs that test something on these bases, newest first; of those that are kept, live ones."""
        if not bases:
            return ()  # the store is not asked, so that nothing is heard of it either
        return await self._asked(
            lambda: self._views.runs_on(bases),
            self._among(self._memory.runs, lambda known: tuple(run for run in reversed(known) if run.base in bases)),
        )

    async def _listed(self, kept: _Kept[T]) -> tuple[T, ...]:
        """Ask the store and keep the answer; recall what is kept where that fails or takes long."""
        return await self._asked(kept.asked, self._among(kept, lambda known: known), is_kept=True)

    async def _asked(
        self,
        ask: Callable[[], Awaitable[T]],
        recall: Callable[[], T | None],
        *,
        is_kept: bool = False,
        in_haste: bool = False,
    ) -> T:
        """Ask the store; once it has failed or is slow only `recall`, whose None means that it cannot tell."""
        if self._error or self._contact.is_slow:
            found = recall()
            if found is not None:
                return found
            if self._error or in_haste:
                raise self._error or StoreError("database: it takes long to answer")
        try:
            return await self._contact.answer(ask(), recall, is_kept=is_kept, in_haste=in_haste)
        except StoreError as error:
            self._error = error
            found = recall()
            if found is None:
                raise
            return found

    async def _certain(self, asked: Awaitable[T | None]) -> T | None:
        """Give what the store has; raise NothingKnownError where that is nothing, and nobody has looked at all."""
        has_looked = self._memory.has_looked()
        found = await asked
        if found is None:
            await self._memory.check_known(has_looked=has_looked)
        return found

    def _among(self, kept: _Kept[T], pick: Callable[[tuple[T, ...]], R | None]) -> Callable[[], R | None]:
        """Give what looks for an answer among kept ones, and notes how old they are where it finds one."""

        def recall() -> R | None:
            if kept.moment is None:
                return None
            found = pick(kept.answers)
            if found is not None:
                self.as_of = min(self.as_of or kept.moment, kept.moment)
            return found

        return recall


def staleness(as_of: datetime | None, now: datetime) -> dict[str, str]:
    """Give the headers of an answer as of a moment (RFC 9111, 5.1; RFC 7234, 5.5.1); none where it is fresh."""
    if as_of is None:
        return {}
    age = max(0, int((now - as_of).total_seconds()))
    return {"age": str(age), "warning": f'110 tide "What the database said last, as of {rfc3339(as_of)}"'}


class _InPool(Protocol):
    @property
    def pool(self) -> PoolKey: ...


P = TypeVar("P", bound=_InPool)


def _of_pool(records: tuple[P, ...], pool: PoolKey) -> tuple[P, ...]:
    return tuple(record for record in records if record.pool == pool)


def _open_pulls(views: Iterable[PoolView]) -> Iterator[Pull]:
    for view in views:
        yield from (*view.passing, *view.pending, *view.missing, *view.outside)


def _pull_among(views: Iterable[PoolView], key: PullKey, read_at: datetime | None) -> PullRecord | None:
    for view in views:
        for pull in _open_pulls([view]):
            if pull.key.folded == key.folded and read_at:
                verdict = next((one for one in view.verdicts if one.pull == pull.key), None)
                return PullRecord(pull, verdict, view.synced_at or read_at)
    return None
