"""The first test of a head that nobody has tested yet (in Prow the trigger plugin starts it)."""

from tide.domain.actions import Trigger
from tide.policy.evaluation import Evaluation


def first_runs(evaluation: Evaluation) -> tuple[Trigger, ...]:
    """Choose the heads whose required jobs are started now, the lowest numbers first.

    Each job is started once per head, unless its run ended without a verdict or was asked for again. No more heads than
    `max_runs` are in flight at once; a head that is in flight already takes no second place.
    """
    in_flight = evaluation.results.live_first_heads()
    free = max(evaluation.snapshot.rules.settings.max_runs - len(in_flight), 0)
    triggers = []
    for one in evaluation.assessments:
        if not one.first_due or (one.member not in in_flight and free == 0):
            continue
        if one.member not in in_flight:
            free -= 1
        triggers.append(Trigger(one.target, one.first_due, f"The head of #{one.number} has no result for these jobs."))
    return tuple(triggers)
