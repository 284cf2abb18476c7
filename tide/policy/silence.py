"""Contexts that stay pending although no run works on them: the job ended, its report is missing.

Whoever reports how jobs end (Prow: crier) may fail to, and a ProwJob may be gone before it was reported. Such a status
is no work in progress, however long one waits for it. So the run itself is believed, where it is known how it ended and
nobody else demands the status; else the job is run once more, which brings another report.
"""

from collections.abc import Collection
from dataclasses import dataclass

from tide.domain.pulls import Context, ContextSource, ContextState, Pull
from tide.domain.snapshot import PullView, Snapshot
from tide.policy.contexts import is_optional, policy_for
from tide.policy.mergeability import is_blocked
from tide.policy.results import MOST_ATTEMPTS, Member, Result, Results

UNREPORTED = "the job ended, its report is missing"
"""What is told of one such context."""


@dataclass(frozen=True, slots=True)
class Silence:
    """What to make of the contexts of a head.

    `contexts` are those on it, with what is known of the runs in the place of reports that are missing; `unreported`
    names those, and `again` those of them whose jobs are to be run once more. Both are sorted.
    """

    contexts: tuple[Context, ...]
    unreported: tuple[str, ...] = ()
    again: tuple[str, ...] = ()


def unattended(pull: Pull, jobs: Collection[str], running: Collection[str] = ()) -> tuple[str, ...]:
    """Name the statuses that are pending on a head although nobody works on them.

    What no job of the configuration reports is somebody else's, and so is every check run.

    Args:
        pull: the pull request.
        jobs: the contexts that jobs report.
        running: those that runs of this head alone work on.
    """
    pending = {
        context.name
        for context in pull.contexts
        if context.state is ContextState.PENDING and context.source is ContextSource.STATUS
    }
    return tuple(sorted(pending.intersection(jobs).difference(running)))


def silence_of(view: PullView, snapshot: Snapshot, results: Results) -> Silence:
    """Say what to make of the contexts of a head, some of which have had no report for long (`snapshot.unreported`)."""
    pull, policy = view.pull, policy_for(view, snapshot)
    member = (pull.number, pull.head_sha)
    silent = {name for sha, name in snapshot.unreported if sha == pull.head_sha and not is_optional(policy, name)}
    unreported = unattended(pull, silent, results.live_contexts(member)) if silent else ()
    if not unreported:
        return Silence(pull.contexts)
    known = {name: _known_state(name, pull, snapshot, results) for name in unreported}
    return Silence(
        contexts=tuple(_as_known(context, known) for context in pull.contexts),
        unreported=unreported,
        again=tuple(
            name for name, state in known.items() if state is None and _may_run(member, name, snapshot, results)
        ),
    )


def _known_state(name: str, pull: Pull, snapshot: Snapshot, results: Results) -> ContextState | None:
    """Give the state that a report would have brought, None where the run is not known or is not enough."""
    last = results.last_result((pull.number, pull.head_sha), name)
    if last is Result.FAILED:
        return ContextState.FAILURE
    # What blocks a merge is not always among the rules that we may read.
    is_demanded = name in snapshot.branch_rules.required_contexts or is_blocked(pull)
    return ContextState.SUCCESS if last is Result.PASSED and not is_demanded else None


def _as_known(context: Context, known: dict[str, ContextState | None]) -> Context:
    state = known.get(context.name) if context.source is ContextSource.STATUS else None
    # Its description may name another base than that of the run which is believed.
    return Context(context.name, state, target_url=context.target_url) if state else context


def _may_run(member: Member, name: str, snapshot: Snapshot, results: Results) -> bool:
    return results.attempts_on_base(member, name, snapshot.base_sha) < MOST_ATTEMPTS
