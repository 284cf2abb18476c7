"""Whether a pull request that was read once more, just before it lands, may still land."""

from tide.domain.actions import Target
from tide.domain.decisions import Place
from tide.domain.snapshot import PullView, Snapshot
from tide.policy.assessment import assess
from tide.policy.explain import why_outside
from tide.policy.results import Results


def may_land(view: PullView, target: Target, snapshot: Snapshot, *, is_alone: bool) -> str:
    """Give why a target may not land any more, "" when it may.

    Args:
        view: the pull request as it is now, with what it needs as it was decided.
        target: what was decided about it.
        snapshot: what the decision rests on.
        is_alone: whether it lands by what it has passed alone, to which a status may bear witness that has changed.
    """
    if view.pull.head_sha != target.head_sha:
        return "its head has moved since it was tested"
    assessment = assess(view, snapshot, Results.of(snapshot.runs, snapshot.base_sha))
    if assessment.obstacle:
        return why_outside(assessment, snapshot)
    if assessment.method is not target.method:
        return f"it is to land by {assessment.method or 'no method'} now, not by {target.method}"
    if is_alone and (assessment.place is not Place.PASSING or assessment.has_unsuccessful_contexts):
        return "its jobs do not pass any more"
    return ""
