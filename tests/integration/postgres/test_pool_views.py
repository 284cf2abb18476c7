"""All pools, read again only as far as they have changed."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.bench.full_store import fill
from tests.builders import NOW, POOL, make_pull, make_snapshot
from tide.adapters.postgres.store import PostgresStore
from tide.adapters.postgres.views import PostgresViews
from tide.domain.actions import Wait
from tide.domain.decisions import Decision, Place, Verdict, VerdictKind
from tide.domain.snapshot import Standing, StandingKind

PULL = make_pull(1)
VERDICT = Verdict(PULL.key, PULL.head_sha, VerdictKind.IN_POOL, Place.PASSING, "It passes.")
DECISION = Decision(POOL, "b" * 40, Wait("Nothing to do."), passing=(1,), verdicts=(VERDICT,))
LATER = NOW + timedelta(minutes=5)


@pytest.fixture
async def decided(store: PostgresStore) -> PostgresStore:
    await store.save_pulls([PULL, make_pull(2)], NOW)
    await store.record_decision(make_snapshot(), DECISION)
    return store


async def test_as_long_as_nothing_changes_the_same_value_is_given(decided: PostgresStore, views: PostgresViews) -> None:
    first = await views.pools()
    await decided.save_pulls([PULL, make_pull(2)], LATER)  # read again, and the same
    assert await views.pools() is first
    assert await views.pool(POOL) is first[0]


Change = Callable[[PostgresStore], Awaitable[object]]

CHANGES: dict[str, Change] = {
    "a title": lambda store: store.save_pulls([make_pull(2, title="Another", updated_at=LATER)], LATER),
    "another pull request": lambda store: store.save_pulls([make_pull(3)], LATER),
    "one that is closed": lambda store: store.drop_pulls([make_pull(2).key], LATER),
    "one that is passing and closed": lambda store: store.drop_pulls([PULL.key], LATER),
    "when it was looked at": lambda store: store.record_decision(replace(make_snapshot(), now=LATER), DECISION),
    "a verdict": lambda store: store.record_decision(
        make_snapshot(), replace(DECISION, verdicts=(replace(VERDICT, summary="It waits."),))
    ),
    "a lane": lambda store: store.record_decision(make_snapshot(), replace(DECISION, passing=(), pending=(1, 2))),
    "a failure": lambda store: store.record_failure(POOL, "HTTP 502", LATER),
    "no pool": lambda store: store.drop_pools((), LATER),
    "a standing": lambda store: store.set_standing(POOL, Standing(StandingKind.FROZEN, "Look at it.", (), NOW)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_every_change_is_seen_as_by_who_reads_all_anew(
    decided: PostgresStore,
    views: PostgresViews,
    engine: AsyncEngine,
    change: Callable[[PostgresStore], Awaitable[None]],
) -> None:
    before = await views.pools()
    await change(decided)
    after = await views.pools()
    assert after != before
    assert after == await PostgresViews(engine).pools()


async def test_what_is_closed_and_still_named_is_seen_to_change(
    decided: PostgresStore, views: PostgresViews, engine: AsyncEngine
) -> None:
    await decided.save_pulls([make_pull(1, is_open=False, is_merged=True, updated_at=LATER)], LATER)
    await views.pools()
    await decided.save_pulls([make_pull(1, is_open=False, is_merged=True, title="New", updated_at=LATER)], LATER)
    assert [pull.title for pull in (await views.pools())[0].passing] == ["New"]


async def test_only_what_changed_is_read_again(engine: AsyncEngine, views: PostgresViews) -> None:
    await fill(engine, pulls=600, pools=3)
    first = await views.pools()
    before = {pull.key: pull for view in first for pull in view.outside}
    changed = next(iter(before.values()))
    await PostgresStore(engine).save_pulls([replace(changed, title="New", updated_at=LATER)], LATER)
    second = await views.pools()
    assert [one is other for one, other in zip(first, second, strict=True)] == [False, True, True]
    after = {pull.key: pull for view in second for pull in view.outside}
    assert after[changed.key].title == "New"
    assert [key for key, pull in after.items() if pull is not before[key]] == [changed.key]


async def test_the_history_tells_when_it_has_changed(engine: AsyncEngine, views: PostgresViews) -> None:
    assert (await views.history_state()).count == 0
    await fill(engine, pulls=2, pools=2, records=30)
    state = await views.history_state()
    read = await views.history_after(0, 20)
    rest = await views.history_after(read[-1].id, 20)
    assert (state.count, state.newest) == (30, rest[-1].id)
    assert {*read, *rest} == set(await views.history())
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM history WHERE id = :id"), {"id": read[0].id})
    assert (await views.history_state()).count == 29


async def test_a_reading_that_is_cut_short_is_gone_on_with(engine: AsyncEngine, views: PostgresViews) -> None:
    await fill(engine, pulls=900, pools=3)
    read = list[int]()

    def note(_connection: object, _cursor: object, statement: str, parameters: dict[str, str], *_rest: object) -> None:
        if "head_sha" in statement and "rows" in parameters:
            read.append(len(json.loads(parameters["rows"])))
            if len(read) == 3:
                asked.cancel()

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    asked = asyncio.ensure_future(views.pools())
    with pytest.raises(asyncio.CancelledError):
        await asked
    begun, whole = sum(read[:2]), await views.pools()
    event.remove(engine.sync_engine, "before_cursor_execute", note)
    assert sum(read[3:]) == 900 - begun
    assert whole == await PostgresViews(engine).pools()
