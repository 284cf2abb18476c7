"""What is answered while the store cannot be read."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from tests.builders import BASE, NOW, POOL, make_run, sha
from tests.unit.web.kept import DOCS, ORBIT, ROCKET, KeptViews, StandingClock, busy_morning
from tide.domain.errors import StoreError
from tide.domain.keys import PoolKey, PullKey
from tide.domain.records import HistoryFilter, PoolView
from tide.domain.runs import Base, RunState
from tide.web.contact import NothingKnownError, Waits
from tide.web.last_known import LastKnown, staleness

FOUR_MINUTES = timedelta(minutes=4)


class Memory:
    """A busy morning, read once and then lost."""

    def __init__(self) -> None:
        self.views, self.clock = busy_morning(), StandingClock()
        self.told: list[str] = []
        self.known = LastKnown(self.views, self.clock, self.told.append)

    def lose_the_store(self) -> None:
        self.clock.moment = NOW + FOUR_MINUTES
        self.views.is_broken = True


@pytest.fixture
def memory() -> Memory:
    return Memory()


async def test_what_was_read_once_is_told_with_its_age(memory: Memory) -> None:
    views = memory.known.reading()
    before = [
        await views.pools(),
        await views.live_runs(),
        await views.batches(None, 3),
        await views.recent_history(2),
    ]
    memory.lose_the_store()
    again = memory.known.reading()
    after = [
        await again.pools(),
        await again.live_runs(),
        await again.batches(None, 3),
        await again.recent_history(2),
    ]
    assert after == before
    assert again.as_of == NOW


async def test_a_fresh_answer_has_no_age_and_is_taken_as_a_sign_of_life(memory: Memory) -> None:
    views = memory.known.reading()
    await views.pools()
    assert views.as_of is None
    assert memory.told == [""]


async def test_one_request_asks_a_lost_store_once(memory: Memory) -> None:
    await memory.known.refresh()
    memory.told.clear()
    memory.lose_the_store()
    views = memory.known.reading()
    await views.pools()
    await views.live_runs()
    assert [bool(error) for error in memory.told] == [True]


async def test_one_pool_and_its_story_are_found_in_what_is_known_of_all(memory: Memory) -> None:
    expected = [
        await memory.views.pool(ORBIT),
        await memory.views.batches(ROCKET, 2),
        await memory.views.history(ORBIT, 1),
    ]
    await memory.known.refresh()
    memory.lose_the_store()
    views = memory.known.reading()
    assert [await views.pool(ORBIT), await views.batches(ROCKET, 2), await views.history(ORBIT, 1)] == expected
    assert views.as_of == NOW


async def test_history_is_narrowed_and_paged_in_what_is_known(memory: Memory) -> None:
    wanted = HistoryFilter(repo=ROCKET.repository)
    expected = await memory.views.history_page(wanted, 10, None)
    await memory.known.refresh()
    memory.lose_the_store()
    views = memory.known.reading()
    assert await views.history_page(wanted, 1, None) == expected[:1]
    assert await views.history_page(wanted, 10, expected[0].mark) == expected[1:]
    assert len(expected) > 1


async def test_an_open_pull_request_is_found_with_its_verdict(memory: Memory) -> None:
    await memory.known.refresh()
    memory.lose_the_store()
    record = await memory.known.reading().pull(PullKey("acme", "rocket", 399))
    assert record is not None
    assert record.verdict is not None
    assert (record.pull.number, record.verdict.summary) == (399, "It has the label do-not-merge/hold.")
    assert record.read_at == NOW - timedelta(seconds=12)


async def test_the_runs_that_are_known_of_a_head_and_a_base_are_told_newest_first(memory: Memory) -> None:
    older, newer = (make_run(state=RunState.PENDING, name=name) for name in ("older", "newer"))
    memory.views.runs[:] = [older, newer]
    await memory.known.refresh()
    memory.lose_the_store()
    views = memory.known.reading()
    key = PullKey(POOL.org, POOL.repo, 1)
    assert await views.runs_of_head(key, sha(1), 10) == (newer, older)
    assert await views.runs_of_head(key, sha(1), 1) == (newer,)
    assert await views.runs_on([Base(POOL, BASE)]) == (newer, older)


async def test_what_is_not_kept_stays_an_error(memory: Memory) -> None:
    memory.lose_the_store()
    with pytest.raises(StoreError):
        await memory.known.reading().pools()
    memory.views.is_broken = False
    await memory.known.refresh()
    memory.views.is_broken = True
    views = memory.known.reading()
    for ask in (
        views.decisions(None, 10, None),
        views.pull(PullKey("acme", "rocket", 1)),
        views.pool(PoolKey("acme", "rocket", "gone")),
    ):
        with pytest.raises(StoreError):
            await ask


async def test_a_store_that_answers_no_pool_is_believed(memory: Memory) -> None:
    await memory.known.refresh()
    memory.views.pool_views.clear()
    assert await memory.known.reading().pool(ROCKET) is None


async def test_with_the_store_the_fresh_state_is_back(memory: Memory) -> None:
    await memory.known.refresh()
    memory.lose_the_store()
    await memory.known.reading().pools()
    memory.views.is_broken = False
    memory.views.pool_views[:] = [PoolView(DOCS, "", "WAIT", "")]
    views = memory.known.reading()
    assert [view.pool for view in await views.pools()] == [DOCS]
    assert views.as_of is None
    assert memory.told[-1] == ""


async def test_the_last_sync_of_whoever_leads_is_seen_in_the_pools(memory: Memory) -> None:
    assert memory.known.last_sync is None
    await memory.known.refresh()
    assert memory.known.last_sync == NOW
    memory.views.pool_views[:] = [replace(view, synced_at=None) for view in memory.views.pool_views]
    await memory.known.refresh()
    assert memory.known.last_sync is None


async def test_what_asks_the_store_nothing_is_no_sign_of_life(memory: Memory) -> None:
    memory.lose_the_store()
    views = memory.known.reading()
    assert await views.runs_on(()) == ()
    assert (memory.told, views.as_of) == ([], None)


@dataclass
class SlowViews(KeptViews):
    """A store that answers only when it is let; questions about pools are counted, and those that were given up."""

    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    asked: int = 0
    given_up: int = 0

    async def pools(self) -> tuple[PoolView, ...]:
        self.asked += 1
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        return await super().pools()


NO_PATIENCE, PATIENCE = Waits(timedelta(0), timedelta(0), timedelta(hours=1)), Waits(*[timedelta(hours=1)] * 3)


class Slow:
    """What is known of a store that takes long, in which there is one pool."""

    def __init__(self, waits: Waits = NO_PATIENCE) -> None:
        self.views, self.clock, self.told = SlowViews(), StandingClock(), list[str]()
        self.views.pool_views.append(PoolView(DOCS, "", "WAIT", "", synced_at=NOW))
        self.known = LastKnown(self.views, self.clock, self.told.append, waits=waits)

    async def read_once(self) -> None:
        waits, self.known.contact.waits = self.known.contact.waits, PATIENCE
        self.views.may_answer.set()
        await self.known.refresh()
        self.known.contact.waits = waits
        self.views.may_answer.clear()
        self.told.clear()
        self.clock.moment = NOW + FOUR_MINUTES

    async def end(self) -> None:
        self.views.may_answer.set()
        await until(lambda: not self.known.contact.is_slow)


async def until(is_so: Callable[[], bool]) -> None:
    """Let all others go on until it is so."""
    while not is_so():  # noqa: ASYNC110 - the others ring no bell
        await asyncio.sleep(0)


async def test_a_reader_does_not_wait_for_ever_where_nothing_is_known() -> None:
    slow = Slow()
    with pytest.raises(StoreError, match="no answer within"):
        await slow.known.reading().pools()
    assert slow.told == []
    await slow.end()
    assert slow.known.last_sync == NOW


async def test_a_slow_store_is_no_dead_one_and_all_are_told_at_once_what_is_known() -> None:
    slow = Slow()
    await slow.read_once()
    before = slow.views.asked
    for _ in range(5):
        views = slow.known.reading()
        assert [view.pool for view in await views.pools()] == [DOCS]
        assert views.as_of == NOW
    assert slow.views.asked == before + 1
    assert slow.told == []
    assert not slow.known.contact.is_lost
    slow.views.pool_views[0] = replace(slow.views.pool_views[0], reason="later")
    await slow.end()
    assert slow.told == [""]
    slow.known.contact.waits = PATIENCE
    views = slow.known.reading()
    assert [view.reason for view in await views.pools()] == ["later"]
    assert views.as_of is None


async def test_a_store_that_says_nothing_for_long_is_told_of_and_taken_back() -> None:
    slow = Slow(replace(NO_PATIENCE, dead=timedelta(0)))
    await slow.read_once()
    await slow.known.reading().pools()
    await until(lambda: bool(slow.told))
    assert slow.told == ["database: no answer within 0 s"]
    assert slow.known.contact.is_lost
    await slow.end()
    assert slow.told[-1] == ""
    assert not slow.known.contact.is_lost


async def test_who_goes_away_leaves_no_question_behind() -> None:
    slow = Slow(PATIENCE)
    reader = asyncio.ensure_future(slow.known.reading().pools())
    await until(lambda: slow.views.asked > 0)
    reader.cancel()
    await asyncio.wait({reader})
    await until(lambda: slow.views.given_up > 0)
    assert not slow.known.contact.is_slow


@pytest.mark.parametrize(("has_looked", "is_searched"), [(False, True), (None, False)])
async def test_no_pools_are_no_answer_before_everything_was_looked_at(
    *, has_looked: bool | None, is_searched: bool
) -> None:
    told: list[str] = []
    views = KeptViews(is_searched=is_searched)
    known = LastKnown(views, StandingClock(), told.append, has_looked=lambda: has_looked)
    for ask in (known.reading().pools(), known.reading().pool(DOCS), known.reading().pull(PullKey("a", "b", 1))):
        with pytest.raises(NothingKnownError):
            await ask
    views.is_broken = True
    with pytest.raises(StoreError):
        await known.reading().pools()
    assert told[0] == ""


@pytest.mark.parametrize(("has_looked", "is_searched"), [(True, False), (None, True)])
async def test_no_pools_are_an_answer_afterwards(*, has_looked: bool | None, is_searched: bool) -> None:
    known = LastKnown(KeptViews(is_searched=is_searched), StandingClock(), has_looked=lambda: has_looked)
    assert await known.reading().pools() == ()


async def test_pools_that_are_there_are_told_from_the_first_moment() -> None:
    view = PoolView(DOCS, "", "WAIT", "", synced_at=NOW)
    known = LastKnown(KeptViews([view]), StandingClock(), has_looked=lambda: False)
    assert await known.reading().pools() == (view,)


async def test_a_part_of_a_long_history_is_no_answer_but_beside_other_things(memory: Memory) -> None:
    record = memory.views.records[0]
    memory.views.records[:] = [replace(record, id=number) for number in range(1000)]
    await memory.known.refresh()
    memory.lose_the_store()
    views, wanted = memory.known.reading(), HistoryFilter()
    assert len(await views.history_page(wanted, 100, None)) == 100
    with pytest.raises(StoreError):
        await views.history_page(wanted, 300, None)
    with pytest.raises(StoreError):
        await views.history_page(HistoryFilter(author="nobody"), 10, None)
    assert len(await views.history_page(wanted, 300, None, may_be_cut=True)) == 200


async def test_a_part_of_many_batches_is_no_answer_but_beside_other_things(memory: Memory) -> None:
    memory.views.kept_batches[:] = [memory.views.kept_batches[0]] * 300
    await memory.known.refresh()
    memory.lose_the_store()
    views = memory.known.reading()
    assert len(await views.batches(None, 150)) == 150
    with pytest.raises(StoreError):
        await views.batches(None, 300)
    with pytest.raises(StoreError):
        await views.batches(ORBIT, 1)
    assert await views.batches(ORBIT, 1, may_be_cut=True) == ()


def test_old_answers_carry_headers_that_say_so() -> None:
    assert staleness(None, NOW) == {}
    told = staleness(NOW, NOW + FOUR_MINUTES)
    assert told["age"] == "240"
    assert told["warning"].startswith("110 ")
    assert "2026-01-02T03:04:05Z" in told["warning"]
