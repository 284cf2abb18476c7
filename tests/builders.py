"""Small builders of domain values with good defaults: one open pull request of `acme/rocket` that may merge."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tide.domain.jobs import Presubmit
from tide.domain.keys import PoolKey, PullKey
from tide.domain.pulls import Context, ContextState, Mergeable, MergeState, Pull
from tide.domain.rules import ContextPolicy, PoolRules, Query, QueueSettings
from tide.domain.runs import Purpose, Run, RunKind, RunState
from tide.domain.snapshot import PullView, Snapshot

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
POOL = PoolKey("acme", "rocket", "main")
LGTM = Query(index=0, orgs=("acme",), labels=("lgtm",), missing_labels=("hold",))
SUCCESS, PENDING, FAILURE = ContextState.SUCCESS, ContextState.PENDING, ContextState.FAILURE


def sha(seed: str | int) -> str:
    """Make a SHA of 40 hex digits that is the same for the same seed."""
    return hashlib.sha256(str(seed).encode()).hexdigest()[:40]


BASE = sha("base")


def make_context(name: str, state: ContextState = SUCCESS, description: str = "", *, base: str = "") -> Context:
    """Build a context; `base` puts a base SHA into its description, as the status reporter does."""
    return Context(name, state, f"{description} BaseSHA:{base}" if base else description)


def make_pull(number: int = 1, contexts: Iterable[Context] = (), **fields: Any) -> Pull:
    """Build an open pull request with the label `lgtm`; any field of Pull may be given."""
    pull = Pull(
        key=PullKey(POOL.org, POOL.repo, number),
        title=f"Change {number}",
        body="",
        author="alice",
        base_branch=POOL.branch,
        head_branch=f"change-{number}",
        head_sha=sha(number),
        updated_at=NOW - timedelta(hours=1),
        mergeable=Mergeable.MERGEABLE,
        merge_state=MergeState.CLEAN,
        labels=("lgtm",),
        contexts=tuple(contexts),
    )
    return replace(pull, **fields)


def make_view(
    number: int = 1,
    contexts: Iterable[Context] = (),
    *,
    required: Sequence[str] = (),
    held: str = "",
    **fields: Any,
) -> PullView:
    """Build a pull request as a decision sees it; each required job passed on some base unless `contexts` say more."""
    given = tuple(contexts)
    names = {context.name for context in given}
    passed = tuple(make_context(name) for name in required if name not in names)
    return PullView(make_pull(number, (*given, *passed), **fields), tuple(sorted(required)), held)


def make_rules(*, trigger: bool = False, paused: bool = False, max_runs: int = 8, **fields: Any) -> PoolRules:
    """Build the rules of a pool that merges what has `lgtm` and not `hold`; any field of PoolRules may be given."""
    rules = PoolRules(queries=(LGTM,), settings=QueueSettings(trigger=trigger, paused=paused, max_runs=max_runs))
    return replace(rules, **fields)


def make_policy(required: Sequence[str] = (), **fields: Any) -> ContextPolicy:
    """Build a context policy."""
    return replace(ContextPolicy(required=tuple(sorted(required))), **fields)


def make_snapshot(*views: PullView, runs: Iterable[Run] = (), **fields: Any) -> Snapshot:
    """Build what was read for the pool `acme/rocket:main`; any field of Snapshot may be given."""
    fields.setdefault("rules", make_rules())
    snapshot = Snapshot(pool=POOL, now=NOW, base_sha=BASE, rules=PoolRules(), pulls=views, runs=tuple(runs))
    return replace(snapshot, **fields)


def make_run(
    context: str = "unit",
    numbers: int | Sequence[int] = 1,
    state: RunState = RunState.SUCCESS,
    **fields: Any,
) -> Run:
    """Build a run of the job `context`: of one number a retest, of several a batch, of none a proof."""
    members = (numbers,) if isinstance(numbers, int) else tuple(numbers)
    kind, purpose = {0: (RunKind.POSTSUBMIT, Purpose.PROOF), 1: (RunKind.PRESUBMIT, Purpose.RETEST)}.get(
        len(members), (RunKind.BATCH, Purpose.BATCH)
    )
    run = Run(
        name=f"{context}-{'-'.join(map(str, members))}",
        job=context,
        context=context,
        kind=kind,
        pool=POOL,
        base_sha=BASE,
        heads=tuple((number, sha(number)) for number in members),
        state=state,
        purpose=purpose,
        started_at=NOW - timedelta(minutes=5),
    )
    return replace(run, **fields)


def make_job(name: str = "unit", **fields: Any) -> Presubmit:
    """Build a job that always runs unless told otherwise; any field of Presubmit may be given."""
    fields.setdefault("always_run", not (fields.get("run_if_changed") or fields.get("skip_if_only_changed")))
    return replace(Presubmit(name=name, context=name, digest=f"digest-{name}"), **fields)
