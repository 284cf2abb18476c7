"""Rounds and looks: one pool's trouble stays its own, and nothing is decided on old facts."""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.sync.conftest import World
from tests.integration.sync.story import MAIN, Story, job
from tests.integration.sync.test_landing import meanwhile, passing_batch
from tests.integration.sync.test_recovery import lose_the_database
from tide.adapters.github.code_host import GitHub
from tide.domain.decisions import VerdictKind
from tide.domain.errors import NotFound, StoreError
from tide.domain.keys import HeadKey, PoolKey
from tide.domain.pulls import MergeMethod
from tide.domain.records import PoolView
from tide.domain.runs import RunState
from tide.domain.snapshot import Standing
from tide.sandbox.evidence import DEFAULT_APP, NewCheckRun, NewStatus
from tide.sandbox.faults import Fault
from tide.sandbox.model import PullRequest

ENGINE = PoolKey("acme", "engine", "main")
JOBS = {"acme/engine": [job()], "acme/rocket": [job()]}


@pytest.mark.parametrize("status", [404, 500])
async def test_a_ref_that_cannot_be_read_stops_only_its_own_pool(world: World, status: int) -> None:
    async with world() as ctx:
        pull, other = await ctx.open_pull("pump"), await ctx.open_pull("backport", base="release")
        ctx.fault("status", "/git/ref/heads/main$", status=status)
        await ctx.settle()
        assert [pull.merged, other.merged] == [False, True]
        assert (await ctx.pool()).error
        assert {pool for pool, _error in ctx.witness.failures} == {MAIN}
        ctx.sandbox.faults.clear()
        await ctx.sync()
        assert (await ctx.pool()).error == ""
        await ctx.settle()
        assert pull.merged


async def test_blockers_that_cannot_be_read_let_nothing_merge(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump")
        await ctx.sync()
        await ctx.ci.finish()
        ctx.sandbox.faults.add(Fault(kind="status", operation="SearchBlockers|Glance", status=502))
        await ctx.sync()
        assert not pull.merged
        assert "block" in (await ctx.pool()).error
        assert any("block" in error for error in ctx.sync_.errors)
        ctx.sandbox.faults.clear()
        await ctx.sync()
        assert pull.merged


async def test_a_search_that_lags_behind_does_not_shrink_a_pool(world: World) -> None:
    async with world() as ctx:
        pulls = [await ctx.open_pull(name) for name in ("pump", "valve")]
        await ctx.sync()
        ctx.sandbox.index.lag = timedelta(hours=1)
        await ctx.ci.finish()
        await ctx.settle()
        assert all(pull.merged for pull in pulls)


async def test_a_search_that_breaks_off_does_not_make_pull_requests_vanish(world: World) -> None:
    async with world() as ctx:
        pulls = [await ctx.open_pull(name) for name in ("pump", "valve")]
        await ctx.sync()
        ctx.sandbox.faults.add(Fault(kind="partial_page"))
        await ctx.ci.finish()
        await ctx.settle()
        assert all(pull.merged for pull in pulls)


async def test_a_search_that_fails_does_not_make_pull_requests_vanish(world: World) -> None:
    async with world() as ctx:
        pulls = [await ctx.open_pull(name) for name in ("pump", "valve")]
        await ctx.sync()
        ctx.sandbox.faults.add(Fault(kind="status", operation="SearchPulls|Glance", status=502))
        await ctx.ci.finish()
        await ctx.settle()
        assert all(pull.merged for pull in pulls)
        assert ctx.sync_.errors


async def test_what_a_search_still_proposes_is_not_merged_without_its_label(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump")
        await ctx.sync()
        await ctx.ci.finish()
        ctx.sandbox.index.lag = timedelta(hours=1)
        ctx.remove_label(pull, "lgtm")
        await ctx.settle()
        assert not pull.merged
        assert "lgtm" in (await ctx.verdict(pull)).summary


async def test_a_look_needs_no_search(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump")
        await ctx.sync()
        await ctx.ci.finish()
        searches = ctx.tamper("code_host", "search_pulls")
        await ctx.sync_.look_again(MAIN)
        assert pull.merged
        assert searches.calls == 0


async def test_an_error_of_our_own_in_a_look_is_told_of_its_pool(world: World) -> None:
    async with world() as ctx:
        await ctx.open_pull("pump")
        await ctx.sync()

        async def stumble() -> None:
            raise RuntimeError("stumbled")

        ctx.tamper("code_host", "follow_pulls", before=stumble)
        await ctx.sync_.look_again(MAIN)
        assert "stumbled" in (await ctx.pool()).error


async def test_a_round_and_a_look_at_the_same_time_merge_once(world: World) -> None:
    async with world() as ctx:
        pulls = [await ctx.open_pull(name) for name in ("pump", "valve")]
        await ctx.sync()
        await ctx.ci.finish()
        await asyncio.gather(ctx.sync_.round(), ctx.sync_.look_again(MAIN), ctx.sync_.look_again(MAIN))
        await ctx.settle()
        assert [ctx.merges(pull) for pull in pulls] == [1, 1]


async def test_a_look_after_our_own_deed_reads_no_pull_request_again(world: World) -> None:
    async with world() as ctx:
        assert isinstance(ctx.host, GitHub)
        pulls = await passing_batch(ctx, "pump", "valve")
        await ctx.open_pull("nozzle")
        ctx.woken.clear()
        await ctx.sync()
        assert all(pull.merged for pull in pulls)
        assert ctx.woken == [MAIN]
        points = ctx.host.calls.points
        await ctx.sync_.look_again(MAIN)
        assert ctx.host.calls.points == points
        assert (await ctx.pool()).base_sha == ctx.head()


async def test_a_hint_has_everything_read_again_also_right_after_our_own_deed(world: World) -> None:
    async with world() as ctx:
        await passing_batch(ctx, "pump", "valve")
        other = await ctx.open_pull("nozzle")
        await ctx.sync()
        ctx.remove_label(other, "lgtm")
        ctx.clock.sandbox.forward(seconds=1)
        await ctx.sync_.look_near([HeadKey("acme", "rocket", other.head_sha)])
        await ctx.sync_.look_again(MAIN)
        assert "lgtm" in (await ctx.verdict(other)).summary


async def test_a_hint_that_comes_during_our_own_deed_has_everything_read_again(world: World) -> None:
    async with world() as ctx:
        await passing_batch(ctx, "pump", "valve")
        other = await ctx.open_pull("nozzle")

        async def change() -> None:
            ctx.remove_label(other, "lgtm")
            await ctx.sync_.look_near([HeadKey("acme", "rocket", other.head_sha)])

        ctx.tamper("runner", "runs", before=change)
        await ctx.sync()
        await ctx.sync_.look_again(MAIN)
        assert "lgtm" in (await ctx.verdict(other)).summary


async def test_what_was_read_before_a_deed_does_not_last(world: World) -> None:
    async with world() as ctx:
        assert isinstance(ctx.host, GitHub)
        await passing_batch(ctx, "pump", "valve")
        await ctx.open_pull("nozzle")
        await ctx.sync()
        ctx.clock.sandbox.forward(minutes=2)
        points = ctx.host.calls.points
        await ctx.sync_.look_again(MAIN)
        assert ctx.host.calls.points > points


async def test_a_look_at_a_pool_without_pull_requests_does_not_bring_it_back(world: World) -> None:
    async with world() as ctx:
        await ctx.open_pull("pump")
        await ctx.settle()
        await ctx.sync()
        await ctx.sync_.look_again(MAIN)
        await ctx.sync_.look_again(PoolKey("other", "repo", "main"))
        assert await ctx.views.pools() == (PoolView.at_rest(MAIN),)


async def test_facts_that_have_grown_old_while_a_pool_was_waited_for_are_read_anew(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump")
        await ctx.sync()
        await ctx.ci.finish()

        async def dawdle() -> None:
            ctx.clock.sandbox.forward(seconds=61)
            ctx.forge.open_issue(ctx.repository(), title="Stop", labels=["merge-blocker"])

        ctx.tamper("store", "drop_pools", after=dawdle)
        await ctx.sync()
        assert not pull.merged
        assert (await ctx.pool()).action == "BLOCKED"


async def test_how_old_facts_may_be_is_configured(world: World) -> None:
    async with world(queue={"*": {"trigger": True, "freshness": "10m"}}) as ctx:
        pull = await ctx.open_pull("pump")
        await ctx.sync()
        await ctx.ci.finish()

        async def dawdle() -> None:
            ctx.clock.sandbox.forward(seconds=61)

        ctx.tamper("store", "drop_pools", after=dawdle)
        looks = ctx.tamper("code_host", "follow_pulls")
        await ctx.sync()
        assert pull.merged
        assert looks.calls == 1


async def test_a_pause_holds_also_for_the_pools_that_a_round_has_yet_to_look_at(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump")
        await ctx.sync()
        await ctx.ci.finish()

        async def pause() -> None:
            ctx.reload(queue={"*": {"trigger": True, "paused": True}})

        ctx.tamper("store", "drop_pools", after=pause)
        await ctx.sync()
        assert not pull.merged


async def test_an_error_of_the_database_in_one_pool_lets_the_others_finish(world: World) -> None:
    async with world(jobs=JOBS) as ctx:
        rocket, engine = await ctx.open_pull("pump"), await ctx.open_pull("pump", repo="acme/engine")
        await ctx.sync()
        await ctx.ci.finish()
        ctx.tamper("store", "standing", before=lose_the_database)
        with pytest.raises(StoreError):
            await ctx.sync()
        assert sorted([rocket.merged, engine.merged]) == [False, True]


async def test_a_pull_request_whose_changes_cannot_be_read_is_held_alone(world: World) -> None:
    async with world(jobs={"acme/rocket": [job("valves", run_if_changed="valve")]}) as ctx:
        broken, good = await ctx.open_pull("pump"), await ctx.open_pull("nozzle")

        async def break_down() -> None:
            raise NotFound("no such commit")

        ctx.tamper("git", "changed_files", before=break_down)
        await ctx.sync()
        assert [broken.merged, good.merged] == [False, True]
        assert "no such commit" in (await ctx.verdict(broken)).summary


async def test_a_refused_merge_does_not_make_the_pool_look_again_and_again(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump")
        await ctx.sync()
        await ctx.ci.finish()
        meanwhile(ctx, lambda: ctx.forge.set_draft(ctx.repository(), pull, draft=True))
        ctx.woken.clear()
        await ctx.sync()
        assert not pull.merged
        assert ctx.woken == []


async def test_what_stands_back_gives_way_to_the_others_at_once(world: World) -> None:
    async with world() as ctx:
        await ctx.open_pull("pump")
        await ctx.sync()
        await ctx.ci.finish()
        ctx.fault("status", method="PUT", status=405, body={"message": "No."})
        ctx.woken.clear()
        await ctx.sync()
        assert ctx.woken == [MAIN]


async def test_runs_of_a_pool_that_has_vanished_are_followed_to_their_end(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump")
        await ctx.sync()
        ctx.forge.close_pull(ctx.repository(), pull)
        await ctx.sync()
        await ctx.sync()
        assert len(await ctx.views.live_runs()) == 1
        await ctx.ci.finish(state=RunState.FAILURE)
        await ctx.sync()
        assert await ctx.views.live_runs() == ()
        assert await ctx.views.pools() == ()


async def test_runs_that_the_ci_has_lost_do_not_stay_alive(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump")
        await ctx.sync()
        ctx.ci.forget()
        await ctx.settle()
        assert pull.merged
        assert await ctx.views.live_runs() == ()


async def test_the_ci_out_of_reach_is_shown_and_waited_for(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump")
        ctx.ci.unreachable = NotFound("the cluster is out of reach")
        await ctx.sync()
        assert "out of reach" in (await ctx.pool()).error
        ctx.ci.unreachable = None
        await ctx.settle()
        assert pull.merged


async def test_a_queue_that_waits_writes_nothing_and_asks_little(world: World) -> None:
    async with world() as ctx:
        await ctx.open_pull("bad", bad="breaks unit")
        await ctx.settle()
        intents = ctx.tamper("store", "open_intents")
        before = [await ctx.rows(table) for table in ("intents", "history", "decisions")]
        await ctx.sync()
        assert [await ctx.rows(table) for table in ("intents", "history", "decisions")] == before
        assert intents.calls == 1  # for all pools at once: one that has vanished may have left something open


async def test_a_method_that_a_repository_forbids_keeps_its_pull_requests_out(world: World) -> None:
    async with world(tide={"merge_method": {"acme": MergeMethod.REBASE.value}}) as ctx:
        ctx.forge.change_settings(ctx.repository(), allow_rebase_merge=False)
        pull = await ctx.open_pull("pump")
        await ctx.settle()
        assert not pull.merged
        assert "rebase" in (await ctx.verdict(pull)).summary


async def test_a_check_run_that_is_gone_for_a_moment_is_waited_for(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump")
        await ctx.sync()
        await ctx.ci.finish()
        ctx.forge.create_check_run(ctx.repository(), pull.head_sha, NewCheckRun(name="build", conclusion="failure"))
        await ctx.sync()
        ctx.repository().check_runs.clear()  # somebody has asked for it to be run again
        await ctx.sync()
        assert not pull.merged
        verdict = await ctx.verdict(pull)
        assert (verdict.kind, verdict.unblock) == (VerdictKind.WAITING, ("Wait for build.",))
        ctx.forge.create_check_run(ctx.repository(), pull.head_sha, NewCheckRun(name="build", conclusion="success"))
        await ctx.settle()
        assert pull.merged


def check(ctx: Story, head_sha: str, conclusion: Any, workflow: str = "ci", app: tuple[int, str] = DEFAULT_APP) -> None:
    """Report the check run `build` of a workflow; without a conclusion it runs."""
    status: Any = "completed" if conclusion else "in_progress"
    new = NewCheckRun(name="build", status=status, conclusion=conclusion, workflow=workflow, app=app)
    ctx.forge.create_check_run(ctx.repository(), head_sha, new)


@pytest.mark.parametrize("other", ["failure", "cancelled", None])
@pytest.mark.parametrize("is_another_app", [False, True])
async def test_two_check_runs_of_one_name_must_both_pass(
    world: World, other: str | None, *, is_another_app: bool
) -> None:
    async with world(jobs={"acme/rocket": []}) as ctx:
        pull = await ctx.open_pull("pump")
        theirs: dict[str, Any] = {"app": (7, "scanner")} if is_another_app else {"workflow": "nightly"}
        check(ctx, pull.head_sha, "success")
        check(ctx, pull.head_sha, other, **theirs)
        await ctx.settle()
        assert not pull.merged
        assert (await ctx.verdict(pull)).summary == "Not mergeable. Job build has not succeeded."
        check(ctx, pull.head_sha, "success", **theirs)  # run again within its suite
        await ctx.settle()
        assert pull.merged


async def seen_and_pushed(ctx: Story, pull: PullRequest) -> str:
    """Have what was reported on the held head be seen; then let go of the pull request and push a new head; give it."""
    ctx.add_label(pull, "seen")
    await ctx.sync()
    ctx.remove_label(pull, "hold")
    return await ctx.rewrite(pull, pump="provides pump")


async def test_what_the_former_head_had_is_waited_for_on_a_new_one(world: World) -> None:
    async with world(jobs={"acme/rocket": []}) as ctx:
        pull = await ctx.open_pull("pump", labels=("lgtm", "hold"))
        check(ctx, pull.head_sha, "success")
        ctx.forge.create_status(ctx.repository(), pull.head_sha, NewStatus(context="ci/site", state="success"))
        sha = await seen_and_pushed(ctx, pull)
        await ctx.settle()
        assert not pull.merged
        verdict = await ctx.verdict(pull)
        assert (verdict.kind, verdict.unblock) == (VerdictKind.WAITING, ("Wait for build.", "Wait for ci/site."))
        check(ctx, sha, "success")
        await ctx.settle()
        assert not pull.merged
        ctx.forge.create_status(ctx.repository(), sha, NewStatus(context="ci/site", state="success"))
        await ctx.settle()
        assert pull.merged


async def test_what_the_former_head_had_is_waited_for_also_by_a_process_that_begins_after_the_push(
    world: World,
) -> None:
    async with world(jobs={"acme/rocket": []}) as ctx:
        pull = await ctx.open_pull("pump", labels=("lgtm", "hold"))
        check(ctx, pull.head_sha, "success")
        sha = await seen_and_pushed(ctx, pull)
        ctx.restart()
        await ctx.sync()
        assert not pull.merged
        check(ctx, sha, "success")
        await ctx.settle()
        assert pull.merged


async def test_what_does_not_come_to_a_new_head_is_waited_for_a_few_minutes_only(world: World) -> None:
    async with world(jobs={"acme/rocket": []}) as ctx:
        pull = await ctx.open_pull("pump", labels=("lgtm", "hold"))
        check(ctx, pull.head_sha, "success")
        await seen_and_pushed(ctx, pull)
        await ctx.settle()
        assert not pull.merged
        ctx.clock.sandbox.forward(minutes=5)
        await ctx.settle()
        assert pull.merged


async def test_a_job_is_not_waited_for_on_a_new_head_that_does_not_need_it(world: World) -> None:
    async with world(jobs={"acme/rocket": [job("valves", run_if_changed="valve")]}) as ctx:
        pull = await ctx.open_pull("valve", labels=("lgtm", "hold"))
        ctx.forge.create_status(ctx.repository(), pull.head_sha, NewStatus(context="valves", state="failure"))
        await seen_and_pushed(ctx, pull)
        await ctx.sync()
        assert pull.merged


async def test_a_check_run_that_goes_between_decision_and_merge_stops_the_landing(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump")
        ctx.forge.create_check_run(ctx.repository(), pull.head_sha, NewCheckRun(name="build", conclusion="success"))
        await ctx.sync()
        await ctx.ci.finish()
        meanwhile(ctx, ctx.repository().check_runs.clear)
        await ctx.sync()
        assert not pull.merged
        await ctx.sync()
        assert not pull.merged


async def test_a_check_run_that_stays_away_is_not_waited_for(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump")
        ctx.forge.create_check_run(ctx.repository(), pull.head_sha, NewCheckRun(name="build", conclusion="failure"))
        await ctx.sync()
        await ctx.ci.finish()
        ctx.repository().check_runs.clear()
        ctx.clock.sandbox.forward(minutes=10)
        await ctx.settle()
        assert pull.merged


@pytest.mark.parametrize("limit", [-1, 0])
async def test_a_job_that_cannot_be_started_keeps_only_those_waiting_that_need_it(world: World, limit: int) -> None:
    jobs = {"acme/rocket": [job(), job("odd", run_if_changed="odd")]}
    async with world(jobs=jobs, tide={"batch_size_limit": {"*": limit}}) as ctx:
        odd = [await ctx.open_pull(name) for name in ("odd", "oddity")]
        await ctx.sync()
        await ctx.ci.finish()
        await ctx.push("main", tank="provides tank")
        ctx.ci.refused = "odd"
        others = [await ctx.open_pull(name) for name in ("pump", "valve")]
        for _ in range(8):
            await ctx.sync()
            await ctx.ci.finish()
        assert [pull.merged for pull in (*odd, *others)] == [False, False, True, True]
        assert "the cluster refuses odd" in (await ctx.verdict(odd[0])).summary
        ctx.ci.refused = ""
        ctx.clock.sandbox.forward(minutes=5)
        await ctx.settle()
        assert all(pull.merged for pull in odd)


@pytest.mark.parametrize("most", [1, 2])
async def test_no_more_pools_are_synced_at_once_than_configured(world: World, most: int) -> None:
    async with world() as ctx:
        for branch in ("one", "two", "three", "four"):
            await ctx.forge.write_branch(ctx.repository(), branch, ctx.head())
            await ctx.open_pull(f"pump-{branch}", base=branch)
        crowd = Crowd(ctx.world.store, most)
        ctx.sync_.world = replace(ctx.world, store=crowd)
        ctx.sync_.concurrency = most
        await ctx.sync()
        assert crowd.most == most


async def test_a_round_that_fails_is_counted_too(world: World) -> None:
    async with world() as ctx:
        ctx.tamper("store", "marks", before=lose_the_database)
        with pytest.raises(StoreError):
            await ctx.sync()
        assert [controller for controller, _took in ctx.witness.rounds] == ["sync"]


async def test_a_blocked_pool_does_nothing_and_leaves_no_history(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump")
        await ctx.sync()
        await ctx.ci.finish()
        ctx.forge.open_issue(ctx.repository(), title="Stop", labels=["merge-blocker"])
        await ctx.settle()
        assert not pull.merged
        assert (await ctx.pool()).action == "BLOCKED"
        assert await ctx.deeds() == []


async def test_a_retargeted_pull_request_is_tested_for_the_branch_that_it_goes_to(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump")
        await ctx.sync()
        await ctx.ci.finish()
        await ctx.push("release", tank="provides tank")
        ctx.forge.retarget_pull(ctx.repository(), pull, "release", "alice")
        await ctx.sync()
        assert not pull.merged
        await ctx.settle()
        assert pull.merged
        assert [run.pool.branch for run in ctx.runs(pull.number)] == ["main", "release"]


@dataclass
class Crowd:
    """A store that counts how many pools are looked at in the same moment; they go on when `expected` are there."""

    store: Any
    expected: int
    now: int = 0
    most: int = 0

    def __post_init__(self) -> None:
        self.gathered = asyncio.Barrier(self.expected)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    async def standing(self, pool: PoolKey) -> Standing:
        self.now += 1
        self.most = max(self.most, self.now)
        async with asyncio.timeout(20):
            await self.gathered.wait()
        standing: Standing = await self.store.standing(pool)
        self.now -= 1
        return standing
