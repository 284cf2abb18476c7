"""The marks of pools: each kind of change shows, whoever makes it, and nothing else does."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import BASE, NOW, POOL, make_context, make_pull, make_run, sha
from tide.domain.evidence import Batch, BatchState
from tide.domain.intents import Intent, IntentKind
from tide.domain.keys import HeadKey, PoolKey, PullKey
from tide.domain.leases import Lease
from tide.domain.pulls import ContextState
from tide.domain.runs import Purpose, RunState
from tide.domain.snapshot import Standing, StandingKind
from tide.ports.store import Store

LATER = NOW + timedelta(minutes=1)
RELEASE = replace(POOL, branch="release-1.0")
FIRST = make_run(purpose=Purpose.FIRST, state=RunState.FAILURE)
Change = Callable[[Store], Awaitable[object]]


@pytest.fixture
async def filled(store: Store) -> Store:
    pulls = [make_pull(1, [make_context("unit")]), make_pull(2), make_pull(3, base_branch="release-1.0")]
    await store.save_pulls(pulls, NOW)
    await store.set_standing(RELEASE, Standing(StandingKind.PROVEN))
    await store.save_runs([FIRST], NOW)
    return store


async def test_the_pools_that_have_marks_are_those_of_open_pull_requests(filled: Store) -> None:
    orbit = replace(make_pull(5), key=PullKey("acme", "orbit", 5))
    await filled.save_pulls([orbit, make_pull(4, base_branch="old", is_open=False)], NOW)
    assert {str(pool) for pool in await filled.marks()} == {
        "acme/rocket:main",
        "acme/rocket:release-1.0",
        "acme/orbit:main",
    }


async def test_some_are_asked_for_as_all_are(filled: Store) -> None:
    everything = await filled.marks()
    assert await filled.marks([POOL, replace(POOL, branch="gone")]) == {POOL: everything[POOL]}
    assert await filled.marks([]) == {}


async def test_a_mark_stays_while_nothing_changes(filled: Store) -> None:
    before = await filled.marks()
    assert all(before.values())
    await filled.save_pulls([make_pull(1, [make_context("unit")]), make_pull(2)], LATER)
    await filled.save_runs([FIRST], LATER)
    await filled.drop_pulls([PullKey("acme", "rocket", 99)], LATER)
    assert await filled.marks() == before


async def go_and_come_back(store: Store) -> None:
    await store.save_pulls([make_pull(1, [make_context("unit", ContextState.PENDING)])], LATER)
    await store.save_pulls([make_pull(1, [make_context("unit")])], LATER)


CHANGES: dict[str, Change] = {
    "a context turns": lambda store: store.save_pulls(
        [make_pull(1, [make_context("unit", ContextState.FAILURE)])], LATER
    ),
    "a label comes": lambda store: store.save_pulls([make_pull(2, labels=("lgtm", "hold"))], LATER),
    "one is opened": lambda store: store.save_pulls([make_pull(9)], LATER),
    "one is closed": lambda store: store.drop_pulls([PullKey("acme", "rocket", 2)], LATER),
    "one goes to another branch": lambda store: store.save_pulls([make_pull(2, base_branch="release-1.0")], LATER),
    "one changes and is as it was": go_and_come_back,
    "our status is written": lambda store: store.status_written(
        HeadKey("acme", "rocket", sha(1)), make_context("tide"), LATER
    ),
    "the branch is doubted": lambda store: store.set_standing(POOL, Standing(StandingKind.UNPROVEN, "pushed")),
    "a job is asked for again": lambda store: store.ask_again(
        PullKey("acme", "rocket", FIRST.heads[0][0]), FIRST.heads[0][1], ["unit"], LATER
    ),
    "a first run is started": lambda store: store.save_runs([replace(FIRST, name="another")], LATER),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
async def test_a_change_changes_the_mark(filled: Store, change: Change) -> None:
    before = await filled.marks()
    await change(filled)
    assert (await filled.marks())[POOL] != before[POOL]


async def test_a_pool_has_no_mark_while_anything_is_under_way(filled: Store, lease: Lease) -> None:
    await filled.save_runs([make_run(name="live", state=RunState.PENDING)], NOW)
    assert await mark_of(filled) == ""
    await filled.save_runs([make_run(name="live", state=RunState.SUCCESS)], LATER)
    assert await mark_of(filled) != ""
    batch = Batch(POOL, BASE, ((1, sha(1)), (2, sha(2))), ("unit",), "tree", "tree", state=BatchState.TESTING)
    await filled.save_batch(batch)
    assert await mark_of(filled) == ""
    await filled.save_batch(replace(batch, state=BatchState.FAILED))
    assert await mark_of(filled) != ""
    intent = Intent(IntentKind.MERGE, POOL, "#1", "{}", NOW, lease.token, latest_at=NOW)
    begun = await filled.begin(intent)
    assert await mark_of(filled) == ""
    await filled.finish(begun, "merged", LATER)
    assert await mark_of(filled) != ""
    await filled.begin(replace(intent, kind=IntentKind.STATUS))
    assert await mark_of(filled) != "", "a status is written beside the syncs"


async def mark_of(store: Store, pool: PoolKey = POOL) -> str:
    return (await store.marks())[pool]
