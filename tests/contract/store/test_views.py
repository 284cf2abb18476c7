"""What people and machines read of the store."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import BASE, NOW, POOL, make_pull, make_run, make_snapshot, sha
from tests.stores import Backend
from tide.domain.actions import Wait
from tide.domain.decisions import Decision, Place, Verdict, VerdictKind
from tide.domain.evidence import Batch, BatchState
from tide.domain.keys import PullKey
from tide.domain.records import HistoryRecord, PoolView
from tide.domain.runs import RunState
from tide.domain.snapshot import Standing, StandingKind
from tide.ports.store import Store
from tide.ports.views import Views

PULL = make_pull(1)
VERDICT = Verdict(PULL.key, PULL.head_sha, VerdictKind.IN_POOL, Place.PASSING, "It passes.")
DECISION = Decision(POOL, "b" * 40, Wait("Nothing to do."), passing=(1,), verdicts=(VERDICT,))
LATER = NOW + timedelta(minutes=5)


@pytest.fixture
async def decided(store: Store) -> Store:
    await store.save_pulls([PULL, make_pull(2)], NOW)
    await store.record_decision(make_snapshot(), DECISION)
    return store


async def test_as_long_as_nothing_changes_the_same_value_is_given(decided: Store, views: Views) -> None:
    first = await views.pools()
    await decided.save_pulls([PULL, make_pull(2)], LATER)  # read again, and the same
    assert await views.pools() is first
    assert await views.pool(POOL) is first[0]


Change = Callable[[Store], Awaitable[object]]
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
    decided: Store,
    views: Views,
    backend: Backend,
    change: Callable[[Store], Awaitable[None]],
) -> None:
    before = await views.pools()
    await change(decided)
    after = await views.pools()
    assert after != before
    assert after == await backend.open_views().pools()


async def test_what_is_closed_and_still_named_is_seen_to_change(decided: Store, views: Views) -> None:
    await decided.save_pulls([make_pull(1, is_open=False, is_merged=True, updated_at=LATER)], LATER)
    await views.pools()
    await decided.save_pulls([make_pull(1, is_open=False, is_merged=True, title="New", updated_at=LATER)], LATER)
    assert [pull.title for pull in (await views.pools())[0].passing] == ["New"]


async def test_a_pool_with_a_history_or_a_bad_standing_stays_when_its_pull_requests_are_gone(
    decided: Store, views: Views, backend: Backend
) -> None:
    frozen, proven = replace(POOL, branch="frozen"), replace(POOL, branch="proven")
    await views.pools()
    await decided.add_history(HistoryRecord(POOL, NOW, "MERGE", BASE, ()))
    await decided.set_standing(frozen, Standing(StandingKind.FROZEN, "Look at it.", (), NOW))
    await decided.set_standing(proven, Standing(StandingKind.PROVEN, "", (), NOW))
    await decided.drop_pools((), LATER)
    at_rest = [PoolView.at_rest(frozen, Standing(StandingKind.FROZEN, "Look at it.", (), NOW)), PoolView.at_rest(POOL)]
    assert list(await views.pools()) == at_rest
    assert list(await backend.open_views().pools()) == at_rest
    await decided.record_decision(make_snapshot(), DECISION)
    assert [(view.pool, view.action != "" and bool(view.synced_at)) for view in await views.pools()] == [
        (frozen, False),
        (POOL, True),
    ]


RUN = make_run(state=RunState.PENDING)
BATCH = Batch(POOL, BASE, ((1, sha(1)), (2, sha(2))), ("unit",), "t", "t")
OTHER_CHANGES: dict[str, Change] = {
    "a run that begins": lambda store: store.save_runs([replace(RUN, name="another")], NOW),
    "a run that ends": lambda store: store.save_runs([replace(RUN, state=RunState.FAILURE)], LATER),
    "a batch": lambda store: store.save_batch(replace(BATCH, base_sha=sha("other"))),
    "what became of a batch": lambda store: store.save_batch(replace(BATCH, state=BatchState.FAILED)),
    "history": lambda store: store.add_history(HistoryRecord(POOL, NOW, "TRIGGER", BASE, ())),
}
ALL_CHANGES = CHANGES | OTHER_CHANGES


@pytest.mark.parametrize("change", ALL_CHANGES.values(), ids=ALL_CHANGES)
async def test_the_state_tells_of_every_change(decided: Store, views: Views, change: Change) -> None:
    await decided.save_runs([RUN], NOW)
    await decided.save_batch(BATCH)
    before = await views.state()
    assert await views.state() == before
    await change(decided)
    assert await views.state() != before


async def test_a_search_has_ended_when_a_watermark_says_so(store: Store, views: Views) -> None:
    assert not await views.has_searched()
    await store.set_watermark("open", "", NOW)
    assert not await views.has_searched()
    await store.set_watermark("open", "repo:acme/rocket", NOW)
    assert await views.has_searched()


async def test_pull_requests_are_found_by_number_in_all_repositories(store: Store, views: Views) -> None:
    other = make_pull(7, key=PullKey("acme", "docs", 7))
    await store.save_pulls([make_pull(7), other, make_pull(77)], NOW)
    await store.drop_pulls([other.key], LATER)
    assert [pull.key for pull in await views.pulls_numbered(7, 10)] == [make_pull(7).key, other.key]
    assert len(await views.pulls_numbered(7, 1)) == 1
    assert await views.pulls_numbered(8, 10) == ()


async def test_one_is_found_in_any_case_and_first_as_it_is_spelled(store: Store, views: Views) -> None:
    one, other = make_pull(7), make_pull(7, key=PullKey("Acme", "Docs", 7))
    await store.save_pulls([one, other], NOW)
    for asked, found in ((one.key, one), (PullKey("ACME", one.key.repo.upper(), 7), one), (other.key, other)):
        record = await views.pull(asked)
        assert record is not None
        assert record.pull == found
    assert await views.pull(PullKey("ACME", "other", 7)) is None


async def test_runs_are_found_by_the_head_and_by_the_base_that_they_test(store: Store, views: Views) -> None:
    alone = make_run(name="alone", state=RunState.FAILURE, started_at=NOW)
    batch = make_run(numbers=(2, 1), name="batch", state=RunState.FAILURE, started_at=LATER)
    moved = replace(alone, name="moved", base_sha=sha("moved"), heads=((1, sha("another head")),))
    await store.save_runs([alone, batch, moved], LATER)
    key = make_pull(1).key
    assert [run.name for run in await views.runs_of_head(key, sha(1), 10)] == ["batch", "alone"]
    assert [run.name for run in await views.runs_of_head(key, sha(1), 1)] == ["batch"]
    assert await views.runs_of_head(replace(key, repo="docs"), sha(1), 10) == ()
    assert [run.name for run in await views.runs_on([alone.base])] == ["batch", "alone"]
    assert {run.name for run in await views.runs_on([alone.base, moved.base])} == {"batch", "alone", "moved"}
    assert await views.runs_on([]) == ()
