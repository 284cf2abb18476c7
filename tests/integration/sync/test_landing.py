"""What may go wrong between the decision and the branch, and what the queue makes of it."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.integration.sync.conftest import World
from tests.integration.sync.rules import require_reviews
from tests.integration.sync.story import MAIN, Story, job
from tide.app.reading import Archive
from tide.domain.keys import PoolKey
from tide.domain.pulls import MergeMethod
from tide.domain.runs import Purpose, RunKind, RunState
from tide.domain.snapshot import Standing, StandingKind
from tide.sandbox.merging import MergeRequest, merge_pull
from tide.sandbox.model import PullRequest
from tide.web.cards import action_done

pytestmark = pytest.mark.on_postgres

RELEASE = PoolKey("acme", "rocket", "release")
UNPROVEN, PROVEN, FROZEN = StandingKind.UNPROVEN, StandingKind.PROVEN, StandingKind.FROZEN


async def passing_batch(ctx: Story, *names: str) -> list[PullRequest]:
    """Open pull requests and bring them as far as a batch that has passed and is merged by the next sync."""
    pulls = [await ctx.open_pull(name) for name in names]
    await ctx.sync()
    await ctx.ci.finish()
    await ctx.push("main", moved="provides moved")
    await ctx.sync()
    await ctx.sync()
    (batch,) = [run for run in ctx.ci.live if run.kind is RunKind.BATCH]
    await ctx.ci.finish(batch)
    return pulls


async def passing(ctx: Story) -> PullRequest:
    """Open one pull request that is merged by the next sync."""
    pull = await ctx.open_pull("pump")
    await ctx.sync()
    await ctx.ci.finish()
    return pull


def push_during_merge(ctx: Story, *, nth: int, **files: str) -> None:
    """Let somebody push to the branch just before its `nth` merge reaches GitHub."""

    async def push() -> None:
        await ctx.push("main", **files)

    ctx.tamper("code_host", "merge", before=push, nth=nth)


def meanwhile(ctx: Story, deed: Callable[[], object]) -> None:
    """Let something happen after the next decision, before it is acted upon."""

    async def do() -> None:
        deed()

    ctx.tamper("store", "record_decision", after=do)


def owing(*contexts: str) -> Standing:
    """The standing of a branch whose head must pass these contexts."""
    return Standing(UNPROVEN, "somebody pushed", contexts, datetime(2026, 3, 1, tzinfo=UTC))


def proofs(ctx: Story) -> list[tuple[str, RunState]]:
    """The branch heads that were tested as they are, and what came of it."""
    return [(run.base_sha, run.state) for run in ctx.ci.all if run.purpose is Purpose.PROOF]


# A tree that was not planned.


async def test_a_wrong_tree_is_caught_at_its_landing_and_freezes_the_pool(world: World) -> None:
    async with world() as ctx:
        pulls = await passing_batch(ctx, "pump", "valve", "nozzle")
        ctx.fault("wrong_tree", nth=(1,))
        await ctx.sync()
        standing = await ctx.standing()
        assert standing.kind is FROZEN
        assert "planned was" in standing.reason
        assert [pull.merged for pull in pulls] == [True, False, False]
        (landing,) = await ctx.rows("landings")
        assert landing["landed_tree"] != landing["plan_tree"]
        await ctx.sync()
        assert ctx.witness.standings[MAIN].kind is FROZEN
        records = await ctx.history()
        assert records[-1].error.startswith(
            "failed merging [2 3] from batch [1 2 3], partial merge [1]: #1 landed as tree "
        )


async def test_what_landed_as_another_tree_is_called_merged_wherever_it_is_told(world: World) -> None:
    async with world() as ctx:
        pull = await passing(ctx)
        ctx.fault("wrong_tree", nth=(1,))
        await ctx.sync()
        assert pull.merged
        (record,) = await ctx.history()
        assert record.error.startswith("merged, but #1 landed as tree ")
        assert action_done(record)[0] == "Merged"
        (decision, *_) = await ctx.views.decisions(MAIN, 1, None)
        assert decision.outcome == record.error


async def test_nothing_more_is_started_in_a_frozen_pool(world: World) -> None:
    async with world() as ctx:
        await passing_batch(ctx, "pump", "valve", "nozzle")
        ctx.fault("wrong_tree", nth=(1,))
        await ctx.sync()
        newcomer, started = await ctx.open_pull("newcomer"), len(ctx.ci.all)
        ctx.restart()
        await ctx.settle()
        assert len(ctx.ci.all) == started
        assert not newcomer.merged
        assert "frozen" in (await ctx.verdict(newcomer)).unblock[-1] or "frozen" in (await ctx.pool()).reason
        assert (await ctx.standing()).kind is FROZEN


async def test_an_unfrozen_pool_proves_its_head_and_goes_on(world: World) -> None:
    async with world() as ctx:
        pulls = await passing_batch(ctx, "pump", "valve", "nozzle")
        ctx.fault("wrong_tree", nth=(1,))
        await ctx.sync()
        await Archive(ctx.store, ctx.views).unfreeze(MAIN)
        head = ctx.head()
        await ctx.sync()
        assert proofs(ctx) == [(head, RunState.TRIGGERED)]
        assert ctx.head() == head
        await ctx.settle()
        assert proofs(ctx) == [(head, RunState.SUCCESS)]
        assert all(pull.merged for pull in pulls)
        assert (await ctx.standing()).kind is PROVEN


async def test_a_wrong_tree_freezes_also_when_somebody_pushed_right_after(world: World) -> None:
    async with world(expect_green=False) as ctx:
        await passing_batch(ctx, "pump", "valve", "nozzle")
        ctx.fault("wrong_tree", times=1)

        async def push() -> None:
            await ctx.push("main", direct="provides direct")

        ctx.tamper("code_host", "merge", after=push)
        await ctx.sync()
        assert (await ctx.standing()).kind is FROZEN


# A base that is not the one that was tested.


async def test_a_retarget_just_before_the_merge_leaves_both_branches_unproven(world: World) -> None:
    async with world() as ctx:
        pull = await passing(ctx)
        ctx.fault("retarget_before_merge", branch="release", times=1)
        await ctx.sync()
        assert pull.merged
        assert pull.base_ref == "release"
        assert (await ctx.standing(RELEASE)).kind is UNPROVEN
        assert "retargeted" in (await ctx.standing(RELEASE)).reason
        assert (await ctx.standing()).kind is UNPROVEN
        assert "retargeted" in (await ctx.history())[-1].error


async def test_a_branch_that_got_a_retargeted_merge_is_proved_by_its_own_jobs(world: World) -> None:
    jobs = {
        "acme/rocket": [
            job("unit", branches=["^main$"]),
            job("backport", branches=["^release$"]),
        ]
    }
    async with world(jobs=jobs) as ctx:
        await passing(ctx)
        ctx.fault("retarget_before_merge", branch="release", times=1)
        await ctx.sync()
        later = await ctx.open_pull("later", base="release")
        await ctx.settle()
        assert [run.job for run in ctx.ci.all if run.purpose is Purpose.PROOF and run.pool == RELEASE] == ["backport"]
        assert later.merged


async def test_a_push_between_decision_and_merge_is_proved_before_anything_else_lands(world: World) -> None:
    async with world() as ctx:
        pulls = await passing_batch(ctx, "pump", "valve", "nozzle")
        push_during_merge(ctx, nth=2, direct="provides direct")
        await ctx.sync()
        assert [pull.merged for pull in pulls] == [True, True, False]
        assert (await ctx.standing()).kind is UNPROVEN
        head = ctx.head()
        await ctx.sync()
        assert proofs(ctx) == [(head, RunState.TRIGGERED)]
        await ctx.settle()
        assert proofs(ctx) == [(head, RunState.SUCCESS)]
        assert all(pull.merged for pull in pulls)


async def test_nothing_lands_on_a_head_that_failed_its_proof(world: World) -> None:
    async with world(expect_green=False) as ctx:
        pulls = await passing_batch(ctx, "pump", "valve", "nozzle")
        push_during_merge(ctx, nth=1, direct="breaks unit")
        await ctx.sync()
        await ctx.settle()
        assert [pull.merged for pull in pulls] == [True, False, False]
        assert "has failed its jobs" in (await ctx.verdict(pulls[1])).unblock[0] + (await ctx.pool()).reason
        await ctx.push("main", direct="provides direct")
        await ctx.settle()
        assert all(pull.merged for pull in pulls)


@pytest.mark.parametrize("method", list(MergeMethod))
async def test_a_push_just_before_a_single_merge_leaves_the_branch_unproven(world: World, method: MergeMethod) -> None:
    async with world(tide={"merge_method": {"acme": method.value}}) as ctx:
        pull = await passing(ctx)
        push_during_merge(ctx, nth=1, direct="provides direct")
        await ctx.sync()
        assert pull.merged
        assert (await ctx.standing()).kind is UNPROVEN
        await ctx.open_pull("later")
        await ctx.settle()
        assert (await ctx.standing()).kind is PROVEN


async def test_a_push_right_after_a_merge_leaves_the_branch_unproven(world: World) -> None:
    async with world() as ctx:
        pulls = await passing_batch(ctx, "pump", "valve", "nozzle")

        async def push() -> None:
            await ctx.push("main", direct="provides direct")

        ctx.tamper("code_host", "merge", after=push)
        await ctx.sync()
        assert [pull.merged for pull in pulls] == [True, False, False]
        assert (await ctx.standing()).kind is UNPROVEN
        await ctx.settle()
        assert all(pull.merged for pull in pulls)


# What GitHub or a human refuses.


async def test_a_refusal_inside_a_batch_stops_it_and_the_head_is_proved(world: World) -> None:
    async with world() as ctx:
        pulls = await passing_batch(ctx, "pump", "valve", "nozzle")

        async def protect() -> None:
            require_reviews(ctx, enforce_admins=True)

        ctx.tamper("code_host", "merge", after=protect)
        await ctx.sync()
        assert [pull.merged for pull in pulls] == [True, False, False]
        assert (await ctx.standing()).kind is UNPROVEN
        (batch,) = await ctx.rows("batches")
        assert batch["state"] == "partial"
        error = (await ctx.history())[-1].error
        assert error.startswith("failed merging [2 3] from batch [1 2 3], partial merge [1]: #2: GitHub refused: ")
        head = ctx.head()
        await ctx.sync()
        await ctx.run_jobs()
        assert proofs(ctx) == [(head, RunState.SUCCESS)]
        await ctx.settle()
        assert (await ctx.standing()).kind is PROVEN
        ctx.forge.protect_branch(ctx.repository(), "main", None)
        ctx.clock.sandbox.forward(minutes=6)
        await ctx.settle()
        assert all(pull.merged for pull in pulls)


async def test_a_refused_pull_request_is_told_so_and_is_not_asked_for_again_at_once(world: World) -> None:
    async with world() as ctx:
        pull = await passing(ctx)
        ctx.fault("status", method="PUT", status=405, body={"message": "Changes must be made through the merge queue"})
        await ctx.settle()
        errors = [record.error for record in await ctx.history()]
        assert errors == ["failed merging [1]: #1: GitHub refused: Changes must be made through the merge queue"]
        assert "through the merge queue" in (await ctx.verdict(pull)).summary
        ctx.sandbox.faults.clear()
        ctx.clock.sandbox.forward(minutes=6)
        await ctx.settle()
        assert pull.merged


async def test_a_refused_pull_request_does_not_keep_the_others_from_landing(world: World) -> None:
    async with world() as ctx:
        refused, other = await ctx.open_pull("pump"), await ctx.open_pull("valve")
        ctx.fault("status", f"/pulls/{refused.number}/merge$", method="PUT", status=405, body={"message": "No."})
        await ctx.settle()
        assert [refused.merged, other.merged] == [False, True]


async def test_a_head_that_is_pushed_to_inside_a_batch_does_not_land(world: World) -> None:
    async with world() as ctx:
        pulls = await passing_batch(ctx, "pump", "valve", "nozzle")

        async def push() -> None:
            await ctx.push("nozzle", nozzle="breaks unit")

        ctx.tamper("code_host", "merge", after=push)
        await ctx.sync()
        assert [pull.merged for pull in pulls] == [True, True, False]
        assert (await ctx.standing()).kind is UNPROVEN
        await ctx.settle()
        assert not pulls[2].merged


async def test_a_label_taken_away_after_the_decision_stops_the_landing_before_it_begins(world: World) -> None:
    async with world() as ctx:
        pulls = await passing_batch(ctx, "pump", "valve", "nozzle")
        meanwhile(ctx, lambda: ctx.remove_label(pulls[1], "lgtm"))
        await ctx.sync()
        assert not any(pull.merged for pull in pulls)
        assert (await ctx.standing()).kind is PROVEN
        assert "#2" in (await ctx.history())[-1].error
        await ctx.sync()
        assert (await ctx.verdict(pulls[0])).summary
        await ctx.settle()
        assert [pull.merged for pull in pulls] == [True, False, True]


async def test_the_one_that_stops_a_landing_is_held_and_not_the_first_of_its_batch(world: World) -> None:
    async with world() as ctx:
        pulls = await passing_batch(ctx, "pump", "valve", "nozzle")
        meanwhile(ctx, lambda: ctx.add_label(pulls[1], "hold"))
        await ctx.sync()
        ctx.remove_label(pulls[1], "hold")
        await ctx.sync()
        assert all(pull.merged for pull in pulls)


async def test_a_review_dismissed_after_the_decision_stops_the_landing(world: World) -> None:
    queries = [{"orgs": ["acme"], "labels": ["lgtm"], "reviewApprovedRequired": True}]
    async with world(tide={"queries": queries}) as ctx:
        require_reviews(ctx)
        pull = await ctx.open_pull("pump")
        review = ctx.forge.submit_review(ctx.repository(), pull, author="bob", state="APPROVED")
        await ctx.sync()
        await ctx.ci.finish()
        meanwhile(ctx, lambda: ctx.forge.dismiss_review(ctx.repository(), pull, review))
        await ctx.sync()
        assert not pull.merged


async def test_a_pull_request_closed_after_the_decision_is_not_asked_for(world: World) -> None:
    async with world() as ctx:
        pull = await passing(ctx)
        meanwhile(ctx, lambda: ctx.forge.close_pull(ctx.repository(), pull))
        seen = ctx.fault("status", method="PUT", status=500)
        await ctx.sync()
        assert not pull.merged
        assert next(rule for rule in ctx.sandbox.faults.listed() if rule["id"] == seen)["seen"] == 0


async def test_a_draft_after_the_decision_is_not_merged(world: World) -> None:
    async with world() as ctx:
        pull = await passing(ctx)
        meanwhile(ctx, lambda: ctx.forge.set_draft(ctx.repository(), pull, draft=True))
        await ctx.settle()
        assert not pull.merged


async def test_a_base_that_github_still_works_on_is_waited_for(world: World) -> None:
    async with world() as ctx:
        pull = await passing(ctx)
        message = "Base branch was modified. Review and try the merge again."
        ctx.fault("status", method="PUT", status=405, body={"message": message}, times=2)
        await ctx.sync()
        assert pull.merged
        assert ctx.clock.slept == [4.0, 8.0]


async def test_a_base_that_github_does_not_get_done_with_is_given_up_after_three_times(world: World) -> None:
    async with world() as ctx:
        stuck, other = await ctx.open_pull("pump"), await ctx.open_pull("valve")
        message = "Base branch was modified. Review and try the merge again."
        rule = ctx.fault("status", f"/pulls/{stuck.number}/merge$", method="PUT", status=405, body={"message": message})
        await ctx.sync()
        await ctx.run_jobs()
        await ctx.sync()
        assert ctx.clock.slept == [4.0, 8.0]
        assert next(one for one in ctx.sandbox.faults.listed() if one["id"] == rule)["seen"] == 3
        await ctx.settle()
        assert [stuck.merged, other.merged] == [False, True]


@pytest.mark.parametrize(("status", "message"), [(404, "Not Found"), (409, "Head branch was modified."), (422, "No.")])
async def test_whatever_else_is_answered_is_tried_once_and_the_others_land(
    world: World, status: int, message: str
) -> None:
    async with world() as ctx:
        refused, other = await ctx.open_pull("pump"), await ctx.open_pull("valve")
        path = f"/pulls/{refused.number}/merge$"
        rule = ctx.fault("status", path, method="PUT", status=status, body={"message": message})
        await ctx.sync()
        await ctx.run_jobs()
        await ctx.sync()
        await ctx.sync()
        assert other.merged
        assert next(one for one in ctx.sandbox.faults.listed() if one["id"] == rule)["seen"] <= 2  # once on each base
        assert [refused.merged, other.merged] == [False, True]


async def test_a_refusal_is_told_in_the_history_and_is_no_error_of_the_operators(world: World) -> None:
    async with world() as ctx:
        await passing(ctx)
        ctx.fault("status", method="PUT", status=405, body={"message": "No."})
        await ctx.settle()
        assert (await ctx.history())[-1].error == "failed merging [1]: #1: GitHub refused: No."
        assert ctx.witness.failures == []


async def test_a_push_while_a_merge_is_waited_for_stops_the_landing(world: World) -> None:
    async with world() as ctx:
        pull = await passing(ctx)
        message = "Base branch was modified. Review and try the merge again."
        ctx.fault("status", method="PUT", status=405, body={"message": message}, times=1)

        async def push() -> None:
            await ctx.push("main", direct="provides direct")

        ctx.tamper("code_host", "merge", after=push)
        await ctx.sync()
        assert not pull.merged
        await ctx.settle()
        assert pull.merged


# Answers that were lost.


@pytest.mark.parametrize("kind", ["status", "disconnect", "truncate"])
async def test_a_merge_whose_answer_was_lost_is_found_and_not_done_twice(world: World, kind: str) -> None:
    async with world() as ctx:
        pulls = await passing_batch(ctx, "pump", "valve", "nozzle")
        ctx.fault(kind, method="PUT", when="after", nth=(2,))
        await ctx.sync()
        assert [ctx.merges(pull) for pull in pulls] == [1, 1, 1]
        assert [row["number"] for row in await ctx.rows("landings")] == [1, 2, 3]
        assert (await ctx.standing()).kind is PROVEN


async def test_a_merge_that_failed_before_the_deed_is_done_later(world: World) -> None:
    async with world() as ctx:
        pull = await passing(ctx)
        ctx.fault("status", method="PUT", status=502, times=1)
        await ctx.sync()
        assert not pull.merged
        ctx.clock.sandbox.forward(minutes=6)
        await ctx.settle()
        assert ctx.merges(pull) == 1
        assert [row["number"] for row in await ctx.rows("landings")] == [1]


async def test_a_merge_that_never_answers_does_not_keep_the_others_from_landing(world: World) -> None:
    async with world() as ctx:
        broken, other = await ctx.open_pull("pump"), await ctx.open_pull("valve")
        ctx.fault("status", f"/pulls/{broken.number}/merge$", method="PUT", status=502)
        await ctx.settle()
        assert [broken.merged, other.merged] == [False, True]
        assert "lost" in (await ctx.verdict(broken)).summary


async def test_a_lost_answer_and_a_push_by_somebody_else_are_told_apart(world: World) -> None:
    async with world() as ctx:
        pull = await passing(ctx)
        ctx.fault("status", method="PUT", status=502, times=1)

        async def push() -> None:
            await ctx.push("main", direct="provides direct")

        ctx.tamper("code_host", "merge", before=push)
        await ctx.sync()
        assert not pull.merged
        assert (await ctx.standing()).kind is not FROZEN
        ctx.clock.sandbox.forward(minutes=6)
        await ctx.settle()
        assert ctx.merges(pull) == 1


async def test_a_merge_that_is_done_after_its_answer_was_lost_is_noticed(world: World) -> None:
    async with world() as ctx:
        pulls = await passing_batch(ctx, "pump", "valve", "nozzle")
        ctx.fault("status", method="PUT", status=502, times=1)
        await ctx.sync()
        await merge_pull(ctx.forge, ctx.repository(), pulls[0], MergeRequest(sha=pulls[0].head_sha), "merge-bot")
        head = ctx.head()
        await ctx.sync()
        await ctx.sync()
        assert proofs(ctx) == [(head, RunState.TRIGGERED)]
        await ctx.settle()
        assert [ctx.merges(pull) for pull in pulls] == [1, 1, 1]


async def test_a_landing_that_cannot_be_read_is_settled_by_the_next_sync(world: World) -> None:
    async with world() as ctx:
        pulls = await passing_batch(ctx, "pump", "valve", "nozzle")

        async def lose_sight() -> None:
            ctx.fault("status", "/git/(ref|commits)/", method="GET", status=502)

        ctx.tamper("code_host", "merge", after=lose_sight)
        await ctx.sync()
        await ctx.sync()
        assert [pull.merged for pull in pulls] == [True, False, False]
        ctx.sandbox.faults.clear()
        head = ctx.head()
        await ctx.sync()
        await ctx.sync()
        assert proofs(ctx) == [(head, RunState.TRIGGERED)]
        await ctx.settle()
        assert all(pull.merged for pull in pulls)
        assert {row["number"] for row in await ctx.rows("landings")} == {1, 2, 3}
        assert all(row["outcome"] for row in await ctx.rows("intents"))


async def test_a_rate_limit_stops_a_landing_without_holding_anybody(world: World) -> None:
    async with world() as ctx:
        pull = await passing(ctx)
        ctx.fault("secondary_rate_limit", method="PUT", times=1, retry_after=1)
        await ctx.sync()
        assert not pull.merged
        await ctx.sync()
        assert pull.merged


# Standings.


async def test_a_frozen_branch_stays_frozen_when_another_landing_goes_astray_onto_it(world: World) -> None:
    async with world() as ctx:
        pull = await passing(ctx)
        frozen = Standing(FROZEN, "somebody must look", ("unit",), ctx.clock.now())
        await ctx.store.set_standing(RELEASE, frozen)
        ctx.fault("retarget_before_merge", branch="release", times=1)
        await ctx.sync()
        assert pull.base_ref == "release"
        assert await ctx.standing(RELEASE) == frozen


async def test_a_proof_that_is_owed_grows_and_never_shrinks(world: World) -> None:
    async with world() as ctx:
        await passing(ctx)
        await ctx.store.set_standing(RELEASE, owing("e2e"))
        ctx.fault("retarget_before_merge", branch="release", times=1)
        await ctx.sync()
        assert (await ctx.standing(RELEASE)).contexts == ("e2e", "unit")


async def test_jobs_that_are_not_configured_any_more_are_not_waited_for(world: World) -> None:
    async with world() as ctx:
        await ctx.store.set_standing(MAIN, owing("gone", "unit"))
        pull = await ctx.open_pull("pump")
        await ctx.settle()
        assert pull.merged
        assert [run.job for run in ctx.ci.all if run.purpose is Purpose.PROOF] == ["unit"]


async def test_a_head_is_proved_also_when_nothing_waits_to_land_on_it(world: World) -> None:
    async with world() as ctx:
        await ctx.store.set_standing(MAIN, owing("unit"))
        await ctx.open_pull("pump", labels=())
        head = ctx.head()
        await ctx.settle()
        assert proofs(ctx) == [(head, RunState.SUCCESS)]
        assert (await ctx.standing()).kind is PROVEN


async def test_a_proof_leaves_evidence_of_the_heads_own_tree(world: World) -> None:
    async with world() as ctx:
        await ctx.store.set_standing(MAIN, owing("unit"))
        await ctx.open_pull("pump")
        head = ctx.head()
        await ctx.sync()
        await ctx.ci.finish()
        await ctx.sync()
        tree = (await ctx.repository().git.commit(head)).tree
        assert tree in {row["run_tree"] for row in await ctx.rows("evidence")}


async def test_nothing_lands_on_what_was_read_too_long_ago(world: World) -> None:
    async with world() as ctx:
        pull = await passing(ctx)

        async def take_long() -> None:
            ctx.clock.sandbox.forward(seconds=61)

        ctx.tamper("git", "assemble", before=take_long)
        await ctx.sync()
        assert not pull.merged
        assert "what it rests on was read too long ago" in ctx.witness.outcomes[-1][1].error
        await ctx.settle()
        assert ctx.merges(pull) == 1
