"""From the label to the branch: first runs, single merges, methods, and what keeps a pull request out."""

from tests.integration.sync.conftest import World
from tests.integration.sync.rules import require_reviews
from tests.integration.sync.story import MAIN, UNIT, job
from tide.domain.decisions import Place, VerdictKind
from tide.domain.keys import PoolKey
from tide.domain.runs import Purpose, RunKind, RunState

ENGINE = "acme/engine"


async def test_a_labelled_pull_request_gets_its_first_run_passes_and_merges(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump")
        await ctx.sync()
        assert [(run.context, run.purpose) for run in ctx.runs(1)] == [(UNIT, Purpose.FIRST)]
        assert (await ctx.verdict(pull)).place is Place.OUTSIDE
        await ctx.run_jobs()
        await ctx.sync()
        assert pull.merged
        assert pull.merge_commit_sha == ctx.head()
        (record,) = await ctx.history()
        assert record.action == "MERGE"
        assert [target.number for target in record.targets] == [1]
        assert record.error == ""
        assert record.reason.endswith("comes first.")


async def test_after_a_merge_the_pool_wants_another_look_at_once(world: World) -> None:
    async with world() as ctx:
        await ctx.open_pull("pump")
        await ctx.sync()
        await ctx.run_jobs()
        ctx.woken.clear()
        await ctx.sync()
        assert ctx.woken == [MAIN]


async def test_a_pull_request_without_its_label_is_explained_and_left_alone(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump", labels=())
        await ctx.settle()
        verdict = await ctx.verdict(pull)
        assert verdict.kind is VerdictKind.BLOCKED
        assert "lgtm" in verdict.summary
        assert ctx.ci.all == ()
        assert not pull.merged


async def test_a_held_pull_request_waits_until_the_hold_is_taken_away(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump", labels=("lgtm", "hold"))
        await ctx.settle()
        assert "hold" in (await ctx.verdict(pull)).summary
        assert not pull.merged
        ctx.remove_label(pull, "hold")
        await ctx.settle()
        assert pull.merged


async def test_a_failing_pull_request_is_told_so_and_never_lands(world: World) -> None:
    async with world() as ctx:
        bad = await ctx.open_pull("bad", bad="breaks unit")
        good = await ctx.open_pull("good")
        await ctx.settle()
        assert good.merged
        assert not bad.merged
        assert UNIT in (await ctx.verdict(bad)).summary


async def test_a_mended_pull_request_is_tested_anew_and_lands(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("bad", bad="breaks unit")
        await ctx.settle()
        await ctx.push("bad", bad="provides good")
        await ctx.settle()
        assert pull.merged


async def test_every_open_pull_request_is_explained(world: World) -> None:
    async with world() as ctx:
        pulls = [
            await ctx.open_pull("plain", labels=()),
            await ctx.open_pull("held", labels=("lgtm", "hold")),
            await ctx.open_pull("bad", bad="breaks unit"),
            await ctx.open_pull("stacked", base="plain", parent=ctx.head("plain")),
        ]
        await ctx.settle()
        for pull in pulls:
            verdict = await ctx.verdict(pull)
            assert verdict.kind is not VerdictKind.UNKNOWN
            assert verdict.summary
            assert verdict.head_sha == pull.head_sha


async def test_a_pull_request_that_a_human_closed_leaves_the_page(world: World) -> None:
    async with world() as ctx:
        pulls = [await ctx.open_pull("plain", labels=()), await ctx.open_pull("bad", bad="breaks unit")]
        stays = await ctx.open_pull("stays", labels=())
        await ctx.settle()
        for pull in pulls:
            ctx.forge.close_pull(ctx.repository(), pull)
        await ctx.sync()
        await ctx.sync()
        assert [pull.number for pull in (await ctx.pool()).outside] == [stays.number]


async def test_a_pull_request_that_changes_nothing_is_told_so_and_does_not_block_the_others(world: World) -> None:
    async with world() as ctx:
        first = await ctx.open_pull("pump")
        same = await ctx.open_pull("same", pump="provides pump")
        others = [await ctx.open_pull(name) for name in ("valve", "nozzle")]
        await ctx.settle()
        assert first.merged
        assert all(pull.merged for pull in others)
        assert not same.merged
        assert "changes nothing" in (await ctx.verdict(same)).summary


async def test_jobs_that_only_some_files_ask_for_are_run_for_those(world: World) -> None:
    jobs = {"acme/rocket": [job("valves", run_if_changed="valve"), job("docs", run_if_changed="^docs/")]}
    async with world(jobs=jobs) as ctx:
        valve, pump = await ctx.open_pull("valve"), await ctx.open_pull("pump")
        await ctx.settle()
        assert valve.merged
        assert pump.merged
        assert {run.job for run in ctx.ci.all} == {"valves"}


async def test_a_pull_request_that_needs_no_job_merges_at_once(world: World) -> None:
    async with world(jobs={"acme/rocket": []}) as ctx:
        pull = await ctx.open_pull("pump")
        await ctx.sync()
        assert pull.merged


async def test_labels_choose_the_merge_method(world: World) -> None:
    async with world(tide={"merge_method": {"acme/rocket": "squash"}}) as ctx:
        squashed = await ctx.open_pull("pump")
        await ctx.push("pump", pump="provides pump", valve="provides valve")
        merged = await ctx.open_pull("nozzle", labels=("lgtm", "tide/merge"))
        rebased = await ctx.open_pull("gimbal", labels=("lgtm", "tide/rebase"))
        await ctx.push("gimbal", gimbal="provides gimbal", mount="provides mount")
        await ctx.settle()
        assert [squashed.merge_method, merged.merge_method, rebased.merge_method] == ["squash", "merge", "rebase"]
        assert await ctx.parts() == {"core", "pump", "valve", "nozzle", "gimbal", "mount"}
        assert {row["method"] for row in await ctx.rows("landings")} == {"squash", "merge", "rebase"}
        assert all(row["landed_tree"] == row["plan_tree"] for row in await ctx.rows("landings"))


async def test_contradicting_labels_keep_a_pull_request_out(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump", labels=("lgtm", "tide/merge", "tide/squash"))
        await ctx.settle()
        assert not pull.merged
        assert "merge method" in (await ctx.verdict(pull)).summary


async def test_a_pull_request_stacked_on_a_squashed_one_is_held_with_both_trees(world: World) -> None:
    async with world(tide={"merge_method": {"acme/rocket": "squash"}}) as ctx:
        lower = await ctx.open_pull("lower", engine="provides engine\n\n\n\nprovides one")
        upper = await ctx.open_pull(
            "upper", parent=lower.head_sha, engine="provides engine\n\n\n\nprovides two", upper="provides upper"
        )
        await ctx.settle()
        assert [lower.merged, upper.merged] == [True, False]
        summary = (await ctx.verdict(upper)).summary
        assert "conflict" in summary or "tree" in summary


async def test_two_pools_of_one_repository_do_not_wait_for_each_other(world: World) -> None:
    async with world() as ctx:
        bad = await ctx.open_pull("bad", bad="breaks unit")
        backport = await ctx.open_pull("backport", base="release")
        await ctx.sync()
        await ctx.ci.finish(*ctx.runs(backport.number))
        await ctx.sync()
        assert backport.merged
        assert not bad.merged
        assert await ctx.deeds(PoolKey("acme", "rocket", "release")) == ["MERGE 2"]
        assert await ctx.deeds() == []


async def test_a_review_that_is_dismissed_keeps_a_pull_request_out(world: World) -> None:
    queries = [{"orgs": ["acme"], "labels": ["lgtm"], "reviewApprovedRequired": True}]
    async with world(tide={"queries": queries}) as ctx:
        require_reviews(ctx)
        pull = await ctx.open_pull("pump")
        review = ctx.forge.submit_review(ctx.repository(), pull, author="bob", state="APPROVED")
        await ctx.sync()
        await ctx.run_jobs()
        ctx.forge.dismiss_review(ctx.repository(), pull, review)
        await ctx.settle()
        assert not pull.merged
        ctx.forge.submit_review(ctx.repository(), pull, author="bob", state="APPROVED")
        await ctx.settle()
        assert pull.merged


async def test_a_failed_run_that_is_asked_for_again_is_started_once_more(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("flaky")
        await ctx.sync()
        await ctx.ci.finish(state=RunState.FAILURE)
        await ctx.settle()
        assert not pull.merged
        assert (await ctx.retest(pull)).new == ("unit",)
        await ctx.settle()
        assert pull.merged
        assert [run.attempt for run in ctx.runs(1)] == [1, 2]


async def test_an_aborted_run_is_started_once_more_without_being_asked_for(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump")
        await ctx.sync()
        await ctx.ci.finish(state=RunState.ABORTED)
        await ctx.settle()
        assert pull.merged


async def test_a_dry_run_explains_and_changes_nothing_outside(world: World) -> None:
    async with world() as ctx:
        pull = await ctx.open_pull("pump")
        ctx.restart(is_dry_run=True)
        before = len(ctx.forge.log.recent)
        await ctx.sync()
        await ctx.sync()
        assert ctx.ci.all == ()
        assert len(ctx.forge.log.recent) == before
        assert await ctx.rows("intents") == []
        assert await ctx.rows("runs") == []
        assert await ctx.history() == []
        assert (await ctx.pool()).is_dry_run
        assert (await ctx.verdict(pull)).summary


async def test_a_dry_run_shows_what_would_be_started_within_the_limit_and_without_conflicts(world: World) -> None:
    async with world(tide={"batch_size_limit": {"*": 2}}) as ctx:
        base = ctx.head()
        await ctx.open_pull("pump", parent=base)
        await ctx.open_pull("clash", parent=base, pump="provides other")
        await ctx.open_pull("valve", parent=base)
        await ctx.open_pull("nozzle", parent=base)
        await ctx.sync()
        await ctx.ci.finish()
        await ctx.push("main", again="provides again")
        ctx.restart(is_dry_run=True)
        started = len(ctx.ci.all)
        await ctx.sync()
        await ctx.sync()
        assert len(ctx.ci.all) == started
        (decision, *_) = await ctx.views.decisions(MAIN, 1, None)
        assert (decision.action, decision.targets, decision.outcome) == ("TRIGGER_BATCH", (1, 3), "")
        assert [pull.number for pull in (await ctx.pool()).target] == [1, 3]


async def test_a_paused_pool_starts_and_merges_nothing_and_goes_on_afterwards(world: World) -> None:
    paused = {"*": {"trigger": True}, "acme/rocket@main": {"paused": True}}
    async with world(queue=paused) as ctx:
        pull, other = await ctx.open_pull("pump"), await ctx.open_pull("backport", base="release")
        await ctx.settle()
        assert not pull.merged
        assert other.merged
        assert ctx.runs(pull.number) == []
        assert "Have an operator set `paused` to false for acme/rocket:main." in (await ctx.verdict(pull)).unblock
        ctx.reload(queue={"*": {"trigger": True}})
        await ctx.settle()
        assert pull.merged


async def test_an_issue_that_blocks_a_branch_blocks_that_branch_alone(world: World) -> None:
    async with world() as ctx:
        issue = ctx.forge.open_issue(ctx.repository(), title="Broken (branch:main)", labels=["merge-blocker"])
        pull, other = await ctx.open_pull("pump"), await ctx.open_pull("backport", base="release")
        await ctx.settle()
        assert not pull.merged
        assert other.merged
        assert (await ctx.pool()).action == "BLOCKED"
        assert f"issue {issue.number}" in (await ctx.verdict(pull)).summary
        ctx.forge.set_issue_state(ctx.repository(), issue, "closed")
        await ctx.settle()
        assert pull.merged


async def test_repositories_do_not_share_pools(world: World) -> None:
    async with world(jobs={"acme/rocket": [job()], ENGINE: [job("test")]}) as ctx:
        rocket, engine = await ctx.open_pull("pump"), await ctx.open_pull("pump", repo=ENGINE)
        await ctx.settle()
        assert rocket.merged
        assert engine.merged
        assert {run.job for run in ctx.ci.all if run.pool.repo == "engine"} == {"test"}
        assert all(run.kind is RunKind.PRESUBMIT for run in ctx.ci.all)
