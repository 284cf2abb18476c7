"""What is tested alone at once: a head that nobody has tested yet (Prow: trigger plugin), and what is run again."""

from tide.domain.actions import Trigger
from tide.policy.evaluation import Evaluation


def first_runs(evaluation: Evaluation) -> tuple[Trigger, ...]:
    """Choose the heads whose jobs are started now, the lowest numbers first.

    Each job is started once per head, unless its run ended without a verdict, its report is missing, or somebody asked
    for it again (`asked_again`; that a run is not known is no such request). No more heads than
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
        is_again = one.again.issuperset(one.first_due)
        why = "is to run these jobs again" if is_again else "has no result for these jobs"
        triggers.append(Trigger(one.target, one.first_due, f"Its head {why}."))
    return tuple(triggers)
