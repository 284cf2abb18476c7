"""Several pull requests tested and landed together."""

import json
import re
from datetime import timedelta

import pytest

from tests.integration.sync.conftest import World
from tests.integration.sync.story import MAIN, ROCKET, Story, job
from tide.adapters.prowjobs.reading import OVERDUE
from tide.domain.actions import Target
from tide.domain.decisions import VerdictKind
from tide.domain.jobs import Presubmit
from tide.domain.runs import Candidate, Head, RunKind, RunState
from tide.sandbox.model import PullRequest


async def test_several_become_a_batch_and_land_as_tested(world: World) -> None:
    async with world() as ctx:
        first = await ctx.open_pull("ignition")
        await ctx.sync()
        pulls = [await ctx.open_pull(name) for name in ("pump", "valve", "nozzle")]
        await ctx.sync()
        await ctx.settle()
        assert all(pull.merged for pull in (first, *pulls))
        assert [ctx.merges(pull) for pull in pulls] == [1, 1, 1]
        assert "MERGE_BATCH 2 3 4" in await ctx.deeds() or "MERGE_BATCH 3 4" in await ctx.deeds()


async def test_the_three_trees_of_a_batch_and_of_each_landing_are_recorded(world: World) -> None:
    async with world() as ctx:
        await ctx.open_pull("ignition")
        for name in ("pump", "valve", "nozzle"):
            await ctx.open_pull(name)
        await ctx.settle()
        (batch,) = await ctx.rows("batches")
        landings = await ctx.rows("landings")
        landed = [landing for landing in landings if [landing["number"], landing["head_sha"]] in batch["members"]]
        assert batch["state"] == "landed"
        assert batch["run_tree"] == batch["plan_tree"] == batch["landed_tree"]
        assert len(landed) == len(batch["members"])
        assert landed[-1]["landed_tree"] == batch["plan_tree"]
        assert landed[-1]["run_tree"] == batch["run_tree"]
        assert [landing["base_sha"] for landing in landed[1:]] == [landing["landed_sha"] for landing in landed[:-1]]
        evidence = [row for row in await ctx.rows("evidence") if row["run_tree"] == batch["run_tree"]]
        assert [row["passed"] for row in evidence] == [True]
        assert all(row["outcome"] for row in await ctx.rows("intents"))


async def test_a_failing_batch_is_halved_until_the_guilty_one_is_found_and_the_others_land(world: World) -> None:
    async with world() as ctx:
        await ctx.open_pull("ignition")
        await ctx.sync()
        await ctx.run_jobs()
        # All four pass their first run; the third fails as soon as the first of them is there.
        good = [await ctx.open_pull(name) for name in ("pump", "valve")]
        mean = [await ctx.open_pull("fuel", fuel="provides fuel\nneeds core"), await ctx.open_pull("leak")]
        await ctx.sync()
        for run in ctx.ci.live:
            await ctx.ci.finish(run, state=RunState.SUCCESS)
        await ctx.push("leak", leak="breaks unit")
        await ctx.sync()
        await ctx.ci.finish(state=RunState.SUCCESS)
        await ctx.settle()
        assert all(pull.merged for pull in (*good, mean[0]))
        assert not mean[1].merged


async def test_a_failed_batch_and_who_is_guilty_of_it_are_in_the_history(world: World) -> None:
    async with world() as ctx:
        for name in ("pump", "valve"):
            await ctx.open_pull(name)
        await ctx.sync()
        await ctx.ci.finish()
        await ctx.push("main", moved="provides moved")
        await ctx.sync()
        await ctx.sync()
        for run in sorted(ctx.ci.live, key=lambda run: -len(run.heads)):
            await ctx.ci.finish(run, state=RunState.FAILURE)
            await ctx.sync()
        failed = [record for record in await ctx.history() if record.action.endswith("_FAILED")]
        here = f"main at {ctx.head()[:7]}"
        assert [(one.action, [target.number for target in one.targets], one.error, one.reason) for one in failed] == [
            ("BATCH_FAILED", [1, 2], "unit failed", f"Tested together on {here}."),
            (
                "TEST_FAILED",
                [1],
                "unit failed, which is what made the batch of #1 and #2 fail",
                f"Tested alone on {here}.",
            ),
        ]
        assert failed[0].targets[0].title == "Add pump"


async def test_a_first_run_that_failed_is_in_the_history_once(world: World) -> None:
    async with world() as ctx:
        await ctx.open_pull("pump", bad="breaks unit")
        await ctx.settle()
        await ctx.sync()
        (record,) = await ctx.history()
        assert (record.action, record.error) == ("TEST_FAILED", "unit failed")
        assert record.reason == f"Its first run, on main at {ctx.head()[:7]}."


async def test_a_failing_batch_goes_on_with_its_first_half_also_when_others_have_joined(world: World) -> None:
    async with world() as ctx:
        await ctx.open_pull("ignition")
        pulls = [await ctx.open_pull(name) for name in ("pump", "valve", "nozzle", "gimbal")]
        await ctx.sync()
        await ctx.ci.finish()
        await ctx.sync()  # merges the first; the others are to be retested on the new base
        await ctx.sync()
        (batch,) = [run for run in ctx.ci.live if run.kind is RunKind.BATCH]
        numbers = [number for number, _ in batch.heads]
        await ctx.ci.finish(batch, state=RunState.FAILURE)
        newcomer = await ctx.open_pull("newcomer")
        await ctx.sync()
        await ctx.ci.finish(*ctx.runs(newcomer.number))
        await ctx.sync()
        halves = [[number for number, _ in run.heads] for run in ctx.ci.live if run.kind is RunKind.BATCH]
        assert halves == [numbers[:2]]
        await ctx.settle()
        assert all(pull.merged for pull in (*pulls, newcomer))


async def test_what_a_failed_batch_has_shown_outlasts_our_own_landings(world: World) -> None:
    async with world() as ctx:
        pulls = [await ctx.open_pull(f"part{number}") for number in range(1, 9)]
        await ctx.sync()
        await ctx.ci.finish()
        await ctx.push("main", moved="provides moved")
        guilty = pulls[5].number  # it has passed before, and fails from now on
        batches = []
        for _ in range(40):
            await ctx.sync()
            for run in ctx.ci.live:
                if run.kind is RunKind.BATCH:
                    batches.append([number for number, _ in run.heads])
                is_bad = guilty in batches[-1] if run.kind is RunKind.BATCH else run.heads[0][0] == guilty
                await ctx.ci.finish(run, state=RunState.FAILURE if is_bad else RunState.SUCCESS)
        assert [pull.number for pull in pulls if not pull.merged] == [guilty]
        assert batches[0] == [1, 2, 3, 4, 5, 6, 7, 8]
        assert all(len(batch) <= 4 for batch in batches[1:]), "the whole is not tried again after a landing"
        bases = {row["base_sha"] for row in await ctx.rows("batches")}
        assert len(bases) > 1


async def test_what_somebody_else_has_pushed_has_a_failed_batch_tried_again(world: World) -> None:
    async with world() as ctx:
        for name in ("pump", "valve", "nozzle", "gimbal"):
            await ctx.open_pull(name)
        await ctx.sync()
        await ctx.ci.finish()
        await ctx.push("main", broken="provides broken")
        await ctx.sync()
        (batch,) = [run for run in ctx.ci.live if run.kind is RunKind.BATCH]
        await ctx.ci.finish(batch, state=RunState.FAILURE)
        await ctx.push("main", broken=None)
        await ctx.sync()
        (again,) = [run for run in ctx.ci.live if run.kind is RunKind.BATCH]
        assert again.heads == batch.heads


async def test_a_pair_that_conflicts_in_meaning_lands_exactly_one(world: World) -> None:
    async with world() as ctx:
        await ctx.open_pull("ignition")
        old = await ctx.open_pull("rename", core=None, heart="provides heart", rename="needs heart")
        new = await ctx.open_pull("user", user="needs core")
        others = [await ctx.open_pull(name) for name in ("pump", "valve")]
        await ctx.settle()
        assert sorted([old.merged, new.merged]) == [False, True]
        assert all(pull.merged for pull in others)
        loser = new if old.merged else old
        assert (await ctx.verdict(loser)).kind is VerdictKind.BLOCKED


async def test_a_textual_conflict_is_left_out_of_the_batch_and_named(world: World) -> None:
    async with world() as ctx:
        await ctx.open_pull("ignition")
        await ctx.settle()
        base = ctx.head()
        await ctx.open_pull("pump", parent=base)
        await ctx.open_pull("clash", parent=base, pump="provides other")
        await ctx.open_pull("valve", parent=base)
        await ctx.push("main", direct="provides direct")
        await ctx.sync()
        await ctx.ci.finish()
        await ctx.push("main", again="provides again")
        await ctx.sync()
        (record,) = [one for one in await ctx.history() if one.action == "TRIGGER_BATCH"]
        assert [target.number for target in record.targets] == [2, 4]
        assert "left out: #3 (conflicts in parts/pump.part)" in record.reason
        await ctx.settle()
        assert not ctx.repository().pulls[3].merged
        assert "conflict" in (await ctx.verdict(ctx.repository().pulls[3])).summary


async def test_a_test_that_would_see_another_tree_than_the_branch_is_left_out_with_both_trees(world: World) -> None:
    async with world(tide={"merge_method": {"acme": "squash"}}) as ctx:
        lower = await ctx.open_pull("lower", draft="provides draft")
        # Merged one after the other the draft is gone; squashed one after the other it stays.
        await ctx.open_pull("upper", parent=lower.head_sha, draft=None, upper="provides upper")
        await ctx.open_pull("other")
        await ctx.sync()
        await ctx.ci.finish()
        await ctx.push("main", moved="provides moved")
        await ctx.sync()
        (record,) = await ctx.history()
        assert [target.number for target in record.targets] == [1, 3]
        assert re.search(
            r"#2 \(a test would see tree \w{40}, landing by squash would make tree \w{40}\)", record.reason
        )
        await ctx.settle()
        assert all(row["landed_tree"] == row["plan_tree"] for row in await ctx.rows("landings"))


@pytest.mark.parametrize("state", [RunState.TRIGGERED, RunState.SUCCESS])
async def test_runs_that_somebody_else_has_started_of_the_same_batch_are_used(world: World, state: RunState) -> None:
    async with world(jobs={ROCKET: [job("unit"), job("lint")]}) as ctx:
        pulls = [await ctx.open_pull(name) for name in ("pump", "valve")]
        await ctx.sync()
        await ctx.run_jobs()
        await ctx.push("main", moved="provides moved")
        heads = tuple(Head(pull.number, pull.head_sha) for pull in pulls)
        ctx.ci.start_as_somebody_else(Candidate(MAIN, ctx.head(), heads), Presubmit("lint", "lint"))
        (theirs,) = ctx.ci.live
        if not state.is_live:
            await ctx.ci.finish(theirs, state=state)
        await ctx.sync()
        assert [run.job for run in ctx.runs(1, 2)] == ["lint", "unit"]
        await ctx.settle()
        assert all(pull.merged for pull in pulls)
        assert (await ctx.deeds())[-1] == "MERGE_BATCH 1 2"


async def test_a_batch_that_failed_is_not_tried_again_unchanged_after_a_restart(world: World) -> None:
    async with world() as ctx:
        await ctx.open_pull("ignition")
        for name in ("pump", "valve", "nozzle"):
            await ctx.open_pull(name)
        await ctx.sync()
        await ctx.ci.finish()
        await ctx.sync()
        await ctx.sync()
        (batch,) = [run for run in ctx.ci.live if run.kind is RunKind.BATCH]
        await ctx.ci.finish(batch, state=RunState.FAILURE)
        await ctx.sync()
        ctx.ci.forget()
        ctx.restart()
        await ctx.settle()
        tested = [run.heads for run in ctx.ci.all if run.kind is RunKind.BATCH]
        assert batch.heads not in tested
        assert all(pull.merged for pull in ctx.repository().pulls.values())


async def test_a_batch_of_which_a_member_was_pushed_to_is_not_landed(world: World) -> None:
    async with world() as ctx:
        await ctx.open_pull("ignition")
        for name in ("pump", "valve", "nozzle"):
            await ctx.open_pull(name)
        await ctx.sync()
        await ctx.ci.finish()
        await ctx.sync()
        await ctx.sync()
        await ctx.push("nozzle", nozzle="provides nozzle\nbreaks unit")
        await ctx.ci.finish()
        await ctx.settle()
        assert "nozzle" not in await ctx.parts()
        assert {"pump", "valve"} <= await ctx.parts()


async def test_the_history_speaks_as_tides(world: World) -> None:
    async with world() as ctx:
        for name in ("ignition", "pump", "valve"):
            await ctx.open_pull(name)
        await ctx.settle()
        records = await ctx.history()
        assert {record.action for record in records} <= {"TRIGGER", "TRIGGER_BATCH", "MERGE", "MERGE_BATCH"}
        for record in records:
            assert record.pool == MAIN
            assert len(record.base_sha) == 40
            assert [target.number for target in record.targets] == sorted(target.number for target in record.targets)
            assert all(target.author == "alice" and target.sha and target.title for target in record.targets)


async def test_an_intent_names_what_a_batch_is_going_to_do(world: World) -> None:
    async with world() as ctx:
        for name in ("ignition", "pump", "valve"):
            await ctx.open_pull(name)
        await ctx.settle()
        merges = [row for row in await ctx.rows("intents") if row["kind"] == "merge"]
        detail = json.loads(merges[-1]["detail"])
        assert merges[-1]["subject"] == "#2 #3"
        assert [number for number, *_ in detail["steps"]] == [2, 3]
        assert merges[-1]["outcome"] == "landed"


async def test_a_batch_whose_run_hangs_is_started_once_more(world: World) -> None:
    async with world() as ctx:
        pulls = await waiting_for_a_batch(ctx)
        (hung,) = ctx.hang()
        await ctx.sync()
        (anew,) = ctx.ci.live
        assert (anew.heads, anew.attempt) == (hung.heads, 2)
        (told,) = [row for row in await ctx.rows("runs") if row["name"] == hung.name]
        assert (told["state"], told["description"]) == ("error", OVERDUE)
        await ctx.settle()
        assert all(pull.merged for pull in pulls)


async def test_a_batch_that_hangs_again_and_again_is_halved(world: World) -> None:
    async with world() as ctx:
        pulls = await waiting_for_a_batch(ctx)
        for _ in range(3):
            ctx.hang()
            await ctx.sync()
        (half,) = ctx.ci.live
        assert half.heads == tuple((pull.number, pull.head_sha) for pull in pulls[:2])
        await ctx.settle()
        assert all(pull.merged for pull in pulls)


async def test_a_verdict_that_comes_after_all_still_counts(world: World) -> None:
    async with world() as ctx:
        pulls = await waiting_for_a_batch(ctx)
        (hung,) = ctx.hang()
        await ctx.sync()
        await ctx.ci.finish(hung, state=RunState.SUCCESS)
        await ctx.sync()
        assert all(pull.merged for pull in pulls)


async def waiting_for_a_batch(ctx: Story) -> list[PullRequest]:
    """Bring three pull requests as far as the batch of all of them."""
    pulls = [await ctx.open_pull(name) for name in ("pump", "valve", "nozzle")]
    await ctx.sync()
    await ctx.ci.finish()
    await ctx.push("main", tank="provides tank")
    await ctx.sync()
    (batch,) = ctx.ci.live
    assert len(batch.heads) == len(pulls)
    return pulls


async def test_what_a_human_has_merged_is_in_no_batch_although_the_search_still_finds_it(world: World) -> None:
    async with world() as ctx:
        pulls = [await ctx.open_pull(name) for name in ("pump", "valve", "nozzle")]
        await ctx.sync()
        await ctx.ci.finish()
        ctx.sandbox.index.lag = timedelta(hours=1)
        await ctx.host.merge(MAIN.repository, Target(pulls[0].number, pulls[0].head_sha))
        await ctx.sync()
        (batch,) = ctx.ci.live
        assert [number for number, _sha in batch.heads] == [pull.number for pull in pulls[1:]]
        await ctx.settle()
        assert [ctx.merges(pull) for pull in pulls] == [1, 1, 1]
