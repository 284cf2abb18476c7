from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import func, select

from tests.builders import (
    BASE,
    NOW,
    POOL,
    SUCCESS,
    make_context,
    make_pull,
    make_run,
    make_snapshot,
    make_view,
    sha,
)
from tide.adapters.postgres.engine import statements
from tide.adapters.postgres.inbox import PostgresInbox
from tide.adapters.postgres.schema import snapshots
from tide.adapters.postgres.store import PostgresStore
from tide.adapters.postgres.views import PostgresViews
from tide.domain.actions import Wait
from tide.domain.decisions import Decision
from tide.domain.evidence import Batch, BatchState, Evidence
from tide.domain.intents import Intent, IntentKind
from tide.domain.keys import HeadKey
from tide.domain.leases import Lease
from tide.domain.records import HistoryRecord
from tide.domain.runs import Purpose, RunState
from tide.ports.inbox import Delivery

WAIT = Decision(POOL, BASE, Wait("nothing to do"))
OLD, LATER = NOW - timedelta(days=40), NOW + timedelta(seconds=1)


async def snapshots_kept(store: PostgresStore) -> int:
    async with statements(store.engine) as connection:
        return (await connection.execute(select(func.count()).select_from(snapshots))).scalar_one()


async def decide(store: PostgresStore, number: int, at: datetime) -> int:
    return await store.record_decision(make_snapshot(make_view(number), now=at), WAIT)


async def test_old_decisions_and_their_snapshots_go(store: PostgresStore, views: PostgresViews) -> None:
    await decide(store, 1, OLD)
    kept = [await decide(store, 2, NOW - timedelta(days=29)), await decide(store, 3, NOW)]
    gone = await store.prune(LATER)
    assert (gone["decisions"], gone["snapshots"]) == (1, 1)
    assert [record.id for record in await views.decisions(POOL, 10, None)] == kept[::-1]
    assert await snapshots_kept(store) == 2


async def test_what_a_pool_shows_stays_however_old(store: PostgresStore, views: PostgresViews) -> None:
    await decide(store, 1, OLD)
    await store.prune(NOW)
    (shown,) = await views.pools()
    assert shown.action == "WAIT"
    assert await snapshots_kept(store) == 1


async def test_a_snapshot_stays_as_long_as_any_decision_rests_on_it(store: PostgresStore) -> None:
    await decide(store, 1, OLD)
    await decide(store, 2, OLD)
    kept = await decide(store, 1, OLD)
    await store.prune(NOW)
    assert await snapshots_kept(store) == 1
    assert (await store.recorded(kept))[0].pulls == (make_view(1),)


async def test_closed_pulls_go_with_their_verdicts(store: PostgresStore, views: PostgresViews) -> None:
    await store.save_pulls([make_pull(1), make_pull(2), make_pull(3)], OLD)
    await store.drop_pulls([make_pull(1).key], OLD)
    await store.drop_pulls([make_pull(2).key], NOW)
    gone = await store.prune(NOW)
    assert (gone["pulls"], gone["pull_reads"]) == (1, 1)
    assert await views.pull(make_pull(1).key) is None
    assert await views.pull(make_pull(2).key) is not None
    assert await store.open_pulls() == (make_pull(3),)


async def test_runs_go_unless_they_test_the_head_of_an_open_pull(store: PostgresStore) -> None:
    await store.save_pulls([make_pull(1)], OLD)
    first = [make_run("unit", number, purpose=Purpose.FIRST) for number in (1, 2)]
    await store.save_runs(first, OLD)
    assert (await store.prune(NOW))["runs"] == 1
    assert await store.first_runs(POOL, [sha(1), sha(2)]) == ((sha(1), "unit"),)


async def test_what_is_under_way_stays(store: PostgresStore, lease: Lease) -> None:
    batch = Batch(POOL, BASE, ((1, sha(1)),), (), "tree", "tree", created_at=OLD)
    await store.save_batch(batch)
    await store.save_batch(replace(batch, members=((2, sha(2)),), state=BatchState.FAILED, ended_at=OLD))
    await store.begin(Intent(IntentKind.MERGE, POOL, "#1", "", OLD, lease.token))
    await store.finish(await store.begin(Intent(IntentKind.MERGE, POOL, "#2", "", OLD, lease.token)), "merged", OLD)
    await store.add_evidence([Evidence("job", "tree", True, "run", "unit", POOL, BASE, OLD)])  # noqa: FBT003 - an example
    gone = await store.prune(NOW)
    assert (gone["batches"], gone["intents"], gone["evidence"]) == (1, 1, 1)
    assert await store.batches(POOL, BASE) == (batch,)
    assert [intent.subject for intent in await store.open_intents(POOL)] == ["#1"]


async def test_old_history_stays_as_long_as_there_is_little_of_it(store: PostgresStore, views: PostgresViews) -> None:
    await store.add_history(HistoryRecord(POOL, OLD, "MERGE", BASE, ()))
    assert (await store.prune(NOW))["history"] == 0
    assert len(await views.history()) == 1


async def test_as_much_old_history_stays_per_pool_as_is_wanted(store: PostgresStore, views: PostgresViews) -> None:
    for seconds in range(3):
        await store.add_history(HistoryRecord(POOL, OLD + timedelta(seconds=seconds), "MERGE", BASE, ()))
    assert (await store.prune(NOW, history_per_pool=2))["history"] == 1
    assert [record.time for record in await views.history()] == [OLD + timedelta(seconds=2), OLD + timedelta(seconds=1)]


async def test_old_failures_do_not_take_the_room_of_what_tide_would_keep(
    store: PostgresStore, views: PostgresViews
) -> None:
    for seconds, action in enumerate(("MERGE", "MERGE", "TEST_FAILED", "BATCH_FAILED")):
        await store.add_history(HistoryRecord(POOL, OLD + timedelta(seconds=seconds), action, BASE, ()))
    assert (await store.prune(NOW, history_per_pool=2))["history"] == 2
    assert [record.action for record in await views.history()] == ["MERGE", "MERGE"]


async def test_pools_dropped_long_ago_go(store: PostgresStore, views: PostgresViews) -> None:
    await decide(store, 1, OLD)
    await store.drop_pools([], OLD)
    gone = await store.prune(NOW)
    assert (gone["pools"], gone["decisions"], gone["snapshots"]) == (1, 1, 1)
    assert await views.decisions(None, 10, None) == ()


async def test_runs_of_an_old_state_are_not_live_for_ever(store: PostgresStore, views: PostgresViews) -> None:
    await store.save_runs([make_run("unit", 1, RunState.PENDING)], OLD)
    await store.prune(NOW)
    assert await views.live_runs() == ()


async def test_deliveries_are_kept_as_long_as_they_may_come_once_more(store: PostgresStore) -> None:
    inbox = PostgresInbox(store.engine)
    old, recent = Delivery("old", "push", NOW - timedelta(days=5)), Delivery("recent", "push", NOW - timedelta(days=3))
    assert await inbox.take(old, None)
    assert await inbox.take(recent, None)
    assert (await store.prune(NOW))["deliveries"] == 1
    assert not await inbox.take(recent, None)
    assert await inbox.take(old, None)


async def test_hints_that_nobody_has_followed_for_days_go(store: PostgresStore) -> None:
    inbox = PostgresInbox(store.engine)
    await inbox.take(Delivery("old", "push", NOW - timedelta(days=5)), POOL)
    await inbox.take(Delivery("recent", "push", NOW - timedelta(days=3)), make_pull(1).key)
    assert (await store.prune(NOW))["hints"] == 1
    assert [hint for _, hint in await inbox.waiting()] == [make_pull(1).key]


async def test_what_is_asked_for_stays_as_long_as_its_head_is_open(store: PostgresStore) -> None:
    await store.save_pulls([make_pull(1)], NOW)
    await store.ask_again(make_pull(1).key, sha(1), ["unit"], NOW)
    await store.ask_again(make_pull(1).key, sha("old"), ["unit"], NOW)
    assert (await store.prune(NOW + timedelta(days=60)))["retests"] == 1
    assert await store.asked_again(POOL, [sha(1), sha("old")]) == ((sha(1), "unit"),)


async def test_old_counts_of_statuses_go(store: PostgresStore) -> None:
    head, status = HeadKey("acme", "rocket", sha(1)), make_context("tide", SUCCESS, "In merge pool.")
    await store.status_written(head, status, NOW - timedelta(days=40))
    await store.status_written(replace(head, sha=sha(2)), status, NOW)
    assert (await store.prune(NOW))["statuses"] == 1
    assert await store.statuses_written(head) == 0
