import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import BASE, NOW, POOL, sha
from tide.domain.keys import RepoKey
from tide.domain.records import TIDE_ACTIONS, HistoryFilter, HistoryRecord, HistoryState, HistoryTarget
from tide.ports.store import Store
from tide.ports.views import Views

LATER = NOW + timedelta(minutes=1)
RELEASE = replace(POOL, branch="release-1.0")


async def test_history_is_told_newest_first_and_counted_per_pool(store: Store, views: Views) -> None:
    target = HistoryTarget(1, "alice", sha(1), "Change 1", "change-1")
    first = HistoryRecord(POOL, NOW, "TRIGGER", BASE, (target,), tenant_ids=("",))
    second = HistoryRecord(POOL, LATER, "MERGE", BASE, (target, target), "refused", "it passes", ("blue",))
    third = HistoryRecord(RELEASE, LATER, "MERGE", BASE, ())
    for record in (first, second, third):
        await store.add_history(record)
    everything = await views.history()
    assert [replace(record, id=0) for record in everything] == [third, second, first]
    assert [record.action for record in await views.history(POOL, 1)] == ["MERGE"]
    assert [replace(record, id=0) for record in await views.history(limit=1)] == [third, second]
    assert [replace(record, id=0) for record in await views.recent_history(2)] == [third, second]


FILTERS = [
    (HistoryFilter(), ["merged", "failed", "tested", "elsewhere"]),
    (HistoryFilter(repo=POOL.repository), ["merged", "failed", "tested"]),
    (HistoryFilter(repo=RepoKey("acme", "rockets")), ["elsewhere"]),
    (HistoryFilter(branch=RELEASE.branch), ["failed"]),
    (HistoryFilter(pull=2), ["failed", "tested"]),
    (HistoryFilter(author="alice"), ["merged", "tested"]),
    (HistoryFilter(pull=2, author="alice"), ["tested"]),
    (HistoryFilter(action="MERGE"), ["merged", "failed"]),
    (HistoryFilter(has_failed=True), ["failed"]),
    (HistoryFilter(has_failed=False), ["merged", "tested", "elsewhere"]),
]


@pytest.mark.parametrize(("wanted", "reasons"), FILTERS)
async def test_history_is_told_as_far_as_it_is_wanted(
    store: Store, views: Views, wanted: HistoryFilter, reasons: list[str]
) -> None:
    one, two = HistoryTarget(1, "alice", sha(1), "", ""), HistoryTarget(2, "bob", sha(2), "", "")
    other = replace(POOL, repo="rockets")
    for record in (
        HistoryRecord(POOL, NOW, "MERGE", BASE, (one,), reason="merged"),
        HistoryRecord(RELEASE, NOW - timedelta(seconds=1), "MERGE", BASE, (two,), "refused", "failed"),
        HistoryRecord(POOL, NOW - timedelta(seconds=2), "TRIGGER_BATCH", BASE, (one, two), reason="tested"),
        HistoryRecord(other, NOW - timedelta(seconds=3), "TRIGGER", BASE, (), reason="elsewhere"),
    ):
        await store.add_history(record)
    found = await views.history_page(wanted, 10, None)
    assert [record.reason for record in found] == reasons
    assert [record for record in await views.history() if wanted.wants(record)] == list(found)


async def test_what_tide_tells_is_counted_by_itself(store: Store, views: Views) -> None:
    for seconds, action in enumerate(("TRIGGER", "MERGE", "TEST_FAILED", "BATCH_FAILED")):
        await store.add_history(HistoryRecord(POOL, NOW + timedelta(seconds=seconds), action, BASE, ()))
    assert [record.action for record in await views.history(POOL, 2)] == ["BATCH_FAILED", "TEST_FAILED"]
    assert [record.action for record in await views.history(None, 2, only=TIDE_ACTIONS)] == ["MERGE", "TRIGGER"]


async def test_pages_of_history_leave_nothing_out_and_repeat_nothing(store: Store, views: Views) -> None:
    # Taken over last, though of an earlier time: ids do not follow the times.
    for seconds in (3, 3, 3, 5, 1, 4, 3):
        await store.add_history(HistoryRecord(POOL, NOW + timedelta(seconds=seconds), "MERGE", BASE, ()))
    told: list[HistoryRecord] = []
    while page := await views.history_page(HistoryFilter(), 2, told[-1].mark if told else None):
        told += page
    assert told == list(await views.history())
    assert len(told) == 7


async def test_history_is_taken_over_exactly_once(store: Store, views: Views) -> None:
    one, two = HistoryTarget(1, "alice", sha(1), "", ""), HistoryTarget(2, "bob", sha(2), "", "")
    ours = HistoryRecord(POOL, NOW, "MERGE_BATCH", BASE, (two, one), reason="ours", tenant_ids=("",))
    await store.add_history(ours)
    as_read_again = replace(ours, targets=(one, two), reason="")
    elsewhere = replace(ours, time=NOW + timedelta(microseconds=1), targets=(one,))
    released = replace(ours, pool=RELEASE)
    assert await store.take_over_history((as_read_again, elsewhere, released)) == 2
    assert await store.take_over_history((as_read_again, elsewhere, released)) == 0
    assert [replace(record, id=0) for record in await views.history(POOL)] == [elsewhere, ours]
    assert [replace(record, id=0) for record in await views.history(RELEASE)] == [released]


async def test_many_records_taken_over_keep_the_order_of_their_times(store: Store, views: Views) -> None:
    times = [NOW + timedelta(seconds=second) for second in range(2500)]
    records = [HistoryRecord(POOL, time, "TRIGGER", BASE, ()) for time in times]
    taken = await asyncio.gather(store.take_over_history(records), store.take_over_history(records))
    assert sorted(taken) == [0, 2500]
    told = await views.history(POOL, 3000)
    assert [record.time for record in told] == times[::-1]
    assert [record.id for record in told] == sorted((record.id for record in told), reverse=True)


async def test_history_is_read_on_from_where_it_was_left(store: Store, views: Views) -> None:
    assert await views.history_state() == HistoryState(0, 0)
    for seconds in range(3):
        await store.add_history(HistoryRecord(POOL, NOW + timedelta(seconds=seconds), "MERGE", BASE, ()))
    state, read = await views.history_state(), await views.history_after(0, 2)
    rest = await views.history_after(read[-1].id, 2)
    assert (*read, *rest) == (await views.history())[::-1]
    assert state == HistoryState(3, rest[-1].id)
