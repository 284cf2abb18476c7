"""What holds of every decision, whatever was read."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import (
    BASE,
    LGTM,
    NOW,
    POOL,
    make_context,
    make_job,
    make_policy,
    make_pull,
    make_rules,
    make_run,
    make_view,
    sha,
)
from tide.domain.actions import Merge, MergeBatch, TriggerBatch, targets_of
from tide.domain.pulls import Blocker, Context, ContextState, Mergeable, MergeState, RepoSettings
from tide.domain.rules import BlocksPolicy, PoolRules, Query, QueueSettings, Strategy
from tide.domain.runs import Purpose, Run, RunKind, RunState
from tide.domain.snapshot import PROVEN, PullView, Snapshot, Standing, StandingKind
from tide.policy.decide import decide
from tide.policy.jobs import required_presubmits
from tide.policy.queries import meets_any

NUMBERS = range(1, 7)
JOBS = ("lint", "unit")
OTHER_BASE = sha("other base")
DESCRIPTIONS = ("", f"ok BaseSHA:{BASE}", f"ok BaseSHA:{OTHER_BASE}", "by hand [prow:skip-retest]")

contexts = st.builds(
    Context,
    name=st.sampled_from((*JOBS, "cla", "tide", "optional/x")),
    state=st.sampled_from(ContextState),
    description=st.sampled_from(DESCRIPTIONS),
)
STATES = (*RunState, *(RunState.SUCCESS,) * 3, *(None,) * 3)


def often(likely: Any, *others: Any) -> st.SearchStrategy[Any]:
    """Draw `likely` about four times as often as everything else."""
    return st.sampled_from((likely,) * 4 * len(others) + others)


@st.composite
def views(draw: st.DrawFn, number: int) -> PullView:
    """Draw a pull request, mostly one that may merge or is being tested."""
    jobs = draw(often(JOBS, (), ("unit",)))
    states = {
        name: draw(often(ContextState.SUCCESS, ContextState.PENDING, ContextState.FAILURE, None)) for name in jobs
    }
    found = [make_context(name, state) for name, state in states.items() if state]
    found += draw(st.lists(contexts, max_size=1))
    odd: dict[str, Any] = {}
    if draw(often(False, True)):  # noqa: FBT003 - what is drawn
        odd = {
            "labels": draw(st.sampled_from((("lgtm", "urgent"), (), ("lgtm", "hold"), ("lgtm", "s", "r")))),
            "mergeable": draw(often(Mergeable.MERGEABLE, *Mergeable)),
            "merge_state": draw(often(MergeState.CLEAN, MergeState.BLOCKED)),
            "is_open": draw(often(True, False)),  # noqa: FBT003 - what is drawn
            "is_draft": draw(often(False, True)),  # noqa: FBT003 - what is drawn
            "contexts_known": draw(often(True, False)),  # noqa: FBT003 - what is drawn
            "base_branch": draw(often("main", "dev")),
        }
    pull = make_pull(number, found, **odd)
    return PullView(pull, jobs if meets_any((LGTM,), pull) else (), draw(often("", "its jobs are not known")))


@st.composite
def candidate_runs(draw: st.DrawFn, numbers: Sequence[int]) -> list[Run]:
    """Draw the runs of one candidate: of a branch as it is, of one head, or of several."""
    chosen = draw(st.lists(st.sampled_from(numbers), max_size=4, unique=True)) if numbers else []
    members = tuple((number, sha(number)) for number in draw(often(sorted(chosen), chosen)))
    if draw(often(False, True)):  # noqa: FBT003 - what is drawn
        members = tuple((number, sha(f"old {number}")) for number, _ in members)
    kind = {0: RunKind.POSTSUBMIT, 1: RunKind.PRESUBMIT}.get(len(members), RunKind.BATCH)
    purpose = draw(st.sampled_from((Purpose.FIRST, Purpose.RETEST, Purpose.FOREIGN)))
    base, attempt = draw(often(BASE, OTHER_BASE)), draw(st.integers(1, 4))
    states = {name: draw(st.sampled_from(STATES)) for name in JOBS}
    return [
        make_run(
            name,
            state=state,
            heads=members,
            kind=kind,
            base_sha=base,
            purpose=purpose,
            attempt=attempt,
            name=f"{name}-{draw(st.integers(0, 10**6))}",
            started_at=draw(st.sampled_from((None, NOW))),
        )
        for name, state in states.items()
        if state
    ]


@st.composite
def rules(draw: st.DrawFn) -> PoolRules:
    """Draw what is configured."""
    mode = QueueSettings(
        trigger=draw(st.booleans()),
        paused=draw(often(False, True)),  # noqa: FBT003 - what is drawn
        max_runs=draw(st.integers(1, 3)),
        strategy=draw(often(Strategy.TIDE, Strategy.GATE)),
    )
    return make_rules(
        settings=mode,
        queries=(LGTM, Query(index=1, orgs=("acme",), labels=("never",))),
        context_policy=make_policy(draw(often((), ("unit",), ("cla",))), optional_patterns=("^optional/",)),
        batch_size_limit=draw(often(0, -1, 1, 2, 3)),
        prioritize_existing_batches=draw(st.booleans()),
        blocks_policy=draw(st.sampled_from(BlocksPolicy)),
        squash_label="s",
        rebase_label="r",
        priority=draw(st.sampled_from(((), (("urgent",),), (("lgtm,urgent",), ("x",))))),
    )


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """Draw everything that was read for one pool; in half of all cases nothing is wrong but what the runs show."""
    is_calm = draw(st.booleans())
    numbers = sorted(draw(st.sets(st.sampled_from(NUMBERS))))
    candidates = draw(st.lists(candidate_runs(numbers), max_size=4))
    members = st.sampled_from(numbers or NUMBERS).map(lambda number: (number, sha(number)))
    failed = st.lists(members, min_size=min(2, len(numbers)), max_size=5, unique=True).map(tuple)
    started = st.tuples(st.sampled_from([sha(number) for number in NUMBERS]), st.sampled_from(JOBS))
    return Snapshot(
        pool=POOL,
        now=NOW,
        base_sha=BASE,
        rules=make_rules(trigger=draw(st.booleans())) if is_calm else draw(rules()),
        pulls=tuple(make_view(number, required=JOBS) if is_calm else draw(views(number)) for number in numbers),
        runs=tuple(run for candidate in candidates for run in candidate),
        blockers=() if is_calm else draw(often((), (Blocker(1, "b", "u"),))),
        repo_settings=RepoSettings(allow_squash=draw(st.booleans())),
        standing=PROVEN if is_calm else Standing(draw(often(StandingKind.PROVEN, *StandingKind)), "why", ("unit",)),
        failed_batches=tuple(draw(st.lists(failed, max_size=2))),
        first_runs=tuple(draw(st.lists(started, max_size=4))),
    )


def is_vouched_for(view: PullView, name: str) -> bool:
    """Say by a second way whether a status speaks for the current base."""
    texts = (DESCRIPTIONS[1], DESCRIPTIONS[3])
    return any(
        context.name == name and context.state is ContextState.SUCCESS and context.description in texts
        for context in view.pull.contexts
    )


def passed(snapshot: Snapshot, members: tuple[tuple[int, str], ...], name: str) -> bool:
    """Say by a second way whether a job has passed on the current base with these members."""
    return any(
        run.context == name
        and run.state is RunState.SUCCESS
        and run.base_sha == snapshot.base_sha
        and run.heads == members
        for run in snapshot.runs
    )


def failed_by_runs(snapshot: Snapshot) -> list[tuple[tuple[int, str], ...]]:
    """Say by a second way which candidates have failed a job on the current base for good."""
    shown: dict[tuple[Any, str], set[RunState]] = {}
    for run in snapshot.runs:
        if run.base_sha == snapshot.base_sha and len(run.heads) > 1:
            shown.setdefault((run.heads, run.context), set()).add(run.state)
    hopeful = {RunState.SUCCESS, RunState.PENDING, RunState.TRIGGERED, RunState.SCHEDULING}
    return [heads for (heads, _), states in shown.items() if RunState.FAILURE in states and not states & hopeful]


@given(snapshots(), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_no_decision_depends_on_the_order_of_what_was_read(snapshot: Snapshot, random: Any) -> None:
    def shuffled(parts: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(random.sample(parts, len(parts)))

    mixed = replace(
        snapshot,
        pulls=shuffled(
            tuple(
                replace(view, pull=replace(view.pull, contexts=shuffled(view.pull.contexts))) for view in snapshot.pulls
            )
        ),
        runs=shuffled(snapshot.runs),
        failed_batches=shuffled(tuple(map(shuffled, snapshot.failed_batches))),
        first_runs=shuffled(snapshot.first_runs),
        rules=replace(snapshot.rules, queries=shuffled(snapshot.rules.queries)),
    )
    assert decide(mixed) == decide(snapshot)


@given(snapshots())
@settings(max_examples=200, deadline=None)
def test_nothing_merges_without_every_required_job_proven_on_this_base(snapshot: Snapshot) -> None:
    action = decide(snapshot).action
    by_number = {view.pull.number: view for view in snapshot.pulls}
    if isinstance(action, Merge):
        view = by_number[action.target.number]
        member = (action.target.number, action.target.head_sha)
        assert all(is_vouched_for(view, name) or passed(snapshot, (member,), name) for name in view.required)
    elif isinstance(action, MergeBatch):
        members = tuple((target.number, target.head_sha) for target in action.targets)
        required = {name for target in action.targets for name in by_number[target.number].required}
        assert required
        assert all(passed(snapshot, members, name) for name in required)


@given(snapshots())
@settings(max_examples=100, deadline=None)
def test_nobody_outside_the_pool_is_targeted_and_every_target_is_as_it_was_read(snapshot: Snapshot) -> None:
    decision = decide(snapshot)
    by_number = {view.pull.number: view for view in snapshot.pulls}
    inside = {*decision.passing, *decision.pending, *decision.missing}
    for target in targets_of(decision.action):
        assert target.number in inside
        assert target.head_sha == by_number[target.number].pull.head_sha
    for number in (*inside, *(trigger.target.number for trigger in decision.first_runs)):
        view = by_number[number]
        assert meets_any(snapshot.rules.queries, view.pull)
        assert not view.held
        assert view.pull.contexts_known
        assert view.pull.mergeable is not Mergeable.CONFLICTING


@given(snapshots())
@settings(max_examples=100, deadline=None)
def test_every_pull_request_gets_exactly_one_verdict_and_one_place(snapshot: Snapshot) -> None:
    decision = decide(snapshot)
    assert [one.pull for one in decision.verdicts] == [view.pull.key for view in snapshot.pulls]
    placed = [*decision.passing, *decision.pending, *decision.missing]
    inside = [one for one in decision.verdicts if one.position is not None]
    assert sorted(placed) == [one.pull.number for one in inside]
    assert sorted(one.position or 0 for one in inside) == list(range(1, len(inside) + 1))
    assert all(one.summary and one.requirements for one in decision.verdicts)


@given(snapshots())
@settings(max_examples=200, deadline=None)
def test_a_failed_batch_is_never_started_again(snapshot: Snapshot) -> None:
    action = decide(snapshot).action
    if not isinstance(action, TriggerBatch):
        return
    failed = [frozenset(members) for members in (*snapshot.failed_batches, *failed_by_runs(snapshot))]
    members = [(target.number, target.head_sha) for target in action.candidates]
    assert len(members) >= 2
    assert frozenset(members) not in failed
    assert not action.limit or frozenset(members[: action.limit]) not in failed


@given(snapshots())
@settings(max_examples=100, deadline=None)
def test_our_own_status_changes_nothing(snapshot: Snapshot) -> None:
    own = Context("tide", ContextState.FAILURE, "Not mergeable.")
    shown = tuple(
        replace(view, pull=replace(view.pull, contexts=(*_others(view.pull.contexts), own))) for view in snapshot.pulls
    )
    without = tuple(
        replace(view, pull=replace(view.pull, contexts=_others(view.pull.contexts))) for view in snapshot.pulls
    )
    assert decide(replace(snapshot, pulls=shown)) == decide(replace(snapshot, pulls=without))


def _others(contexts: tuple[Context, ...]) -> tuple[Context, ...]:
    return tuple(one for one in contexts if one.name != "tide")


@given(snapshots())
@settings(max_examples=100, deadline=None)
def test_nothing_lands_while_something_stops_the_pool(snapshot: Snapshot) -> None:
    stopped = (
        replace(snapshot, standing=Standing(StandingKind.FROZEN, "why")),
        replace(snapshot, standing=Standing(StandingKind.UNPROVEN, "why", ("never run",))),
        replace(snapshot, blockers=(Blocker(1, "b", "u"),)),
        replace(snapshot, rules=replace(snapshot.rules, settings=QueueSettings(paused=True))),
    )
    assert not any(isinstance(decide(one).action, Merge | MergeBatch) for one in stopped)


@given(snapshots())
@settings(max_examples=100, deadline=None)
def test_those_outside_change_nothing_for_those_inside(snapshot: Snapshot) -> None:
    whole = decide(snapshot)
    inside = {*whole.passing, *whole.pending, *whole.missing}
    alone = decide(replace(snapshot, pulls=tuple(view for view in snapshot.pulls if view.pull.number in inside)))
    assert alone.action == whole.action
    assert alone.verdicts == tuple(one for one in whole.verdicts if one.pull.number in inside)


@given(snapshots())
@settings(max_examples=100, deadline=None)
def test_first_runs_keep_to_their_limit_and_start_nothing_twice(snapshot: Snapshot) -> None:
    decision = decide(snapshot)
    live = {run.heads for run in snapshot.runs if run.purpose is Purpose.FIRST and run.state.is_live}
    started = {((trigger.target.number, trigger.target.head_sha),) for trigger in decision.first_runs}
    assert len(started) == len(decision.first_runs)
    assert not started or len(live | started) <= max(snapshot.rules.settings.max_runs, len(live))
    for trigger in decision.first_runs:
        started_before = {name for head, name in snapshot.first_runs if head == trigger.target.head_sha}
        ran = {run.context for run in snapshot.runs if run.heads == ((trigger.target.number, trigger.target.head_sha),)}
        assert trigger.contexts
        assert not (started_before - ran) & set(trigger.contexts)


FILES = ("main.go", "docs/a.md", "docs/b.txt", "Makefile", "pkg/x/y.go")
file_sets = st.sets(st.sampled_from(FILES), min_size=1).map(lambda files: tuple(sorted(files)))
patterns = st.sampled_from((r"\.go$", r"^docs/", r"\.md$", "Makefile", "^pkg/x"))
jobs = st.one_of(
    st.builds(lambda name, pattern: make_job(name, run_if_changed=pattern), st.uuids().map(str), patterns),
    st.builds(lambda name, pattern: make_job(name, skip_if_only_changed=pattern), st.uuids().map(str), patterns),
    st.builds(
        lambda name, always, before: make_job(name, always_run=always, run_before_merge=before),
        st.uuids().map(str),
        st.booleans(),
        st.booleans(),
    ),
)


@given(st.lists(jobs, max_size=6), st.lists(file_sets, min_size=1, max_size=4), st.booleans())
@settings(deadline=None)
def test_a_batch_needs_exactly_what_its_members_need(
    configured: list[Any],
    members: list[tuple[str, ...]],
    require_manual: bool,  # noqa: FBT001 - drawn
) -> None:
    def needed(files: tuple[str, ...]) -> set[str]:
        found = required_presubmits(configured, "main", files, require_manually_triggered=require_manual)
        return {job.context for job in found}

    together = tuple(sorted({file for files in members for file in files}))
    assert needed(together) == set().union(*map(needed, members))
