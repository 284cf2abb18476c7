"""Jobs that a repository holds itself: each pull request needs those that its own merge would bring."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any

import yaml

from tests.integration.sync.conftest import World
from tests.integration.sync.story import MAIN, ROCKET, Story, job
from tide.config.in_repo import InRepoJobs
from tide.config.loaded import LoadedConfig
from tide.domain.decisions import VerdictKind
from tide.domain.errors import Unavailable
from tide.domain.in_repo import InRepoFile
from tide.domain.jobs import Presubmit
from tide.domain.keys import RepoKey
from tide.domain.pulls import ContextState
from tide.domain.runs import RunKind
from tide.domain.snapshot import Standing, StandingKind
from tide.ports.code_host import StatusPost

ENABLED: dict[str, Any] = {"in_repo_config": {"enabled": {ROCKET: True}}}
BROKEN = b"presubmits:\n- name: a b\n  spec: {containers: [{image: none}]}\n"


def prow_yaml(*jobs: dict[str, Any]) -> bytes:
    return yaml.safe_dump({"presubmits": list(jobs)}).encode()


async def begin_with(ctx: Story, *jobs: dict[str, Any], path: str = ".prow.yaml") -> None:
    await ctx.write("main", {path: prow_yaml(*jobs)})


def jobs_of(ctx: Story, *numbers: int) -> set[str]:
    return {run.job for run in ctx.runs(*numbers)}


def definitions_of(ctx: Story, name: str, *numbers: int) -> set[str]:
    """The digests of what a job executed on exactly these pull requests."""
    return {run.job_digest for run in ctx.runs(*numbers) if run.job == name}


async def doubt(ctx: Story, *contexts: str) -> None:
    await ctx.store.set_standing(MAIN, Standing(StandingKind.UNPROVEN, "in doubt", contexts, ctx.clock.now()))


async def test_jobs_in_the_branch_are_needed_beside_the_configured_ones(world: World) -> None:
    async with world(prow=ENABLED) as ctx:
        await begin_with(ctx, job("lint"), path=".prow/lint.yaml")
        pull = await ctx.open_pull("pump")
        await ctx.sync()
        assert jobs_of(ctx, pull.number) == {"unit", "lint"}
        await ctx.ci.finish(*[run for run in ctx.ci.live if run.job == "unit"])
        await ctx.sync()
        assert not pull.merged
        await ctx.settle()
        assert pull.merged


async def test_where_it_is_not_enabled_the_files_mean_nothing(world: World) -> None:
    async with world(prow={"in_repo_config": {"enabled": {"*": True, ROCKET: False}}}) as ctx:
        await ctx.write("main", {".prow.yaml": BROKEN})
        pull = await ctx.open_pull("pump")
        await ctx.settle()
        assert pull.merged
        assert jobs_of(ctx, pull.number) == {"unit"}


async def test_a_pull_request_that_adds_a_job_needs_it_and_others_do_not_until_it_has_landed(world: World) -> None:
    async with world(prow=ENABLED) as ctx:
        adding, other = await ctx.open_pull("pump"), await ctx.open_pull("valve")
        await ctx.write("pump", {".prow.yaml": prow_yaml(job("lint"))})
        await ctx.sync()
        assert jobs_of(ctx, adding.number) == {"unit", "lint"}
        assert jobs_of(ctx, other.number) == {"unit"}
        await ctx.ci.finish(*[run for run in ctx.ci.live if run.job == "unit"])
        await ctx.settle()
        assert adding.merged
        assert other.merged
        late = await ctx.open_pull("late")
        await ctx.settle()
        assert late.merged
        assert jobs_of(ctx, late.number) == {"unit", "lint"}


async def test_a_pull_request_that_takes_a_job_away_does_not_need_it(world: World) -> None:
    async with world(prow=ENABLED) as ctx:
        await begin_with(ctx, job("lint"))
        pull = await ctx.open_pull("pump")
        await ctx.write("pump", {".prow.yaml": None})
        await ctx.settle()
        assert pull.merged
        assert jobs_of(ctx, pull.number) == {"unit"}


async def test_a_job_that_fails_counts_as_its_own_pull_request_defines_it(world: World) -> None:
    async with world(prow=ENABLED, expect_green=False) as ctx:
        await begin_with(ctx, job("lint", optional=True), job("slow", always_run=False, run_if_changed="^parts/pump"))
        careless, strict = await ctx.open_pull("valve"), await ctx.open_pull("pump")
        await ctx.write("pump", {".prow.yaml": prow_yaml(job("lint"))})
        for pull in (careless, strict):
            failure = StatusPost("lint", ContextState.FAILURE, "failed")
            await ctx.host.post_status(RepoKey.parse(ROCKET), pull.head_sha, failure)
        await ctx.settle()
        assert [careless.merged, strict.merged] == [True, False]
        assert "lint" in (await ctx.verdict(strict)).summary


async def test_a_broken_file_holds_its_pull_request_alone_with_file_and_line(world: World) -> None:
    async with world(prow=ENABLED) as ctx:
        await begin_with(ctx, job("lint"))
        broken, good = await ctx.open_pull("pump"), await ctx.open_pull("valve")
        await ctx.write("pump", {".prow.yaml": BROKEN})
        await ctx.settle()
        assert [broken.merged, good.merged] == [False, True]
        verdict = await ctx.verdict(broken)
        assert verdict.kind is VerdictKind.BLOCKED
        assert ".prow.yaml:2: presubmits[0].name: job 'a b': its name must be of letters" in verdict.summary
        assert jobs_of(ctx, broken.number) == set()
        await ctx.write("pump", {".prow.yaml": prow_yaml(job("lint"))})
        await ctx.settle()
        assert broken.merged


async def test_a_broken_file_in_the_branch_holds_everybody_but_who_mends_it(world: World) -> None:
    async with world(prow=ENABLED) as ctx:
        await ctx.write("main", {".prow.yaml": BROKEN})
        pull, mending = await ctx.open_pull("pump"), await ctx.open_pull("valve")
        await ctx.settle()
        assert (await ctx.verdict(pull)).kind is VerdictKind.BLOCKED
        assert "the jobs in main itself cannot be used: .prow.yaml:2: " in (await ctx.verdict(pull)).summary
        assert jobs_of(ctx, pull.number) == set()
        await ctx.write("valve", {".prow.yaml": prow_yaml(job("lint"))})
        await ctx.settle()
        assert pull.merged
        assert mending.merged
        assert jobs_of(ctx, pull.number) == jobs_of(ctx, mending.number) == {"unit", "lint"}


async def test_a_cluster_that_is_not_allowed_holds_the_pull_request(world: World) -> None:
    async with world(prow=ENABLED) as ctx:
        pull = await ctx.open_pull("pump")
        await ctx.write("pump", {".prow.yaml": prow_yaml(job("lint", cluster="trusted"))})
        await ctx.settle()
        assert not pull.merged
        assert "cluster 'trusted' is not allowed" in (await ctx.verdict(pull)).summary


async def test_jobs_are_those_of_the_merge_not_those_of_a_head_that_is_behind(world: World) -> None:
    async with world(prow=ENABLED) as ctx:
        pull = await ctx.open_pull("pump")
        await begin_with(ctx, job("lint"))
        await ctx.settle()
        assert pull.merged
        assert jobs_of(ctx, pull.number) == {"unit", "lint"}


async def test_a_conflict_in_the_job_files_is_the_reason_to_hold(world: World) -> None:
    async with world(prow=ENABLED) as ctx:
        pull = await ctx.open_pull("pump")
        await ctx.write("pump", {".prow.yaml": prow_yaml(job("lint"))})
        await begin_with(ctx, job("other"))
        await ctx.settle()
        assert not pull.merged
        verdict = await ctx.verdict(pull)
        assert verdict.summary == "Not mergeable. PR has a merge conflict."
        (held,) = [one.detail for one in verdict.requirements if one.name == "not held"]
        assert "conflicts in .prow.yaml" in held


async def test_a_batch_runs_a_job_as_one_of_its_members_changes_it(world: World) -> None:
    async with world(prow=ENABLED) as ctx:
        await begin_with(ctx, job("lint"))
        await ctx.open_pull("ignition")
        changing, other = await ctx.open_pull("pump"), await ctx.open_pull("valve")
        newer = job("lint", spec={"containers": [{"image": "newer", "command": ["true"]}]})
        await ctx.write("pump", {".prow.yaml": prow_yaml(newer)})
        await ctx.settle()
        (batch,) = {tuple(n for n, _ in run.heads) for run in ctx.ci.all if run.kind is RunKind.BATCH}
        assert set(batch) >= {changing.number, other.number}
        assert definitions_of(ctx, "lint", *batch) == definitions_of(ctx, "lint", changing.number)
        assert definitions_of(ctx, "lint", *batch).isdisjoint(definitions_of(ctx, "lint", other.number))
        assert changing.merged
        assert other.merged


async def test_a_batch_leaves_out_who_takes_away_a_job_that_others_need(world: World) -> None:
    async with world(prow=ENABLED) as ctx:
        await begin_with(ctx, job("lint"))
        await ctx.open_pull("ignition")
        pulls = [await ctx.open_pull(name) for name in ("pump", "valve", "nozzle")]
        await ctx.write("pump", {".prow.yaml": None})
        await ctx.sync()
        await ctx.ci.finish()
        await ctx.settle()
        assert all(pull.merged for pull in pulls)
        batches = [run for run in ctx.ci.all if run.kind is RunKind.BATCH]
        assert {tuple(number for number, _ in run.heads) for run in batches} == {(3, 4)}
        (record,) = [one for one in await ctx.history() if one.action == "TRIGGER_BATCH"]
        assert "left out: #2 (lint would be required" in record.reason


async def test_a_batch_leaves_out_whose_jobs_clash_with_those_of_another_member(world: World) -> None:
    async with world(prow=ENABLED) as ctx:
        await begin_with(ctx, path=".prow/none.yaml")
        await ctx.open_pull("ignition")
        pulls = [await ctx.open_pull(name) for name in ("pump", "valve", "nozzle")]
        for branch in ("pump", "nozzle"):
            await ctx.write(branch, {f".prow/{branch}.yaml": prow_yaml(job("lint"))})
        await ctx.sync()
        await ctx.ci.finish()
        await ctx.sync()
        await ctx.sync()
        assert {tuple(n for n, _ in run.heads) for run in ctx.ci.live if run.kind is RunKind.BATCH} == {(2, 3)}
        await ctx.settle()
        assert [pull.merged for pull in pulls] == [True, True, False]
        assert "job 'lint': another job of this name, in .prow/nozzle.yaml" in (await ctx.verdict(pulls[2])).summary


async def test_a_branch_that_is_in_doubt_is_proved_by_its_own_jobs(world: World) -> None:
    async with world(prow=ENABLED) as ctx:
        await begin_with(ctx, job("lint"))
        await ctx.open_pull("ignition")
        await ctx.settle()
        await doubt(ctx, "unit", "lint", "gone")
        await ctx.open_pull("pump")
        await ctx.sync()
        assert {run.job for run in ctx.ci.all if run.kind is RunKind.POSTSUBMIT} == {"unit", "lint"}
        await ctx.settle()
        assert (await ctx.standing()).kind is StandingKind.PROVEN
        assert ctx.repository().pulls[2].merged


async def test_nothing_proves_a_branch_whose_jobs_are_broken(world: World) -> None:
    async with world(prow=ENABLED) as ctx:
        await ctx.write("main", {".prow.yaml": BROKEN})
        pull = await ctx.open_pull("pump")
        await ctx.sync()
        await doubt(ctx, "unit")
        await ctx.sync()
        assert "the jobs in main itself cannot be used" in (await ctx.pool()).error
        await ctx.write("main", {".prow.yaml": None})
        await ctx.settle()
        assert pull.merged


async def test_a_change_of_the_configuration_evaluates_the_files_anew(world: World) -> None:
    async with world(prow=ENABLED) as ctx:
        pull = await ctx.open_pull("pump")
        await ctx.write("pump", {".prow.yaml": prow_yaml(job("lint", cluster="build"))})
        await ctx.settle()
        assert not pull.merged
        ctx.reload(prow={"in_repo_config": {**ENABLED["in_repo_config"], "allowed_clusters": {"acme": ["build"]}}})
        await ctx.settle()
        assert pull.merged


async def test_of_many_pull_requests_only_those_that_touch_the_files_cost_an_evaluation(world: World) -> None:
    async with world(prow=ENABLED, queue={"*": {"trigger": False}}) as ctx:
        await begin_with(ctx, job("lint"))
        base = ctx.head()
        for number in range(200):
            await ctx.open_pull(f"part-{number}", parent=base)
        for number in (7, 70, 170):
            await ctx.write(f"part-{number}", {".prow.yaml": prow_yaml(job("lint"), job(f"own-{number}"))})
        read = ctx.tamper("git", "in_repo_files")  # what is read is evaluated, and nothing else
        await ctx.sync()
        assert read.calls == 4
        await ctx.sync()
        ctx.clock.sandbox.forward(seconds=100)
        await ctx.sync()
        assert read.calls == 4
        # Another base with the same files, and heads that are behind now.
        await ctx.push("main", direct="provides direct")
        await ctx.sync()
        assert read.calls == 4


async def test_a_retargeted_merge_is_proved_by_the_jobs_in_the_branch_it_went_to(world: World) -> None:
    async with world(prow=ENABLED) as ctx:
        await ctx.write("release", {".prow.yaml": prow_yaml(job("lint"))})
        await ctx.open_pull("pump")
        await ctx.sync()
        await ctx.run_jobs()
        ctx.fault("retarget_before_merge", branch="release", times=1)
        await ctx.sync()
        assert (await ctx.standing(replace(MAIN, branch="release"))).contexts == ("lint", "unit")


class Stumbling(InRepoJobs):
    """Fails in a way that nobody has foreseen over files with a stone in them."""

    def evaluate(
        self, repo: RepoKey, files: Iterable[InRepoFile], allowed_clusters: Collection[str]
    ) -> tuple[Presubmit, ...]:
        files = tuple(files)
        if any(b"stone" in file.text for file in files):
            raise LookupError("over a\nstone")
        return super().evaluate(repo, files, allowed_clusters)


async def test_what_makes_us_stumble_over_one_pull_request_stops_no_other(world: World) -> None:
    async with world(prow=ENABLED) as ctx:
        await begin_with(ctx, job("lint"))
        config = ctx.sync_.config()
        assert isinstance(config, LoadedConfig)
        stumbling = replace(config, in_repo=Stumbling(config.in_repo.maker, config.in_repo.static))
        ctx.sync_.config = lambda: stumbling
        pulls = [await ctx.open_pull(name) for name in ("pump", "valve")]
        await ctx.write("pump", {".prow.yaml": prow_yaml(job("stone"))})
        await ctx.settle()
        assert [pull.merged for pull in pulls] == [False, True]
        summary = (await ctx.verdict(pulls[0])).summary
        assert "the jobs in the repository as it changes them cannot be used" in summary
        assert "by an error of tide's own, which its log shows (LookupError: over a stone)" in summary


async def test_what_one_stranger_has_written_stops_no_other(world: World) -> None:
    async with world(prow=ENABLED) as ctx:
        await begin_with(ctx, job("lint"))
        pulls = [await ctx.open_pull(name) for name in ("pump", "valve", "nozzle")]
        deep = "{a: " * 300 + "1" + "}" * 300
        await ctx.write(
            "pump", {".prow.yaml": f"presubmits: [{{name: a, spec: {{}}, reporter_config: {deep}}}]".encode()}
        )
        await ctx.write("valve", {".prow.yaml": prow_yaml(job("lint", context="nul\0 \x07 \N{SNOWMAN}"))})
        await ctx.settle()
        assert [pull.merged for pull in (pulls[0], pulls[2])] == [False, True]
        assert ".prow.yaml:1: is not YAML: nested too deeply" in (await ctx.verdict(pulls[0])).summary


async def test_job_files_that_cannot_be_read_just_now_hold_their_pull_request_until_they_can(world: World) -> None:
    async with world(prow=ENABLED) as ctx:
        pulls = [await ctx.open_pull(name) for name in ("pump", "valve")]
        await ctx.write("pump", {".prow.yaml": prow_yaml(job("lint"))})
        ctx.tamper("git", "in_repo_files", before=out_of_reach)
        await ctx.sync()
        assert [run.heads[0][0] for run in ctx.ci.live] == [pulls[1].number]
        await ctx.settle()
        assert all(pull.merged for pull in pulls)


async def out_of_reach() -> None:
    raise Unavailable("git took too long")
