"""A sync that finds nothing new must leave the big tables alone: no row is written again, none is even locked."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from sqlalchemy import ColumnElement, literal_column, select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.builders import BASE, NOW, POOL, make_context, make_pull, make_run, make_snapshot, make_view, sha
from tide.adapters.postgres.engine import statements
from tide.adapters.postgres.schema import metadata
from tide.adapters.postgres.store import PostgresStore
from tide.domain.actions import Wait
from tide.domain.decisions import Decision, Place, Verdict, VerdictKind
from tide.domain.evidence import Batch, Evidence
from tide.domain.snapshot import Standing

MOVING = {"pull_reads", "decisions", "watermarks"}  # narrow rows, updated in place
VIEWS = [make_view(number, [make_context("ci/unit")]) for number in range(1, 21)]
SNAPSHOT = make_snapshot(*VIEWS, runs=[make_run("unit", view.pull.number) for view in VIEWS])
VERDICTS = tuple(
    Verdict(view.pull.key, view.pull.head_sha, VerdictKind.WAITING, Place.MISSING, "it waits") for view in VIEWS
)
DECISION = Decision(POOL, BASE, Wait("nothing to do"), missing=tuple(range(1, 21)), verdicts=VERDICTS)


async def sync(store: PostgresStore, minutes: int) -> None:
    now = NOW + timedelta(minutes=minutes)
    await store.save_pulls([view.pull for view in VIEWS], now)
    await store.set_watermark("coverage", "is:pr", now)
    await store.drop_pools([POOL], now)
    await store.set_standing(POOL, Standing())
    await store.save_runs(SNAPSHOT.runs, now)
    await store.add_evidence([Evidence("job", "tree", True, "run", "unit", POOL, BASE, NOW)])  # noqa: FBT003 - an example
    await store.save_batch(Batch(POOL, BASE, ((1, sha(1)),), ("unit",), "tree", "tree", created_at=NOW))
    await store.abandon_batches(POOL, BASE, now)
    decision_id = await store.record_decision(replace(SNAPSHOT, now=now), DECISION)
    assert decision_id == await store.record_decision(replace(SNAPSHOT, now=now + timedelta(seconds=1)), DECISION)


async def row_versions(engine: AsyncEngine) -> dict[str, list[tuple[object, ...]]]:
    """Give where each row lies, who wrote it and who locked it (Postgres: system columns)."""
    system: list[ColumnElement[str]] = [literal_column(f"{name}::text") for name in ("ctid", "xmin", "xmax")]
    async with statements(engine) as connection:
        return {
            name: sorted(map(tuple, (await connection.execute(select(*system).select_from(table))).all()))
            for name, table in metadata.tables.items()
            if name not in MOVING
        }


async def test_nothing_new_writes_nothing(engine: AsyncEngine, store: PostgresStore) -> None:
    await sync(store, 0)
    before = await row_versions(engine)
    assert {name for name, rows in before.items() if rows} == {
        "pulls",
        "verdicts",
        "snapshots",
        "pools",
        "standings",
        "runs",
        "evidence",
        "batches",
    }
    await sync(store, 1)
    await sync(store, 2)
    assert await row_versions(engine) == before


async def test_a_repeated_failure_writes_nothing(engine: AsyncEngine, store: PostgresStore) -> None:
    await sync(store, 0)
    await store.record_failure(POOL, "GitHub is down", NOW)
    before = await row_versions(engine)
    await store.record_failure(POOL, "GitHub is down", NOW + timedelta(minutes=1))
    assert await row_versions(engine) == before


@pytest.mark.parametrize("seed", range(3))
async def test_readings_that_overlap_leave_the_newest_and_never_deadlock(store: PostgresStore, seed: int) -> None:
    readings = [
        (
            [make_pull(number, [make_context("ci/unit", description=f"seen at {second}")]) for number in range(1, 31)],
            NOW + timedelta(seconds=second),
        )
        for second in range(12)
    ]
    shuffled = Random(seed)  # noqa: S311 - only an order
    for pulls, _ in readings:
        shuffled.shuffle(pulls)
    shuffled.shuffle(readings)
    await asyncio.gather(*(store.save_pulls(pulls, read_at) for pulls, read_at in readings))
    seen = {pull.contexts[0].description for pull in await store.open_pulls()}
    assert seen == {"seen at 11"}


async def test_many_recorders_of_many_pools_do_not_disturb_each_other(store: PostgresStore) -> None:
    pools = [replace(POOL, repo=f"repo-{number}") for number in range(30)]
    ids = await asyncio.gather(
        *(store.record_decision(replace(SNAPSHOT, pool=pool), replace(DECISION, pool=pool)) for pool in pools)
    )
    assert len(set(ids)) == len(pools)
