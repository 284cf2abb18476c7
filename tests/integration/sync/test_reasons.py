"""For each kind of reason: what a pull request is told, what to do about it, and that doing just that unblocks it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.integration.sync.conftest import World
from tests.integration.sync.rules import put_rules, require_checks, require_reviews
from tests.integration.sync.story import MAIN, PROW_CONFIG, Story, job
from tests.integration.sync.test_in_repo_jobs import BROKEN, ENABLED, prow_yaml
from tide.app.reading import Archive
from tide.domain.decisions import VerdictKind
from tide.domain.runs import RunState
from tide.domain.snapshot import Standing, StandingKind
from tide.sandbox.evidence import NewCheckRun, NewStatus
from tide.sandbox.model import PullRequest
from tide.sandbox.protection import (
    Rule,
)
from tide.web.verdicts import reason_of

BLOCKED, WAITING, IN_POOL = VerdictKind.BLOCKED, VerdictKind.WAITING, VerdictKind.IN_POOL
QUERY = PROW_CONFIG["tide"]["queries"][0]
ONLY_MAIN = {"queries": [QUERY | {"includedBranches": ["main"]}]}
PAUSED = {"*": {"trigger": True, "paused": True}}
RERUN = "Mend or rerun unit (`tide retest acme/rocket#1`)."
PAUSE = "The queue is paused in its configuration."
UPDATE = "Merge main into its branch (who may push to it can), or set `update_branch` to true for tide to do it."
RULES = "have an administrator of the repository change the rules of main."
OTHER_METHOD = f'Choose the merge method "merge" or "squash", or {RULES}'
RESUME = "Have an operator set `paused` to false for acme/rocket:main."

Begin = Callable[[Story], Awaitable[PullRequest]]
Deed = Callable[[Story, PullRequest], Awaitable[None]]


@dataclass(frozen=True)
class Reason:
    """One kind of reason: how it comes about, what is told, and what somebody does who follows the advice.

    `begin` gives the pull request; with `is_moving` the story is looked at there, else when nothing happens any more.
    `status` is what its head tells where that is not the headline, as the queue has done something about it since.
    """

    name: str
    begin: Begin
    headline: str
    advice: tuple[str, ...]
    follow: Deed
    kind: VerdictKind = BLOCKED
    config: Mapping[str, Any] = field(default_factory=dict)
    is_moving: bool = False
    status: str = ""


# How it comes about.


async def new(ctx: Story) -> PullRequest:
    return await ctx.open_pull("pump")


async def unlabelled(ctx: Story) -> PullRequest:
    return await ctx.open_pull("pump", labels=())


async def on_hold(ctx: Story) -> PullRequest:
    return await ctx.open_pull("pump", labels=("lgtm", "hold"))


async def bad(ctx: Story) -> PullRequest:
    return await ctx.open_pull("pump", bad="breaks unit")


async def flaked(ctx: Story) -> PullRequest:
    pull = await ctx.open_pull("pump")
    await ctx.sync()
    await ctx.ci.finish(state=RunState.FAILURE)
    return pull


async def checked_elsewhere(ctx: Story) -> PullRequest:
    pull = await ctx.open_pull("pump")
    ctx.forge.create_check_run(ctx.repository(), pull.head_sha, NewCheckRun(name="cla", status="in_progress"))
    return pull


async def conflicting(ctx: Story) -> PullRequest:
    pull = await ctx.open_pull("pump")
    await ctx.push("main", pump="provides another pump")
    return pull


async def draft(ctx: Story) -> PullRequest:
    pull = await ctx.open_pull("pump")
    ctx.forge.set_draft(ctx.repository(), pull, draft=True)
    return pull


async def unreviewed(ctx: Story) -> PullRequest:
    require_reviews(ctx, enforce_admins=True)
    return await ctx.open_pull("pump")


async def sent_back(ctx: Story) -> PullRequest:
    pull = await unreviewed(ctx)
    ctx.forge.submit_review(ctx.repository(), pull, author="bob", state="CHANGES_REQUESTED")
    return pull


async def blocked_by_an_issue(ctx: Story) -> PullRequest:
    pull = await ctx.open_pull("pump")
    ctx.forge.open_issue(ctx.repository(), title="Stop", labels=["merge-blocker"])
    return pull


async def frozen(ctx: Story) -> PullRequest:
    standing = Standing(StandingKind.FROZEN, "#7 landed as another tree", ("unit",), ctx.clock.now())
    await ctx.store.set_standing(MAIN, standing)
    return await ctx.open_pull("pump")


async def for_another_branch(ctx: Story) -> PullRequest:
    return await ctx.open_pull("pump", base="release")


async def with_broken_jobs(ctx: Story) -> PullRequest:
    pull = await ctx.open_pull("pump")
    await ctx.write("pump", {".prow.yaml": BROKEN})
    return pull


async def on_a_branch_with_broken_jobs(ctx: Story) -> PullRequest:
    await ctx.write("main", {".prow.yaml": BROKEN})
    return await ctx.open_pull("pump")


async def empty(ctx: Story) -> PullRequest:
    return await ctx.open_pull("pump", core="provides core")


async def without_a_report(ctx: Story) -> PullRequest:
    """Open one whose job has ended without a word, and wait for as long as a report may take."""
    pull = await ctx.open_pull("pump")
    ctx.forge.create_status(ctx.repository(), pull.head_sha, NewStatus(context="unit", state="pending"))
    await ctx.settle()
    ctx.clock.sandbox.forward(minutes=11)
    await ctx.sync()
    return pull


async def behind_a_strict_branch(ctx: Story) -> PullRequest:
    """Have another one land first on a branch that wants heads up to date."""
    require_checks(ctx, "unit", strict=True, enforce_admins=True)
    await ctx.open_pull("valve")
    return await ctx.open_pull("pump")


async def rebased_where_commits_must_be_signed(ctx: Story) -> PullRequest:
    put_rules(ctx, Rule("required_signatures"))
    pull = await ctx.open_pull("pump")
    await ctx.sign(pull)
    return pull


async def passed_on_an_older_base(ctx: Story) -> PullRequest:
    """Open three pull requests that have passed before the branch moved; give the last."""
    pulls = [await ctx.open_pull(name) for name in ("pump", "valve", "nozzle")]
    await ctx.sync()
    await ctx.run_jobs()
    await ctx.push("main", moved="provides moved")
    await ctx.sync()
    await ctx.sync()
    return pulls[-1]


async def beyond_the_limit_of_runs(ctx: Story) -> PullRequest:
    _, pull = [await ctx.open_pull(name) for name in ("pump", "valve")]
    await ctx.sync()
    assert [run.heads[0][0] for run in ctx.ci.live] == [1]
    return pull


# What somebody does who follows the advice.


async def nothing(_ctx: Story, _pull: PullRequest) -> None:
    """Leave it to the queue."""


async def label(ctx: Story, pull: PullRequest) -> None:
    ctx.add_label(pull, "lgtm")


async def unhold(ctx: Story, pull: PullRequest) -> None:
    ctx.remove_label(pull, "hold")


async def mend(ctx: Story, _pull: PullRequest) -> None:
    await ctx.push("pump", bad=None, pump="provides pump")


async def rerun(ctx: Story, pull: PullRequest) -> None:
    assert (await ctx.retest(pull)).new == ("unit",)


async def report(ctx: Story, pull: PullRequest) -> None:
    ctx.forge.create_status(ctx.repository(), pull.head_sha, NewStatus(context="cla", state="success"))


async def end_the_check(ctx: Story, _pull: PullRequest) -> None:
    (check,) = [run for runs in ctx.repository().check_runs.values() for run in runs]
    ctx.forge.update_check_run(ctx.repository(), check, conclusion="success")


async def resolve(ctx: Story, pull: PullRequest) -> None:
    await ctx.rewrite(pull, pump="provides pump")


async def choose_another_method(ctx: Story, pull: PullRequest) -> None:
    ctx.add_label(pull, "tide/squash")


async def update(ctx: Story, pull: PullRequest) -> None:
    await ctx.rewrite(pull, pump="provides pump", valve="provides valve")


async def make_ready(ctx: Story, pull: PullRequest) -> None:
    ctx.forge.set_draft(ctx.repository(), pull, draft=False)


async def approve(ctx: Story, pull: PullRequest) -> None:
    ctx.forge.submit_review(ctx.repository(), pull, author="bob", state="APPROVED")


async def close_the_issue(ctx: Story, _pull: PullRequest) -> None:
    (issue,) = [one for one in ctx.repository().issues.values() if one.title == "Stop"]
    ctx.forge.set_issue_state(ctx.repository(), issue, "closed")


async def resume(ctx: Story, _pull: PullRequest) -> None:
    ctx.reload(queue={"*": {"trigger": True}})


async def unfreeze(ctx: Story, _pull: PullRequest) -> None:
    await Archive(ctx.store, ctx.views).unfreeze(MAIN)


async def retarget(ctx: Story, pull: PullRequest) -> None:
    ctx.forge.retarget_pull(ctx.repository(), pull, "main")


async def mend_its_jobs(ctx: Story, _pull: PullRequest) -> None:
    await ctx.write("pump", {".prow.yaml": prow_yaml(job("lint"))})


async def mend_the_jobs_of_the_branch(ctx: Story, _pull: PullRequest) -> None:
    await ctx.write("main", {".prow.yaml": prow_yaml(job("lint"))})


async def push_a_change(ctx: Story, _pull: PullRequest) -> None:
    await ctx.push("pump", pump="provides pump")


REASONS = [
    Reason("missing label", unlabelled, "Needs lgtm label.", ("Have a maintainer set the label lgtm.",), label),
    Reason(
        "forbidden label",
        on_hold,
        "Should not have hold label.",
        ("Have the label hold removed by whoever set it.",),
        unhold,
    ),
    Reason("failing job", bad, "Job unit has not succeeded.", (RERUN,), mend),
    Reason("job that failed by chance", flaked, "Job unit has not succeeded.", (RERUN,), rerun),
    Reason(
        "pending check",
        checked_elsewhere,
        "Job cla has not succeeded.",
        ("Wait for cla.",),
        end_the_check,
        WAITING,
    ),
    Reason(
        "check that never reports",
        new,
        "Job cla has not succeeded.",
        ("Have cla run: it has no result on this head.",),
        report,
        config={"tide": {"context_options": {"required-contexts": ["cla"]}}},
    ),
    Reason("conflict", conflicting, "PR has a merge conflict.", ("Resolve its conflict with main.",), resolve),
    Reason("draft", draft, "PR is a draft.", ("Mark it as ready for review.",), make_ready),
    Reason(
        "missing review",
        unreviewed,
        "GitHub requires 1 approving review to merge into main.",
        ("Get an approving review.",),
        approve,
    ),
    Reason(
        "missing review where the branch asks for none",
        new,
        "PullRequest is missing sufficient approving GitHub review(s)",
        ("Get an approving review.",),
        approve,
        config={"tide": {"queries": [QUERY | {"reviewApprovedRequired": True}]}},
    ),
    Reason(
        "changes requested",
        sent_back,
        "GitHub requires 1 approving review to merge into main.",
        ("Have those who requested changes approve, or dismiss their reviews.",),
        approve,
    ),
    Reason(
        "blocker issue",
        blocked_by_an_issue,
        "Merging is blocked by issue 2.",
        ("Have a maintainer close issue #2.",),
        close_the_issue,
    ),
    Reason("paused", new, PAUSE, (RESUME,), resume, WAITING, {"queue": PAUSED}),
    Reason(
        "frozen",
        frozen,
        "The pool is frozen: #7 landed as another tree.",
        ("Have an operator find out what happened to the branch, then run `tide unfreeze acme/rocket:main`.",),
        unfreeze,
    ),
    Reason(
        "wrong base",
        for_another_branch,
        "Merging to branch release is forbidden.",
        ("Choose another base branch: no query lets anything merge into release.",),
        retarget,
        config={"tide": ONLY_MAIN},
    ),
    Reason(
        "in-repo config broken",
        with_broken_jobs,
        "Held: the jobs in the repository as it changes them cannot be used: .prow.yaml:2: ",
        ("Mend the job files that it changes.",),
        mend_its_jobs,
        config={"prow": ENABLED},
    ),
    Reason(
        "in-repo config of the branch broken",
        on_a_branch_with_broken_jobs,
        "Held: the jobs in main itself cannot be used: .prow.yaml:2: ",
        ("Have a maintainer mend the job files in main.",),
        mend_the_jobs_of_the_branch,
        config={"prow": ENABLED},
    ),
    Reason(
        "changes nothing",
        empty,
        "Held: changes nothing: the tree stays as it is.",
        ("Close it, or push a change.",),
        push_a_change,
    ),
    Reason(
        "report lost",
        without_a_report,
        "Job unit: the job ended, its report is missing.",
        (),
        nothing,
        IN_POOL,
        {"queue": {"*": {"trigger": False}}},
        is_moving=True,
        status="Retesting: unit",
    ),
    Reason(
        "strict branch",
        behind_a_strict_branch,
        "GitHub requires the head to be up to date with main.",
        (UPDATE,),
        update,
    ),
    Reason(
        "signed commits",
        rebased_where_commits_must_be_signed,
        'Merge type "rebase" disallowed by the rules of main: they want signed commits',
        (OTHER_METHOD,),
        choose_another_method,
        config={"tide": {"merge_method": {"acme": "rebase"}}},
    ),
    Reason(
        "batch running",
        passed_on_an_older_base,
        "Being tested in a batch ",
        (),
        nothing,
        IN_POOL,
        is_moving=True,
    ),
    Reason(
        "waiting in line",
        passed_on_an_older_base,
        "Waiting for a retest: unit",
        (),
        nothing,
        IN_POOL,
        {"tide": {"batch_size_limit": {"*": -1}}},
        is_moving=True,
    ),
    Reason(
        "first run waiting in line",
        beyond_the_limit_of_runs,
        "Job unit has not succeeded.",
        (),
        nothing,
        WAITING,
        {"queue": {"*": {"trigger": True, "max_runs": 1}}},
        is_moving=True,
    ),
]


@pytest.mark.parametrize("reason", REASONS, ids=lambda reason: reason.name.replace(" ", "-"))
async def test_the_reason_is_told_and_following_the_advice_unblocks(world: World, reason: Reason) -> None:
    async with world(statuses=True, **reason.config) as ctx:
        pull = await reason.begin(ctx)
        if not reason.is_moving:
            await ctx.settle()
        verdict = await ctx.verdict(pull)
        assert reason_of(verdict).startswith(reason.headline)
        assert (verdict.kind, verdict.unblock) == (reason.kind, reason.advice)
        (status,) = [one for one in ctx.repository().latest_statuses(pull.head_sha) if one.context == "tide"]
        assert str(status.description).startswith(f"Not mergeable. {reason.status or reason.headline}"[:137])
        assert not pull.merged
        await reason.follow(ctx, pull)
        await ctx.settle()
        assert pull.merged


async def test_what_is_reported_late_by_somebody_else_stops_nobody_from_being_told_the_pause_first(
    world: World,
) -> None:
    async with world(queue=PAUSED) as ctx:
        pull = await checked_elsewhere(ctx)
        await ctx.settle()
        verdict = await ctx.verdict(pull)
        assert (reason_of(verdict), verdict.unblock) == (PAUSE, (RESUME,))
