"""All pools with what is about them, read together and kept while nothing of it changes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

from tide.adapters.fresh import Fresh
from tide.domain.errors import StoreError
from tide.domain.evidence import Batch
from tide.domain.keys import PoolKey
from tide.domain.records import HistoryRecord, PoolView
from tide.domain.rules import Query
from tide.domain.runs import Run
from tide.web.cards import PoolCard, pool_card
from tide.web.configured import is_configured, pools_named
from tide.web.last_known import LastKnown
from tide.web.run_book import RunBook, bases_of

P = TypeVar("P", Run, Batch)
RECENT_ACTIONS = 12
_RECENT_BATCHES = 200


@dataclass(frozen=True, slots=True)
class _Read:
    pools: tuple[PoolView, ...]
    runs: tuple[Run, ...]
    batches: tuple[Batch, ...]
    recent: tuple[HistoryRecord, ...]
    tests: tuple[Run, ...]
    as_of: datetime | None
    is_lost: bool
    state: tuple[str | None, ...]
    queries: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class _Card:
    """A card, with what it was made of beside the view that is in it."""

    runs: tuple[Run, ...]
    batches: tuple[Batch, ...]
    card: PoolCard


@dataclass(frozen=True, slots=True, eq=False)
class Queue:
    """What the pages about all pools show. Another state is another value.

    `queries` are those that these pools are of. `as_of` is None where it is fresh; `is_lost` tells that the database
    fails, and is not only slow.
    """

    pools: tuple[PoolView, ...]
    cards: tuple[PoolCard, ...]
    recent: tuple[HistoryRecord, ...]
    tests: RunBook
    queries: tuple[Query, ...]
    as_of: datetime | None
    is_lost: bool


class Queues:
    """Gives the queue as it is now; the same value as before where nothing has changed."""

    def __init__(self, known: LastKnown, queries: Callable[[], tuple[Query, ...]] = tuple) -> None:
        self._known = known
        self._queries = queries
        self._cards: dict[PoolKey, _Card] = {}
        self._at_rest: dict[PoolKey, PoolView] = {}
        self._last: _Read | None = None
        self._now = Fresh(self._read, self._made)

    async def get(self) -> Queue:
        """Give the queue, or what was last known of it.

        Raises:
            StoreError: the store fails, and nothing is kept.
            NothingKnownError: nobody has looked at everything yet.
        """
        return await self._now.get()

    def at_rest(self, pool: PoolKey) -> PoolView | None:
        """Show a pool that the store does not know; None where the configuration does not speak of it either."""
        return PoolView.at_rest(pool) if is_configured(pool, self._queries()) else None

    async def _read(self) -> _Read:
        """Read all of it, or give what was read before where the store tells that nothing has changed since."""
        views, queries, moment = self._known.reading(), self._queries(), self._known.clock.now()
        try:
            state = await views.state(in_haste=self._known.is_filled)
        except StoreError:
            state = ()  # what is kept will do
        if self._last and state and (state, queries) == (self._last.state, self._last.queries):
            self._known.confirm(moment)
            return self._last
        pools = self._with_named(await views.pools(), queries)
        runs = await views.live_runs()
        batches = await views.batches(None, _RECENT_BATCHES)
        recent = await views.recent_history(RECENT_ACTIONS)
        tests = await views.runs_on(bases_of((), recent))
        read = _Read(pools, runs, batches, recent, tests, views.as_of, self._known.contact.is_lost, state, queries)
        if views.as_of is None:
            self._last = read
        return read

    def _with_named(self, pools: tuple[PoolView, ...], queries: Sequence[Query]) -> tuple[PoolView, ...]:
        """Add the pools that the configuration names, in whatever case; each is the same value as long as it does."""
        shown = {view.pool.folded for view in pools}
        named = {pool.folded: pool for pool in pools_named(queries) if pool.folded not in shown}
        if not named:
            return pools
        self._at_rest = {pool: self._at_rest.get(pool) or PoolView.at_rest(pool) for pool in named.values()}
        return tuple(sorted([*pools, *self._at_rest.values()], key=lambda view: view.pool))

    async def _made(self, read: _Read) -> Queue:
        self._cards = await run_in_threadpool(_cards, read, self._cards)
        cards = tuple(one.card for one in self._cards.values())
        return Queue(read.pools, cards, read.recent, RunBook(read.tests), read.queries, read.as_of, read.is_lost)


def _cards(read: _Read, before: Mapping[PoolKey, _Card]) -> dict[PoolKey, _Card]:
    """Make the cards, but for those of pools about which nothing has changed."""
    runs, batches = _by_pool(read.runs), _by_pool(read.batches)
    cards = {}
    for view in read.pools:
        its_runs, its_batches = runs.get(view.pool, ()), batches.get(view.pool, ())
        old = before.get(view.pool)
        if old and old.card.view is view and (old.runs, old.batches) == (its_runs, its_batches):
            cards[view.pool] = old
        else:
            cards[view.pool] = _Card(its_runs, its_batches, pool_card(view, its_runs, its_batches))
    return cards


def _by_pool(some: Iterable[P]) -> dict[PoolKey, tuple[P, ...]]:
    found: dict[PoolKey, list[P]] = {}
    for one in some:
        found.setdefault(one.pool, []).append(one)
    return {pool: tuple(of_it) for pool, of_it in found.items()}
