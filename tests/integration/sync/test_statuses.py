"""The status context `tide`: what contributors see of the queue, and what it costs."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.integration.sandbox.world import AUTHOR
from tests.integration.sync.conftest import World
from tests.integration.sync.rules import require_checks
from tests.integration.sync.story import MAIN, PROW_CONFIG, ROCKET, Story, job
from tests.integration.sync.test_landing import passing, passing_batch
from tests.integration.sync.test_leading import lose_the_lead
from tests.integration.sync.test_recovery import lose_the_database
from tests.integration.sync.witness import Killed, die
from tide.adapters.github.allowance import HourlyAllowance
from tide.adapters.github.code_host import GitHub
from tide.domain.errors import LeaseLost, NotFound, StoreError
from tide.domain.keys import HeadKey, PullKey
from tide.domain.runs import RunKind, RunState
from tide.sandbox.commits import NewCommit
from tide.sandbox.evidence import NewStatus
from tide.sandbox.faults import Fault
from tide.sandbox.merging import MergeRequest, merge_pull
from tide.sandbox.model import CommitStatus, PullRequest
from tide.sandbox.state import NewPull
from tide.sync.statuses import AT_ONCE, PACE_SECONDS, PROGRESS_LASTS, REFUSAL_LASTS

ENGINE, ORBIT = "acme/engine", "umbrella/orbit"
JOBS = {ROCKET: [job()], ENGINE: [job()]}
TWO_ORGS = {ROCKET: [job()], ORBIT: [job()]}
QUERY = PROW_CONFIG["tide"]["queries"][0]
BOTH = {"queries": [QUERY | {"orgs": ["acme", "umbrella"]}]}
STATUSES_PATH = "/statuses/"
NEEDS_LGTM = ("pending", "Not mergeable. Needs lgtm label.")
POOLED = ("success", "In merge pool.")


def written(ctx: Story, pull: PullRequest, repo: str = ROCKET) -> list[CommitStatus]:
    """The statuses that a pull request's head got from the queue, oldest first."""
    return [one for one in ctx.repository(repo).statuses.get(pull.head_sha, []) if one.context == "tide"]


def told(ctx: Story, pull: PullRequest, repo: str = ROCKET) -> list[tuple[str, str | None]]:
    return [(one.state, one.description) for one in written(ctx, pull, repo)]


async def write_statuses(ctx: Story) -> None:
    """Write what is due, and nothing else."""
    assert ctx.sync_.statuses
    await ctx.lead.keep()
    await ctx.sync_.statuses.round()


def allow_statuses(ctx: Story, hourly: int) -> HourlyAllowance:
    """Let so many statuses an hour be written, all at once at first."""
    statuses = ctx.sync_.statuses
    assert statuses
    allowance = HourlyAllowance(hourly, hourly, ctx.clock, ctx.clock.sleep)
    assert isinstance(ctx.host, GitHub)
    statuses.world = replace(statuses.world, code_host=ctx.host.with_writes_counted(allowance))
    statuses.is_spent = allowance.is_spent
    return allowance


async def fill_up(ctx: Story, pull: PullRequest, count: int) -> None:
    """Say that a head has so many statuses of ours."""
    await ctx.backend.set_statuses_written(HeadKey(MAIN.org, MAIN.repo, pull.head_sha), count)


# Which pull requests, and when.


async def test_every_open_pull_request_shows_its_status_whatever_its_labels_and_base(world: World) -> None:
    async with world(statuses=True, jobs={ROCKET: []}, queue={}) as ctx:
        bare = await ctx.open_pull("bare", labels=())
        backport = await ctx.open_pull("backport", labels=("wip",), base="release")
        held = await ctx.open_pull("held", labels=("lgtm", "hold"))
        await ctx.sync()
        assert told(ctx, bare) == told(ctx, backport) == [NEEDS_LGTM]
        assert told(ctx, held) == [("pending", "Not mergeable. Should not have hold label.")]


async def test_what_has_not_changed_is_not_written_again_also_by_another_process(world: World) -> None:
    async with world(statuses=True) as ctx:
        pull = await ctx.open_pull("pump", labels=())
        await ctx.sync()
        posts = ctx.tamper("code_host", "post_status")
        await ctx.sync()
        ctx.restart()
        posts = ctx.tamper("code_host", "post_status")
        await ctx.sync()
        assert posts.calls == 0
        assert told(ctx, pull) == [NEEDS_LGTM]


async def test_a_label_that_goes_changes_the_text(world: World) -> None:
    async with world(statuses=True) as ctx:
        pull = await ctx.open_pull("pump")
        await ctx.sync()
        ctx.remove_label(pull, "lgtm")
        await ctx.sync()
        assert told(ctx, pull)[-1] == NEEDS_LGTM


async def test_a_change_in_a_pool_is_shown_after_its_look_without_a_round(world: World) -> None:
    async with world(statuses=True, queue={}) as ctx:
        pull = await ctx.open_pull("pump")
        await ctx.sync()
        rung = list[None]()
        assert ctx.sync_.statuses
        ctx.sync_.statuses.ring = lambda: rung.append(None)
        ctx.remove_label(pull, "lgtm")
        await ctx.sync_.look_again((await ctx.pool()).pool)
        assert rung
        await write_statuses(ctx)
        assert told(ctx, pull)[-1] == NEEDS_LGTM
        await ctx.sync_.look_again((await ctx.pool()).pool)
        assert len(rung) == 1


async def test_a_change_of_the_queries_refreshes_all_without_a_nudge(world: World) -> None:
    async with world(statuses=True) as ctx:
        pulls = [await ctx.open_pull(name, labels=()) for name in ("pump", "valve", "nozzle")]
        await ctx.sync()
        updated = [pull.updated_at for pull in pulls]
        ctx.reload(tide={"queries": [QUERY | {"labels": ["approved"]}]})
        await ctx.sync()
        assert [told(ctx, pull)[-1][1] for pull in pulls] == ["Not mergeable. Needs approved label."] * 3
        assert [pull.updated_at for pull in pulls] == updated


async def test_repositories_that_a_new_query_covers_are_searched_at_once(world: World) -> None:
    only_rocket = {"queries": [{"repos": [ROCKET], "labels": ["lgtm"]}]}
    async with world(statuses=True, jobs=JOBS, tide=only_rocket) as ctx:
        pull = await ctx.open_pull("pump", repo=ENGINE, labels=())
        await ctx.open_pull("valve", labels=())
        await ctx.sync()
        assert told(ctx, pull, ENGINE) == []
        ctx.clock.sandbox.forward(hours=1)
        ctx.reload(tide={"queries": [*only_rocket["queries"], {"repos": [ENGINE], "labels": ["lgtm"]}]})
        await ctx.sync()
        assert told(ctx, pull, ENGINE) == [NEEDS_LGTM]


async def test_issues_that_block_are_told_and_taken_back(world: World) -> None:
    async with world(statuses=True, jobs={ROCKET: []}) as ctx:
        pooled, bare = await ctx.open_pull("pump"), await ctx.open_pull("valve", labels=())
        issue = ctx.forge.open_issue(ctx.repository(), title="Stop", labels=["merge-blocker"])
        await ctx.sync()
        blocked = f"Not mergeable. Merging is blocked by issue {issue.number}."
        assert told(ctx, pooled) == [("error", blocked)]
        assert told(ctx, bare) == [("error", f"{blocked} Needs lgtm label.")]
        ctx.forge.set_issue_state(ctx.repository(), issue, "closed")
        await ctx.sync()
        assert told(ctx, bare)[-1] == NEEDS_LGTM


async def test_what_was_overwritten_by_somebody_is_put_right(world: World) -> None:
    async with world(statuses=True, queue={}) as ctx:
        pull = await ctx.open_pull("pump", bad="breaks unit")
        await ctx.sync()
        (before,) = told(ctx, pull)
        ctx.forge.create_status(
            ctx.repository(), pull.head_sha, NewStatus(context="tide", state="success", description="Go!")
        )
        ctx.clock.sandbox.forward(minutes=2)
        await ctx.sync()
        assert told(ctx, pull)[-1] == before
        await ctx.sync()
        assert len(told(ctx, pull)) == 3


async def test_two_pull_requests_with_one_head_do_not_take_turns(world: World) -> None:
    async with world(statuses=True, jobs={ROCKET: []}, queue={}) as ctx:
        one = await ctx.open_pull("pump", labels=())
        await ctx.forge.write_branch(ctx.repository(), "again", one.head_sha, actor="alice")
        new = NewPull(title="Again", head_ref="again", base_ref="release", labels=("hold", "lgtm"))
        ctx.forge.open_pull(ctx.repository(), new, "alice")
        for _ in range(3):
            await ctx.sync()
        text = "#1: Not mergeable. Needs lgtm label. #2: Not mergeable. Should not have hold label."
        assert told(ctx, one) == [("pending", text)]


async def test_one_that_goes_to_another_branch_is_told_by_that_one(world: World) -> None:
    async with world(statuses=True, tide={"queries": [QUERY, {"orgs": ["acme"], "author": "bob"}]}) as ctx:
        pull = await ctx.open_pull("pump", labels=())
        await ctx.open_pull("valve", labels=())
        await ctx.sync()
        ctx.reload(tide={"queries": [QUERY | {"includedBranches": ["main"]}]})
        ctx.forge.retarget_pull(ctx.repository(), pull, "release")
        await ctx.sync()
        await ctx.sync()
        assert told(ctx, pull) == [NEEDS_LGTM, ("pending", "Not mergeable. Merging to branch release is forbidden.")]


# When it is over.


async def queued_beside_another(ctx: Story) -> PullRequest:
    """Open two pull requests and let a batch of them be tested; give one of them."""
    pulls = [await ctx.open_pull(name) for name in ("pump", "valve")]
    await ctx.sync()
    await ctx.run_jobs()
    await ctx.push("main", moved="provides moved")
    await ctx.sync()
    assert [len(run.heads) for run in ctx.ci.live] == [2]
    await ctx.sync()
    assert "tested in a batch" in str(told(ctx, pulls[1])[-1][1])
    return pulls[1]


async def test_one_that_is_closed_does_not_keep_what_the_queue_did_with_it(world: World) -> None:
    async with world(statuses=True) as ctx:
        pull = await queued_beside_another(ctx)
        ctx.forge.close_pull(ctx.repository(), pull)
        await ctx.sync()
        await ctx.sync()
        assert told(ctx, pull)[-1] == ("pending", "Not mergeable. PR is closed.")
        count = len(told(ctx, pull))
        await ctx.sync()
        assert len(told(ctx, pull)) == count


async def test_one_that_somebody_else_merged_does_not_keep_what_the_queue_did_with_it(world: World) -> None:
    async with world(statuses=True, expect_green=False) as ctx:
        pull = await queued_beside_another(ctx)
        await merge_pull(ctx.forge, ctx.repository(), pull, MergeRequest(), "mallory")
        await ctx.sync()
        await ctx.sync()
        assert told(ctx, pull)[-1] == ("success", "Merged.")


async def test_one_that_was_closed_outside_the_pool_keeps_what_is_still_true(world: World) -> None:
    async with world(statuses=True) as ctx:
        pull, _ = await ctx.open_pull("pump", labels=()), await ctx.open_pull("valve", labels=())
        await ctx.sync()
        ctx.forge.close_pull(ctx.repository(), pull)
        await ctx.sync()
        await ctx.sync()
        assert told(ctx, pull) == [NEEDS_LGTM]


# Before a merge.


async def test_what_merges_has_been_shown_as_pooled_before(world: World) -> None:
    async with world(statuses=True) as ctx:
        pull = await passing(ctx)
        at_merge = list[tuple[str, str | None]]()

        async def look() -> None:
            at_merge.extend(told(ctx, pull))

        ctx.tamper("code_host", "merge", before=look)
        await ctx.sync()
        assert pull.merged
        assert at_merge[-1] == POOLED


async def test_a_branch_that_requires_the_status_gets_its_batches_at_the_first_try(world: World) -> None:
    async with world(statuses=True) as ctx:
        require_checks(ctx, "tide")
        pulls = await passing_batch(ctx, "pump", "valve", "nozzle")
        merges = ctx.tamper("code_host", "merge")
        await ctx.sync()
        assert [pull.merged for pull in pulls] == [True] * 3
        assert merges.calls == 3
        # GitHub called them blocked as long as this very status was missing.
        assert [told(ctx, pull)[-1] for pull in pulls] == [("success", "In merge pool (despite BLOCKED).")] * 3


async def test_a_branch_that_requires_the_status_gets_what_lands_in_the_place_of_a_half(world: World) -> None:
    async def lose() -> None:
        raise NotFound("no such ref")

    async with world(statuses=True) as ctx:
        require_checks(ctx, "tide")
        pulls = await batch_in_flight(ctx, "pump", "valve", "nozzle", "gimbal")
        await ctx.sync()
        (batch,) = [run for run in ctx.ci.live if run.kind is RunKind.BATCH]
        await ctx.ci.finish(batch, state=RunState.FAILURE)
        (alone,) = ctx.ci.live
        await ctx.ci.finish(alone)
        # Of the first half the second one's head cannot be had, so that it is no batch.
        for nth in (1, 4):
            ctx.tamper("git", "fetch", before=lose, nth=nth)
        await ctx.sync()
        assert [pull.merged for pull in pulls] == [True, False, False, False]


async def test_a_queue_whose_own_status_is_required_in_its_configuration_does_not_wait_for_itself(
    world: World,
) -> None:
    async with world(statuses=True, tide={"context_options": {"required-contexts": ["tide"]}}) as ctx:
        pull = await ctx.open_pull("pump")
        await ctx.settle()
        assert pull.merged


async def test_a_status_that_is_forbidden_for_good_does_not_keep_anything_from_merging(world: World) -> None:
    async with world(statuses=True) as ctx:
        pull = await passing(ctx)
        ctx.fault("status", STATUSES_PATH, status=403, body={"message": "Resource not accessible by integration"})
        await ctx.sync()
        assert pull.merged
        assert any("not accessible" in reason for _, reason in ctx.witness.withheld)


async def test_a_merge_waits_for_a_status_that_cannot_be_written_just_now(world: World) -> None:
    async with world(statuses=True) as ctx:
        pull = await passing(ctx)
        number = ctx.fault("status", STATUSES_PATH, status=502)
        await ctx.sync()
        assert not pull.merged
        key, written = PullKey("acme", "rocket", pull.number), len(ctx.witness.written)
        ctx.sandbox.faults.remove(number)
        await ctx.sync()
        assert pull.merged
        assert key in ctx.witness.written[written:]


# What goes wrong.


async def batch_in_flight(ctx: Story, *names: str) -> list[PullRequest]:
    """Open pull requests that have passed on an older base, and have a batch of them started."""
    pulls = [await ctx.open_pull(name) for name in names]
    await ctx.sync()
    await ctx.ci.finish()
    await ctx.push("main", moved="provides moved")
    await ctx.sync()
    return pulls


async def test_a_batch_that_starts_is_told_at_once_and_without_its_members(world: World) -> None:
    async with world(statuses=True) as ctx:
        pulls = await batch_in_flight(ctx, "pump", "valve", "nozzle")
        for pull in pulls:
            assert told(ctx, pull)[-1] == ("pending", "Not mergeable. Being tested in a batch of 3.")
            assert "Waiting for a retest" not in str(told(ctx, pull))


async def test_batches_that_come_and_go_are_no_reason_to_write(world: World) -> None:
    async with world(statuses=True) as ctx:
        pulls = await batch_in_flight(ctx, "pump", "valve", "nozzle", "gimbal")
        before = [written(ctx, pull) for pull in pulls]
        (batch,) = [run for run in ctx.ci.live if run.kind is RunKind.BATCH]
        await ctx.ci.finish(batch, state=RunState.FAILURE)
        for _ in range(4):
            await ctx.sync()
        half = [run for run in ctx.ci.live if run.kind is RunKind.BATCH]
        assert [len(run.heads) for run in half] == [2]
        assert [written(ctx, pull) for pull in pulls] == before
        verdict = await ctx.verdict(pulls[1])
        assert verdict.summary == "Not mergeable. Being tested in a batch of 2.", "the page knows"


async def test_progress_that_lasts_is_told_again_after_a_while(world: World) -> None:
    async with world(statuses=True) as ctx:
        pulls = await batch_in_flight(ctx, "pump", "valve", "nozzle", "gimbal")
        (batch,) = [run for run in ctx.ci.live if run.kind is RunKind.BATCH]
        await ctx.ci.finish(batch, state=RunState.FAILURE)
        await ctx.sync()
        ctx.clock.sandbox.forward(seconds=PROGRESS_LASTS.total_seconds())
        await write_statuses(ctx)
        assert told(ctx, pulls[1])[-1] == ("pending", "Not mergeable. Being tested in a batch of 2.")


async def test_what_goes_wrong_is_told_at_once_after_progress(world: World) -> None:
    async with world(statuses=True) as ctx:
        pulls = await batch_in_flight(ctx, "pump", "valve", "nozzle")
        ctx.remove_label(pulls[1], "lgtm")
        await ctx.sync()
        assert told(ctx, pulls[1])[-1] == NEEDS_LGTM
        ctx.add_label(pulls[1], "lgtm")
        await ctx.sync()
        assert told(ctx, pulls[1])[-1][1] == "Not mergeable. Being tested in a batch of 3."


async def test_a_pause_is_told_at_once_after_progress_and_so_is_its_end(world: World) -> None:
    async with world(statuses=True) as ctx:
        pull = await ctx.open_pull("pump")
        build = NewStatus(context="build", state="pending")
        ctx.forge.create_status(ctx.repository(), pull.head_sha, build)
        await ctx.sync()
        waiting = told(ctx, pull)[-1]
        ctx.reload(queue={"*": {"trigger": True, "paused": True}})
        await ctx.sync()
        assert told(ctx, pull)[-1] == ("pending", "Not mergeable. The queue is paused in its configuration.")
        ctx.reload(queue={"*": {"trigger": True}})
        await ctx.sync()
        assert told(ctx, pull)[-1] == waiting


async def test_progress_that_somebody_has_written_over_is_put_right(world: World) -> None:
    async with world(statuses=True) as ctx:
        (pull, *_) = await batch_in_flight(ctx, "pump", "valve")
        theirs = NewStatus(context="tide", state="success", description="Merge me.")
        ctx.forge.create_status(ctx.repository(), pull.head_sha, theirs)
        ctx.clock.sandbox.forward(minutes=2)
        await ctx.sync()
        assert told(ctx, pull)[-1] == ("pending", "Not mergeable. Retesting: unit")


async def test_our_own_statuses_are_no_reason_for_another_decision(world: World) -> None:
    async with world(statuses=True) as ctx:
        await ctx.open_pull("pump", labels=())
        await ctx.sync()
        kept = len(await ctx.rows("decisions"))
        for _ in range(4):
            await ctx.sync()
        assert written(ctx, ctx.repository().pulls[1])
        assert len(await ctx.rows("decisions")) == kept == 1


async def test_a_dry_run_writes_nothing(world: World) -> None:
    async with world(statuses=True) as ctx:
        pull = await ctx.open_pull("pump", labels=())
        ctx.restart(is_dry_run=True)
        await ctx.sync()
        assert told(ctx, pull) == []
        assert await ctx.rows("intents") == []
        assert "status-update" in [controller for controller, _ in ctx.witness.rounds]


async def test_a_commit_that_is_gone_is_let_be(world: World) -> None:
    async with world(statuses=True) as ctx:
        pull = await ctx.open_pull("pump", labels=())
        ctx.fault("status", STATUSES_PATH, status=404, body={"message": "Not Found"})
        posts = ctx.tamper("code_host", "post_status")
        for _ in range(3):
            await ctx.sync()
        assert posts.calls == 1
        assert told(ctx, pull) == []
        assert ctx.witness.withheld == []


async def test_a_page_that_fails_half_way_leaves_the_rest_to_the_next_round(world: World) -> None:
    async with world(statuses=True) as ctx:
        pulls = [await ctx.open_pull(name, labels=()) for name in ("pump", "valve", "nozzle", "tank")]
        number = ctx.sandbox.faults.add(Fault(kind="partial_page"))
        await ctx.sync()
        assert [bool(told(ctx, pull)) for pull in pulls] == [True, True, False, False]
        ctx.sandbox.faults.remove(number)
        await ctx.sync()
        assert [told(ctx, pull) for pull in pulls] == [[NEEDS_LGTM]] * 4


async def test_what_one_organisation_refuses_does_not_keep_the_others_waiting(world: World) -> None:
    async with world(statuses=True, jobs=TWO_ORGS, tide=BOTH) as ctx:
        refused = [await ctx.open_pull(name, labels=()) for name in ("pump", "valve")]
        other = await ctx.open_pull("moon", labels=(), repo=ORBIT)
        number = ctx.fault("status", f"/repos/acme/rocket{STATUSES_PATH}", status=401, body={"message": "Bad"})
        await ctx.sync()
        assert told(ctx, other, ORBIT) == [NEEDS_LGTM]
        assert [str(pull) for pull, _ in ctx.witness.withheld] == ["acme/rocket#1"]  # one call, not one for each
        ctx.sandbox.faults.remove(number)
        ctx.clock.sandbox.forward(seconds=REFUSAL_LASTS.total_seconds())
        await ctx.sync()
        assert [told(ctx, pull) for pull in refused] == [[NEEDS_LGTM]] * 2


async def test_one_that_is_always_refused_does_not_keep_the_others_waiting(world: World) -> None:
    async with world(statuses=True) as ctx:
        refused, other = await ctx.open_pull("pump", labels=()), await ctx.open_pull("valve", labels=())
        ctx.fault("status", f"{STATUSES_PATH}{refused.head_sha}", status=422, body={"message": "Validation Failed"})
        await ctx.sync()
        ctx.clock.sandbox.forward(seconds=REFUSAL_LASTS.total_seconds())
        await ctx.sync()
        assert [told(ctx, refused), told(ctx, other)] == [[], [NEEDS_LGTM]]


async def test_a_limit_is_waited_for(world: World) -> None:
    async with world(statuses=True) as ctx:
        pull = await ctx.open_pull("pump", labels=())
        number = ctx.fault("secondary_rate_limit", STATUSES_PATH, retry_after=300)
        await ctx.sync()
        ctx.sandbox.faults.remove(number)
        posts = ctx.tamper("code_host", "post_status")
        await write_statuses(ctx)
        assert posts.calls == 0
        ctx.clock.sandbox.forward(seconds=302)
        await write_statuses(ctx)
        assert told(ctx, pull) == [NEEDS_LGTM]


async def test_an_answer_that_was_lost_has_it_written_once_more(world: World) -> None:
    async with world(statuses=True) as ctx:
        pull = await ctx.open_pull("pump", labels=())
        ctx.fault("disconnect", STATUSES_PATH, when="after", times=1)
        await ctx.sync()
        ctx.clock.sandbox.forward(seconds=REFUSAL_LASTS.total_seconds())
        await ctx.sync()
        await ctx.sync()
        assert told(ctx, pull) == [NEEDS_LGTM] * 2
        assert all(row["outcome"] for row in await ctx.rows("intents"))


async def test_a_kill_right_after_a_status_has_it_written_twice_at_most(world: World) -> None:
    async with world(statuses=True) as ctx:
        pull = await ctx.open_pull("pump", labels=())
        ctx.tamper("code_host", "post_status", after=die)
        with pytest.raises(Killed):
            await ctx.sync()
        (intent,) = await ctx.rows("intents")
        assert (intent["kind"], intent["outcome"]) == ("status", "")
        ctx.restart()
        await ctx.sync()
        await ctx.sync()
        assert told(ctx, pull) == [NEEDS_LGTM] * 2
        assert all(row["outcome"] for row in await ctx.rows("intents"))


async def test_the_database_lost_right_after_a_status_is_made_up_for(world: World) -> None:
    async with world(statuses=True) as ctx:
        pull = await ctx.open_pull("pump", labels=())
        ctx.tamper("store", "status_written", before=lose_the_database)
        with pytest.raises(StoreError):
            await ctx.sync()
        await ctx.sync()
        assert told(ctx, pull)[-1] == NEEDS_LGTM
        assert await ctx.store.statuses_written(HeadKey(MAIN.org, MAIN.repo, pull.head_sha))
        assert all(row["outcome"] for row in await ctx.rows("intents"))


async def test_no_status_is_written_without_the_lead(world: World) -> None:
    async with world(statuses=True) as ctx:
        pull = await ctx.open_pull("pump", labels=())
        ctx.tamper("store", "begin", before=lambda: lose_the_lead(ctx))
        with pytest.raises(LeaseLost):
            await ctx.sync()
        assert told(ctx, pull) == []


async def test_what_was_due_before_somebody_else_led_is_decided_anew(world: World) -> None:
    async with world(statuses=True) as ctx:
        pull = await ctx.open_pull("pump", labels=())
        await ctx.sync_.round()
        await lose_the_lead(ctx)
        ctx.add_label(pull, "hold")
        ctx.lead.lease = await ctx.lead.leases.take("another replica")
        await write_statuses(ctx)
        assert told(ctx, pull) == []
        ctx.remove_label(pull, "hold")
        await ctx.sync()
        assert told(ctx, pull) == [NEEDS_LGTM]


async def test_near_the_limit_of_a_commit_nothing_more_is_written_and_that_is_told_once(world: World) -> None:
    async with world(statuses=True) as ctx:
        pull = await ctx.open_pull("pump", labels=())
        await ctx.sync()
        await fill_up(ctx, pull, 900)
        ctx.add_label(pull, "lgtm")
        ctx.add_label(pull, "hold")
        for _ in range(3):
            await ctx.sync()
        assert told(ctx, pull) == [NEEDS_LGTM]
        assert len(ctx.witness.withheld) == 1
        ctx.remove_label(pull, "hold")
        await ctx.settle()
        assert pull.merged
        assert told(ctx, pull)[-1] == POOLED  # what lets it merge is still written


async def test_a_commit_that_others_have_filled_up_is_tried_once_for_each_text(world: World) -> None:
    async with world(statuses=True, queue={}) as ctx:
        pull = await ctx.open_pull("pump", labels=())
        foreign = NewStatus(context="tide", state="pending", description="Not mergeable.")
        for _ in range(1000):
            ctx.forge.create_status(ctx.repository(), pull.head_sha, foreign)
        posts = ctx.tamper("code_host", "post_status")
        for _ in range(3):
            ctx.clock.sandbox.forward(minutes=2)
            await ctx.sync()
        assert posts.calls == 1
        assert [reason.partition(":")[0] for _, reason in ctx.witness.withheld] == [
            "its commit has 1000 of them already, and GitHub takes 1,000"
        ]
        ctx.add_label(pull, "lgtm")
        await ctx.sync()
        assert posts.calls == 2
        assert all(row["outcome"] for row in await ctx.rows("intents"))


async def test_whoever_stops_does_not_wait_for_all_that_is_due(world: World) -> None:
    async with world(statuses=True) as ctx:
        pulls = [await ctx.open_pull(name, labels=()) for name in ("pump", "valve")]
        await ctx.sync_.round()
        assert ctx.sync_.statuses
        await ctx.sync_.statuses.round(lambda: bool(told(ctx, pulls[0])))
        assert [told(ctx, pull) for pull in pulls] == [[NEEDS_LGTM], []]


async def test_a_round_and_a_landing_write_no_status_twice(world: World) -> None:
    async with world(statuses=True) as ctx:
        pull = await passing(ctx)
        assert ctx.sync_.statuses
        await asyncio.gather(ctx.sync_.round(), ctx.sync_.statuses.round(), ctx.sync_.statuses.round())
        await ctx.sync()
        assert pull.merged
        assert told(ctx, pull).count(POOLED) == 1


async def test_what_is_beyond_the_hours_allowance_is_written_later_and_a_merge_does_not_wait(world: World) -> None:
    async with world(statuses=True) as ctx:
        allowance = allow_statuses(ctx, 2)
        pulls = [await ctx.open_pull(f"change-{n}", labels=()) for n in range(3)]
        await ctx.sync()
        assert [told(ctx, pull) for pull in pulls] == [[NEEDS_LGTM], [NEEDS_LGTM], []]
        ctx.add_label(pulls[2], "lgtm")
        await ctx.sync()
        await ctx.ci.finish()
        assert told(ctx, pulls[2]) == []
        await ctx.sync()
        assert pulls[2].merged
        assert told(ctx, pulls[2]) == [POOLED]
        ctx.add_label(pulls[0], "lgtm")
        ctx.clock.sandbox.forward(seconds=5400)
        await ctx.sync()
        assert told(ctx, pulls[0]) == [NEEDS_LGTM]  # the merge took what this one would have had
        ctx.clock.sandbox.forward(seconds=1800)
        assert not allowance.is_spent()
        await ctx.sync()
        assert told(ctx, pulls[0])[0] == NEEDS_LGTM
        assert len(told(ctx, pulls[0])) == 2
        assert allowance.is_spent()
        assert set(ctx.clock.slept) <= {PACE_SECONDS}


async def test_more_than_a_thousand_pull_requests_all_show_their_status_at_a_measured_pace(world: World) -> None:
    count = 1003
    async with world(statuses=True) as ctx:
        repository = ctx.repository()
        parent = (repository.branches["main"],)
        commits = [
            NewCommit(parents=parent, files={f"{n}.txt": b"x"}, message=f"Add {n}", author=AUTHOR, at=ctx.clock.now())
            for n in range(count)
        ]
        heads = {f"change-{n}": sha for n, sha in enumerate(await repository.git.write_commits(commits))}
        await ctx.forge.write_branches(repository, heads, actor="alice")
        pulls = []
        for name in heads:
            ctx.clock.sandbox.forward(seconds=1)
            pulls.append(ctx.forge.open_pull(repository, NewPull(title=name, head_ref=name, base_ref="main"), "alice"))
        started = ctx.clock.now()
        await ctx.sync()
        assert [told(ctx, pull) for pull in pulls] == [[NEEDS_LGTM]] * count
        assert ctx.clock.slept == [PACE_SECONDS] * (count - AT_ONCE)
        assert ctx.clock.now() - started < timedelta(minutes=15)
        posts = ctx.tamper("code_host", "post_status")
        await ctx.sync()
        assert posts.calls == 0
