"""What to do about a pool, and where each of its pull requests stands: a snapshot in, a decision out."""

from tide.domain.actions import Action, Wait
from tide.domain.decisions import Decision, Place
from tide.domain.snapshot import Snapshot
from tide.policy.evaluation import Evaluation
from tide.policy.explain import explain
from tide.policy.first_runs import first_runs
from tide.policy.stops import find_stop
from tide.policy.strategies import tide
from tide.policy.updates import due_update

RULES_VERSION = 1
"""Stands beside each decision that is kept. Whoever changes what equal snapshots lead to makes it one more."""


def decide(snapshot: Snapshot) -> Decision:
    """Decide about one pool; pure and total: equal snapshots give equal decisions, whatever the order of their parts.

    At most one action is chosen. First runs come besides, unless the pool is paused or frozen.
    """
    evaluation = Evaluation.of(snapshot)
    stop = find_stop(snapshot)
    return Decision(
        pool=snapshot.pool,
        base_sha=snapshot.base_sha,
        action=stop.action if stop else _chosen(evaluation),
        first_runs=() if stop and stop.is_total else first_runs(evaluation),
        passing=_numbers(evaluation, Place.PASSING),
        pending=_numbers(evaluation, Place.PENDING),
        missing=_numbers(evaluation, Place.MISSING),
        batch_pending=tuple(number for number, _ in evaluation.batches.pending),
        verdicts=explain(evaluation, stop),
    )


def _chosen(evaluation: Evaluation) -> Action:
    chosen = tide.choose(evaluation)
    return (due_update(evaluation) or chosen) if isinstance(chosen, Wait) else chosen


def _numbers(evaluation: Evaluation, place: Place) -> tuple[int, ...]:
    return tuple(one.number for one in evaluation.at(place))
