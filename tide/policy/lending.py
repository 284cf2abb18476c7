"""The result of a batch, lent to its members: what is still pending on a head need not keep its batch from landing.

A head may be under test alone while it is tested in a batch as well. Where the branch requires that job, the code host
would refuse the merge until the slower of the two has ended, whatever the batch has shown.
"""

from collections.abc import Sequence

from tide.domain.actions import Target
from tide.domain.pulls import Context, ContextState, Pull
from tide.domain.runs import Run, RunKind, RunState, public
from tide.domain.snapshot import Snapshot
from tide.policy.descriptions import description_of_batch
from tide.policy.evaluation import Evaluation
from tide.policy.results import Member
from tide.policy.tally import Members

_TEST_REPORT = "<!-- test report -->"  # Prow: report.go, in the comment that lists the failed jobs of a pull request


def lent_contexts(pull: Pull, targets: Sequence[Target], snapshot: Snapshot) -> tuple[Context, ...]:
    """Give what to write over the pending contexts of a head that lands with a batch (Prow: overwrite-pending).

    Those are the contexts with a run of the head alone in flight for which a run of exactly this batch has passed.

    Args:
        pull: the pull request as it is now; a context that has ended meanwhile is let be.
        targets: all that lands together, in order.
        snapshot: what the decision rests on.
    """
    if not snapshot.rules.overwrite_pending or len(targets) == 1:
        return ()
    ended = {one.name for one in pull.contexts if one.state is not ContextState.PENDING}
    in_flight = _in_flight((pull.number, pull.head_sha), snapshot)
    members = tuple(target.member for target in targets)
    passed = {
        run.context: run
        for run in snapshot.runs
        if run.state is RunState.SUCCESS and run.is_of_batch(members, snapshot.base_sha)
    }
    return tuple(_lent(passed[name]) for name in sorted((in_flight & passed.keys()) - ended))


def awaited_contexts(evaluation: Evaluation, members: Members) -> tuple[tuple[int, str], ...]:
    """Give, with the number of its pull request, each context for which the code host would refuse a batch for now.

    Those are the contexts that it requires itself whose runs on a member alone are in flight, unless they are lent.
    """
    snapshot, targets = evaluation.snapshot, evaluation.targets(members)
    required = frozenset(snapshot.branch_rules.required_contexts)
    awaited: list[tuple[int, str]] = []
    for one in evaluation.pool:
        if required and one.member in members:
            lent = {context.name for context in lent_contexts(one.pull, targets, snapshot)}
            in_flight = {name for name in _in_flight(one.member, snapshot) if name in required}
            in_progress = {context.name for context in one.in_progress}
            awaited += [(one.number, name) for name in sorted((in_flight & in_progress) - lent)]
    return tuple(awaited)


def is_test_report(comment: str) -> bool:
    """Tell whether a comment reports how jobs have ended (Prow: report.go)."""
    return _TEST_REPORT in comment


def _in_flight(member: Member, snapshot: Snapshot) -> set[str]:
    """Name the contexts that runs of one head alone are working on."""
    return {
        run.context
        for run in snapshot.runs
        if run.kind is RunKind.PRESUBMIT and run.heads == (member,) and run.state.is_live
    }


def _lent(run: Run) -> Context:
    description = description_of_batch(run.description, run.base_sha)
    return Context(run.context, ContextState.SUCCESS, description, target_url=public(run.url))
