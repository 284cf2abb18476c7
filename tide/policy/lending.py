"""The result of a batch, lent to its members: what is still pending on a head need not keep its batch from landing.

A head may be under test alone while it is tested in a batch as well. Where the branch requires that job, the code host
would refuse the merge until the slower of the two has ended, whatever the batch has shown.
"""

from collections.abc import Sequence

from tide.domain.actions import Target
from tide.domain.pulls import Context, ContextState, Pull
from tide.domain.runs import Run, RunKind, RunState
from tide.domain.snapshot import Snapshot
from tide.policy.descriptions import description_of_batch

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
    in_flight = {
        run.context
        for run in snapshot.runs
        if run.kind is RunKind.PRESUBMIT and run.heads == ((pull.number, pull.head_sha),) and run.state.is_live
    }
    passed = {run.context: run for run in snapshot.runs if _has_passed(run, targets, snapshot.base_sha)}
    return tuple(_lent(passed[name]) for name in sorted((in_flight & passed.keys()) - ended))


def is_test_report(comment: str) -> bool:
    """Tell whether a comment reports how jobs have ended (Prow: report.go)."""
    return _TEST_REPORT in comment


def _has_passed(run: Run, targets: Sequence[Target], base_sha: str) -> bool:
    members = tuple((target.number, target.head_sha) for target in targets)
    is_of_batch = run.kind is RunKind.BATCH and run.heads == members and run.base_sha == base_sha
    return is_of_batch and run.state is RunState.SUCCESS


def _lent(run: Run) -> Context:
    description = description_of_batch(run.description, run.base_sha)
    return Context(run.context, ContextState.SUCCESS, description, target_url=run.url)
