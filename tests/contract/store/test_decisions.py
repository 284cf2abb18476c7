from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.builders import BASE, NOW, POOL, make_pull, make_run, make_snapshot, make_view, sha
from tests.stores import Backend
from tide.domain.actions import Merge, MergeBatch, Target, Trigger, TriggerBatch, Wait
from tide.domain.decisions import Decision, Place, Requirement, Verdict, VerdictKind
from tide.domain.errors import NotFound
from tide.domain.outcomes import Outcome
from tide.domain.pulls import Blocker, Context, ContextState, Pull
from tide.domain.records import HistoryRecord
from tide.domain.snapshot import Snapshot, Standing, StandingKind
from tide.policy.decide import RULES_VERSION
from tide.ports.store import Store
from tide.ports.views import Views

LATER = NOW + timedelta(minutes=1)
RELEASE = replace(POOL, branch="release-1.0")
SNAPSHOT = make_snapshot(make_view(1), make_view(2), make_view(3))
WAIT = Decision(POOL, BASE, Wait("nothing to do"))
MERGE = Decision(POOL, BASE, Merge(Target(1, sha(1)), "it passes"), passing=(1,), missing=(2,))


def at(snapshot: Snapshot, seconds: int) -> Snapshot:
    return replace(snapshot, now=NOW + timedelta(seconds=seconds))


def verdict(number: int, summary: str = "it waits", **fields: Any) -> Verdict:
    made = Verdict(make_pull(number).key, sha(number), VerdictKind.WAITING, Place.PENDING, summary)
    return replace(made, **fields)


def numbers(pulls: tuple[Pull, ...]) -> list[int]:
    return [pull.number for pull in pulls]


async def test_a_pool_is_shown_as_decided(store: Store, views: Views) -> None:
    pulls = [make_pull(number) for number in (1, 2, 3, 4, 5)]
    await store.save_pulls([*pulls, make_pull(6, base_branch="release-1.0")], NOW)
    blocker = Blocker(9, "broken", "https://github.example/9", ("main",))
    standing = Standing(StandingKind.UNPROVEN, "pushed", ("unit",), NOW)
    await store.set_standing(POOL, standing)
    requirement = Requirement("label lgtm", met=False, detail="missing", query=2)
    judged = verdict(2, requirements=(requirement,), unblock=("add lgtm",), position=2)
    decision = Decision(
        POOL,
        BASE,
        MergeBatch((Target(2, sha(2)), Target(1, sha(1))), "the batch passed"),
        passing=(1, 2),
        pending=(3,),
        missing=(4,),
        batch_pending=(4, 3),
        verdicts=(verdict(1), judged),
    )
    await store.record_decision(
        make_snapshot(runs=[make_run(tenant_id="blue")], blockers=(blocker,), is_dry_run=True), decision
    )
    (shown,) = await views.pools()
    assert shown == await views.pool(POOL)
    assert (shown.pool, shown.base_sha, shown.action, shown.reason) == (POOL, BASE, "MERGE_BATCH", "the batch passed")
    assert shown.passing == tuple(pulls[:2])
    assert [numbers(pulls) for pulls in (shown.pending, shown.missing, shown.outside)] == [[3], [4], [5]]
    assert [numbers(pulls) for pulls in (shown.batch_pending, shown.target)] == [[4, 3], [2, 1]]
    assert shown.verdicts == (verdict(1), judged)
    assert (shown.blockers, shown.standing, shown.error) == ((blocker,), standing, "")
    assert (shown.tenant_ids, shown.is_dry_run, shown.synced_at) == (("blue",), True, NOW)


async def test_pools_are_sorted_and_an_unknown_one_is_none(store: Store, views: Views) -> None:
    for pool in (RELEASE, POOL, replace(POOL, org="Zebra")):
        await store.record_decision(make_snapshot(pool=pool), replace(WAIT, pool=pool))
    assert [str(view.pool) for view in await views.pools()] == [
        "Zebra/rocket:main",
        "acme/rocket:main",
        "acme/rocket:release-1.0",
    ]
    assert await views.pool(replace(POOL, branch="none")) is None


async def test_a_pool_shows_pulls_that_have_left_since(store: Store, views: Views) -> None:
    await store.save_pulls([make_pull(1), make_pull(2)], NOW)
    await store.record_decision(SNAPSHOT, MERGE)
    await store.save_pulls([make_pull(1, is_open=False, is_merged=True)], LATER)
    (shown,) = await views.pools()
    assert numbers(shown.target) == [1]
    assert shown.target[0].is_merged
    assert numbers(shown.outside) == []


async def test_an_equal_decision_on_an_equal_snapshot_only_moves_last_seen(store: Store, views: Views) -> None:
    first = await store.record_decision(SNAPSHOT, WAIT)
    assert await store.record_decision(at(SNAPSHOT, 60), WAIT) == first
    (record,) = await views.decisions(POOL, 10, None)
    assert (record.id, record.action, record.reason, record.targets) == (first, "WAIT", "nothing to do", ())
    assert (record.first_seen, record.last_seen, record.rules_version) == (NOW, LATER, RULES_VERSION)
    (shown,) = await views.pools()
    assert shown.synced_at == LATER


@pytest.mark.parametrize(
    ("snapshot", "decision"),
    [(SNAPSHOT, MERGE), (make_snapshot(make_view(1)), WAIT), (replace(SNAPSHOT, is_dry_run=True), WAIT)],
    ids=["other decision", "other pulls", "dry run"],
)
async def test_whatever_differs_is_a_new_decision(
    store: Store, views: Views, snapshot: Snapshot, decision: Decision
) -> None:
    first = await store.record_decision(SNAPSHOT, WAIT)
    second = await store.record_decision(at(snapshot, 60), decision)
    assert await store.record_decision(at(SNAPSHOT, 120), WAIT) not in {first, second}
    assert [record.id for record in await views.decisions(POOL, 10, None)][1:] == [second, first]


async def test_a_status_of_our_own_is_nothing_new(store: Store) -> None:
    def showing(text: str) -> Snapshot:
        view = make_view(1, [Context("tide", ContextState.PENDING, text), Context("unit", ContextState.SUCCESS)])
        return make_snapshot(view, make_view(2))

    first = await store.record_decision(showing("Not mergeable."), WAIT)
    assert await store.record_decision(at(showing("In merge pool."), 60), WAIT) == first
    recorded, _ = await store.recorded(first)
    assert [one.name for one in recorded.pulls[0].pull.contexts] == ["unit"]


async def test_what_another_process_has_recorded_meanwhile_is_noticed(
    store: Store, views: Views, backend: Backend
) -> None:
    other = backend.open_store()
    await store.record_decision(SNAPSHOT, WAIT)
    await other.record_decision(at(SNAPSHOT, 1), MERGE)
    await store.record_decision(at(SNAPSHOT, 2), WAIT)
    (shown,) = await views.pools()
    assert shown.action == "WAIT"
    assert [record.action for record in await views.decisions(POOL, 10, None)] == ["WAIT", "MERGE", "WAIT"]


async def test_decisions_are_paged_newest_first(store: Store, views: Views) -> None:
    batch = MergeBatch((Target(2, sha(2)), Target(1, sha(1))), "two")
    ids = [
        await store.record_decision(SNAPSHOT, WAIT),
        await store.record_decision(SNAPSHOT, replace(WAIT, action=batch)),
        await store.record_decision(make_snapshot(pool=RELEASE), replace(WAIT, pool=RELEASE)),
    ]
    assert [record.id for record in await views.decisions(None, 2, None)] == [ids[2], ids[1]]
    assert [record.id for record in await views.decisions(None, 2, ids[1])] == [ids[0]]
    (newest,) = await views.decisions(POOL, 1, None)
    assert (newest.id, newest.action, newest.targets) == (ids[1], "MERGE_BATCH", (2, 1))


async def test_a_decision_can_be_taken_again_from_what_was_recorded(store: Store) -> None:
    decision = replace(MERGE, verdicts=(verdict(1),), first_runs=(Trigger(Target(2, sha(2)), ("unit",), "new"),))
    recorded = await store.record_decision(SNAPSHOT, decision)
    await store.record_decision(at(SNAPSHOT, 60), decision)
    assert await store.recorded(recorded) == (SNAPSHOT, decision)
    with pytest.raises(NotFound, match="no decision 404"):
        await store.recorded(404)


async def test_the_outcome_stands_beside_the_decision(store: Store, views: Views) -> None:
    merged, refused = await store.record_decision(SNAPSHOT, MERGE), await store.record_decision(SNAPSHOT, WAIT)
    await store.record_outcome(merged, Outcome("MERGE", (1, 2)))
    await store.record_outcome(refused, Outcome("MERGE", error="the head has moved"))
    assert [record.outcome for record in await views.decisions(POOL, 10, None)] == [
        "the head has moved",
        "MERGE #1 #2",
    ]


async def test_targets_are_those_that_something_was_started_for(store: Store, views: Views) -> None:
    candidates = tuple(Target(number, sha(number)) for number in (1, 2, 3))
    alone = Trigger(candidates[0], ("unit",), "it is first")
    batch = Decision(POOL, BASE, TriggerBatch(candidates, 2, "they can be tested together", alone))
    number = await store.record_decision(SNAPSHOT, batch)

    async def told() -> tuple[str, tuple[int, ...], str]:
        (record,) = await views.decisions(POOL, 10, None)
        return record.action, record.targets, record.outcome

    assert await told() == ("TRIGGER_BATCH", (), ""), "git has yet to tell which go together"
    await store.record_outcome(number, Outcome("TRIGGER_BATCH", error="the cluster is out of reach"))
    assert await told() == ("TRIGGER_BATCH", (), "the cluster is out of reach")
    await store.record_outcome(number, Outcome("TRIGGER_BATCH", (1, 3), ("run-1",)))
    assert await told() == ("TRIGGER_BATCH", (1, 3), "TRIGGER_BATCH #1 #3")
    await store.record_foreseen(number, Outcome("TRIGGER", (1,)))
    assert await told() == ("TRIGGER", (1,), "TRIGGER_BATCH #1 #3")
    await store.record_foreseen(number, Outcome("WAIT"))
    assert await told() == ("WAIT", (), "TRIGGER_BATCH #1 #3")
    assert await store.recorded(number) == (SNAPSHOT, batch)


async def test_a_failing_pool_keeps_its_last_known_state(store: Store, views: Views) -> None:
    decided = await store.record_decision(SNAPSHOT, MERGE)
    await store.record_failure(POOL, "GitHub is down", LATER)
    (shown,) = await views.pools()
    assert (shown.error, shown.action, shown.synced_at) == ("GitHub is down", "MERGE", NOW)
    assert await store.record_decision(at(SNAPSHOT, 5), MERGE) == decided
    (shown,) = await views.pools()
    assert (shown.error, shown.action) == ("", "MERGE")


async def test_a_pool_that_never_was_decided_shows_its_failure(store: Store, views: Views) -> None:
    await store.save_pulls([make_pull(1)], NOW)
    await store.record_failure(POOL, "no such branch", NOW)
    (shown,) = await views.pools()
    assert (shown.pool, shown.action, shown.error, shown.synced_at) == (POOL, "", "no such branch", None)
    assert numbers(shown.outside) == [1]


async def test_only_the_pools_to_keep_are_shown(store: Store, views: Views) -> None:
    for pool in (POOL, RELEASE):
        await store.record_decision(make_snapshot(pool=pool), replace(WAIT, pool=pool))
    await store.drop_pools([RELEASE], LATER)
    assert [view.pool for view in await views.pools()] == [RELEASE]
    assert await views.pool(POOL) is None
    await store.record_decision(make_snapshot(now=LATER), WAIT)
    assert [view.pool for view in await views.pools()] == [POOL, RELEASE]
    await store.drop_pools([], LATER)
    assert await views.pools() == ()


async def test_a_pull_is_told_with_its_last_verdict(store: Store, views: Views) -> None:
    pull = make_pull(1)
    assert await views.pull(pull.key) is None
    await store.save_pulls([pull], NOW)
    record = await views.pull(pull.key)
    assert record is not None
    assert (record.pull, record.verdict, record.read_at) == (pull, None, NOW)
    await store.record_decision(SNAPSHOT, replace(WAIT, verdicts=(verdict(1, "old"),)))
    await store.record_decision(SNAPSHOT, replace(WAIT, verdicts=(verdict(1, "new"),)))
    await store.save_pulls([pull], LATER)
    record = await views.pull(pull.key)
    assert record is not None
    assert (record.verdict, record.read_at) == (verdict(1, "new"), LATER)


async def test_hostile_text_is_stored(store: Store, views: Views) -> None:
    nasty, clean = "nul \x00 and half \ud800", "nul \ufffd and half \ufffd"
    snapshot = make_snapshot(make_view(1, title=nasty, body=nasty))
    decision = replace(WAIT, action=Wait(nasty), verdicts=(verdict(1, nasty),))
    decided = await store.record_decision(snapshot, decision)
    assert await store.record_decision(snapshot, decision) == decided
    await store.record_outcome(decided, Outcome("WAIT", error=nasty))
    await store.add_history(HistoryRecord(POOL, NOW, "MERGE", BASE, (), nasty, nasty))
    (record,) = await views.decisions(POOL, 10, None)
    assert (record.reason, record.outcome) == (clean, clean)
    again, redecided = await store.recorded(decided)
    assert (again.pulls[0].pull.title, redecided.verdicts[0].summary) == (clean, clean)
    await store.record_failure(POOL, nasty, NOW)
    (shown,) = await views.pools()
    assert shown.error == clean


async def test_what_was_decided_about_odd_names_is_kept_as_it_was(store: Store) -> None:
    odd = "nul \x00 and bell \x07"
    snapshot = make_snapshot(make_view(1, title=odd, required=(odd,)), runs=[make_run(odd)])
    decision = replace(WAIT, action=Trigger(Target(1, sha(1)), (odd,), odd), verdicts=(verdict(1, odd),))
    assert await store.recorded(await store.record_decision(snapshot, decision)) == (snapshot, decision)


async def test_decisions_are_seen_again_many_at_once(store: Store, views: Views) -> None:
    elsewhere, failed = replace(SNAPSHOT, pool=RELEASE), replace(SNAPSHOT, pool=replace(POOL, branch="old"))
    first = await store.record_decision(SNAPSHOT, WAIT)
    shown = await store.record_decision(replace(SNAPSHOT, is_dry_run=True), WAIT)
    other = await store.record_decision(elsewhere, replace(WAIT, pool=RELEASE))
    broken = await store.record_decision(failed, replace(WAIT, pool=failed.pool))
    await store.record_failure(failed.pool, "out of reach", NOW)
    assert await store.seen_again([first, shown, other, broken], LATER) == {shown, other}
    synced = {view.pool: view.synced_at for view in await views.pools()}
    assert (synced[POOL], synced[RELEASE]) == (LATER, LATER)
    await store.drop_pools([RELEASE], LATER)
    assert await store.seen_again([shown, other], LATER) == {other}
    assert await store.seen_again([], LATER) == frozenset()
