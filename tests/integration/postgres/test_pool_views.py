"""All pools, read again only as far as they have changed."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.bench.full_store import fill
from tests.builders import NOW
from tide.adapters.postgres.store import PostgresStore
from tide.adapters.postgres.views import PostgresViews

LATER = NOW + timedelta(minutes=5)


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
