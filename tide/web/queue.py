"""All pools with what is about them, read together and kept while nothing of it changes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

from tide.adapters.fresh import Fresh
from tide.domain.evidence import Batch
from tide.domain.keys import PoolKey
from tide.domain.records import HistoryRecord, PoolView
from tide.domain.runs import Run
from tide.web.cards import PoolCard, pool_card
from tide.web.last_known import LastKnown

P = TypeVar("P", Run, Batch)
RECENT_ACTIONS = 12
_RECENT_BATCHES = 200


@dataclass(frozen=True, slots=True)
class _Read:
    pools: tuple[PoolView, ...]
    runs: tuple[Run, ...]
    batches: tuple[Batch, ...]
    recent: tuple[HistoryRecord, ...]
    as_of: datetime | None


@dataclass(frozen=True, slots=True)
class _Card:
    """A card, with what it was made of beside the view that is in it."""

    runs: tuple[Run, ...]
    batches: tuple[Batch, ...]
    card: PoolCard


@dataclass(frozen=True, slots=True, eq=False)
class Queue:
    """What the pages about all pools show; `as_of` is None where it is fresh. Another state is another value."""

    pools: tuple[PoolView, ...]
    cards: tuple[PoolCard, ...]
    recent: tuple[HistoryRecord, ...]
    as_of: datetime | None


class Queues:
    """Gives the queue as it is now; the same value as before where nothing has changed."""

    def __init__(self, known: LastKnown) -> None:
        self._known = known
        self._cards: dict[PoolKey, _Card] = {}
        self._now = Fresh(self._read, self._made)

    async def get(self) -> Queue:
        """Give the queue, or what was last known of it.

        Raises:
            StoreError: the store fails, and nothing is kept.
        """
        return await self._now.get()

    async def _read(self) -> _Read:
        views = self._known.reading()
        pools = await views.pools()
        runs = await views.live_runs()
        batches = await views.batches(None, _RECENT_BATCHES)
        recent = await views.recent_history(RECENT_ACTIONS)
        return _Read(pools, runs, batches, recent, views.as_of)

    async def _made(self, read: _Read) -> Queue:
        self._cards = await run_in_threadpool(_cards, read, self._cards)
        return Queue(read.pools, tuple(one.card for one in self._cards.values()), read.recent, read.as_of)


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
