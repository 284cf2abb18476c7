"""The queue as the pages about all pools show it."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta

from tests.builders import NOW
from tests.unit.web.kept import DOCS, ROCKET, KeptViews, StandingClock, busy_morning
from tide.domain.records import PoolView
from tide.domain.rules import Query
from tide.web.contact import Waits
from tide.web.last_known import LastKnown
from tide.web.queue import Queues

HOUR = timedelta(hours=1)


@dataclass
class HangingViews(KeptViews):
    """A store that stops to answer; questions are counted by what they are about."""

    hangs: bool = False
    asked: list[str] = field(default_factory=list)

    async def state(self) -> tuple[str | None, ...]:
        await self._ask("state")
        return await super().state()

    async def pools(self) -> tuple[PoolView, ...]:
        await self._ask("pools")
        return await super().pools()

    async def _ask(self, about: str) -> None:
        self.asked.append(about)
        if self.hangs:
            await asyncio.Event().wait()


def hanging() -> HangingViews:
    """Build a busy morning of which the store may stop to tell."""
    morning = busy_morning()
    return HangingViews(morning.pool_views, records=morning.records, kept_batches=morning.kept_batches)


async def test_where_nothing_has_changed_nothing_is_read_and_the_same_is_given() -> None:
    views, clock = hanging(), StandingClock()
    known = LastKnown(views, clock)
    queues = Queues(known)
    first = await queues.get()
    views.asked.clear()
    clock.moment = NOW + HOUR
    assert await queues.get() is first
    assert views.asked == ["state"]
    assert known.pools.moment == NOW + HOUR
    views.pool_views[0] = replace(views.pool_views[0], reason="Something else.")
    assert await queues.get() is not first


async def test_a_store_that_hangs_keeps_nobody_waiting() -> None:
    views = hanging()
    known = LastKnown(views, StandingClock(), waits=Waits(timedelta(0), HOUR, HOUR))
    queues = Queues(known)
    known.contact.waits = Waits(HOUR, HOUR, HOUR)
    fresh = await queues.get()
    known.contact.waits = Waits(timedelta(0), HOUR, HOUR)
    views.hangs = True
    async with asyncio.timeout(60):
        for _ in range(3):
            kept = await queues.get()
            assert (kept.pools, kept.as_of, kept.is_lost) == (fresh.pools, NOW, False)


async def test_a_named_pool_is_the_same_value_until_the_store_knows_it() -> None:
    query = Query(0, repos=("acme/docs", "acme/new"), included_branches=("main",))
    views = busy_morning()
    queues = Queues(LastKnown(views, StandingClock()), lambda: (query,))
    new = replace(DOCS, repo="new")
    first = {view.pool: view for view in (await queues.get()).pools}
    assert set(first) == {view.pool for view in views.pool_views} | {new}
    views.pool_views[:] = [replace(view, reason="x") if view.pool == ROCKET else view for view in views.pool_views]
    again = {view.pool: view for view in (await queues.get()).pools}
    assert again[new] is first[new]
    views.pool_views.append(PoolView(new, "", "WAIT", "It is here.", synced_at=NOW))
    assert {view.pool: view.reason for view in (await queues.get()).pools}[new] == "It is here."


async def test_a_pool_that_the_configuration_spells_otherwise_is_shown_once() -> None:
    queries = (
        Query(0, repos=("Acme/Rocket", "acme/new"), included_branches=("main", "Main")),
        Query(1, repos=("ACME/NEW",), included_branches=("main",)),
    )
    pools = (await Queues(LastKnown(busy_morning(), StandingClock()), lambda: queries).get()).pools
    of_rocket = [view for view in pools if view.pool.folded == ROCKET]
    assert [(view.pool, bool(view.passing)) for view in of_rocket] == [(ROCKET, True)]
    assert [view.pool.branch for view in pools if view.pool.folded.repo == "new"] == ["Main", "main"]
