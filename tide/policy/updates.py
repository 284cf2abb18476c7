"""Which branch of a pull request to update, where the code host wants each head to contain the base.

Whatever lands leaves all the others behind. So they are updated one after the other, in the order in which they would
be merged, and none as long as one that is up to date may still land.
"""

from tide.domain.actions import UpdateBranch
from tide.domain.pulls import ContextState
from tide.policy.assessment import Assessment, Obstacle
from tide.policy.evaluation import Evaluation
from tide.policy.order import rank


def due_update(evaluation: Evaluation) -> UpdateBranch | None:
    """Choose the pull request whose branch is to be updated now, None for none."""
    rules = evaluation.snapshot.rules
    if not rules.settings.update_branch or any(map(_may_still_land, evaluation.assessments)):
        return None
    behind = [one for one in evaluation.assessments if _lacks_only_an_update(one)]
    if not behind:
        return None
    first = min(behind, key=lambda one: rank(one, rules.priority))
    reason = f"#{first.number} lacks nothing but an update of its branch with {evaluation.place_name}."
    return UpdateBranch(first.target, reason)


def _lacks_only_an_update(one: Assessment) -> bool:
    """Tell whether an update lets a pull request go on; what has failed on its head would most likely fail again."""
    is_behind = one.obstacle is Obstacle.REFUSED and one.refused is not None and one.refused.is_behind
    has_failed = bool(one.failed) or any(context.state.is_failed for context in one.standing_against)
    return is_behind and one.query is not None and one.pull.contexts_known and not has_failed


def _may_still_land(one: Assessment) -> bool:
    """Tell whether a pull request that is, or is about to be, up to date is in the pool or on its way into it."""
    if one.obstacle is None:
        return True
    if one.obstacle is Obstacle.HELD:
        return one.view.is_being_updated and not one.view.held_remedy
    return one.obstacle is Obstacle.CONTEXTS and all(
        context.state is ContextState.PENDING or context.name in one.first_due for context in one.standing_against
    )
