"""Tide's rules: one batch and one single test at a time; what passed on the current base merges first.

Prow: tide.go takeAction, pickBatch. Changed on purpose: a batch that failed is not started again unchanged. As long as
its members are all there with the same heads, or have landed, its first half comes next, down to one pull request, also
when others have joined the pool meanwhile. What has passed alone waits for the halves, since it is worth less than what
one of them lands; meanwhile others are tested alone, so that a guilty one is found no later than by Tide. A batch that
was only partly started is finished instead of thrown away.

What a reason is about stands beside it wherever it is told: the numbers of the targets are not repeated in it.
"""

from collections.abc import Sequence

from tide.domain.actions import Action, Merge, MergeBatch, Trigger, TriggerBatch, Wait
from tide.domain.decisions import Place
from tide.policy.assessment import Assessment
from tide.policy.evaluation import Evaluation
from tide.policy.lending import awaited_contexts
from tide.policy.order import pick
from tide.policy.results import Member
from tide.policy.tally import Started
from tide.policy.wording import numbered, plural

SMALLEST_BATCH = 2


def choose(evaluation: Evaluation) -> Action:
    """Choose the one thing to do now."""
    return _merge_batch(evaluation) or _merge_one(evaluation) or _test(evaluation)


def _merge_batch(evaluation: Evaluation) -> MergeBatch | Wait | None:
    members = evaluation.batches.passed
    if not members or evaluation.snapshot.branch_rules.is_strict:
        return None
    awaited = awaited_contexts(evaluation, members)
    if awaited:
        told = ", ".join(f"{name} on #{number}" for number, name in awaited)
        return Wait(f"The batch of {_names(members)} has passed; GitHub requires what still runs: {told}.")
    reason = f"The batch has passed all required jobs on {evaluation.place_name}."
    return MergeBatch(evaluation.targets(members), reason)


def _merge_one(evaluation: Evaluation) -> Merge | None:
    begun = _unfinished_batch(evaluation)
    if evaluation.batches.pending or (begun and begun.pending) or _due_half(evaluation):
        return None
    return _merge_ready(evaluation)


def _merge_ready(evaluation: Evaluation) -> Merge | None:
    ready = pick(evaluation.at(Place.PASSING), evaluation.snapshot.rules.priority, _is_ready)
    if ready is None:
        return None
    how = f"has passed all required jobs on {evaluation.place_name}" if ready.view.required else "needs no job"
    return Merge(ready.target, f"It {how} and comes first.")


def _test(evaluation: Evaluation) -> Action:
    if not any(one.view.required for one in evaluation.pool):
        return Wait(_why_nothing_is_tested(evaluation))
    otherwise = _test_one(evaluation)
    if len(evaluation.pool) == 1 or evaluation.batches.pending or not _allows_batches(evaluation):
        return otherwise
    return _test_batch(evaluation, otherwise)


def _test_batch(evaluation: Evaluation, otherwise: Trigger | Wait) -> Action:
    begun = _unfinished_batch(evaluation)
    if begun:
        reason = "The batch lacks verdicts of jobs that are not running; none has failed."
        return TriggerBatch(evaluation.targets(begun.members), len(begun.members), reason, otherwise)
    batchable = {one.member: one for one in evaluation.pool if one.is_batchable}
    if failed := _smallest_failed(evaluation):
        return _test_part(evaluation, failed, otherwise)
    if len(batchable) < SMALLEST_BATCH:
        return otherwise
    candidates = tuple(one.target for one in batchable.values())
    reason = f"They can be tested together on {evaluation.place_name}."
    return TriggerBatch(candidates, evaluation.snapshot.rules.largest_batch, reason, otherwise)


def _test_part(evaluation: Evaluation, failed: Sequence[Member], otherwise: Trigger | Wait) -> Action:
    """Go on with the first half of a batch that failed, or with its first member alone."""
    half = _first_half(failed)
    why = f"The batch of {_names(failed)} has failed on {evaluation.place_name}"
    if half:
        reason = f"{why}; its first half is tested next."
        # One that turns out to be none, as its members do not go together any more, is nothing to wait for.
        instead = _merge_ready(evaluation) or otherwise
        return TriggerBatch(evaluation.targets(half), evaluation.snapshot.rules.largest_batch, reason, instead)
    first = next(one for one in evaluation.pool if one.member == failed[0])
    if first.place is not Place.MISSING:
        return otherwise
    if len(failed) == 1:
        why = "A batch with it has failed, and of its members only this one has not landed"
    return Trigger(first.target, first.missing, f"{why}; it is tested alone next.")


def _due_half(evaluation: Evaluation) -> Sequence[Member]:
    """Give the half that is to be tested next, () when there is none."""
    return _first_half(_smallest_failed(evaluation))


def _first_half(failed: Sequence[Member]) -> Sequence[Member]:
    """Give the first half (rounded up) of a batch that failed, () where that is no batch any more."""
    half = failed[: (len(failed) + 1) // 2]
    return half if len(half) >= SMALLEST_BATCH else ()


def _smallest_failed(evaluation: Evaluation) -> Sequence[Member]:
    """Give the members of the smallest batch that failed and can be tested further, () when there is none."""
    if not evaluation.batches.failed or not _allows_batches(evaluation):
        return ()
    batchable = {one.member for one in evaluation.pool if one.is_batchable}
    return next((sorted(one) for one in evaluation.batches.failed if one <= batchable), ())


def _test_one(evaluation: Evaluation) -> Trigger | Wait:
    missing, rules = evaluation.at(Place.MISSING), evaluation.snapshot.rules
    is_waited_for = not _due_half(evaluation) and any(_is_ready(one) for one in evaluation.at(Place.PASSING))
    is_busy = evaluation.at(Place.PENDING) or is_waited_for
    first = None if is_busy else pick(missing, rules.priority, lambda one: one.is_retestable)
    if first is None:
        return Wait(_why_nothing_is_tested(evaluation))
    jobs = f"{len(first.missing)} required {plural(len(first.missing), 'job', 'jobs')}"
    return Trigger(first.target, first.missing, f"It has {jobs} without a result on {evaluation.place_name}.")


def _unfinished_batch(evaluation: Evaluation) -> Started | None:
    """Find the batch that lacks runs and is worth finishing: possible now, and without a part that has failed."""
    rules = evaluation.snapshot.rules
    if not rules.prioritize_existing_batches or not _allows_batches(evaluation):
        return None
    batchable = {one.member for one in evaluation.pool if one.is_batchable}
    for begun in evaluation.batches.unfinished:
        fits = not rules.largest_batch or len(begun.members) <= rules.largest_batch
        has_failed_part = any(failed <= set(begun.members) for failed in evaluation.batches.failed)
        if fits and not has_failed_part and batchable.issuperset(begun.members):
            return begun
    return None


def _allows_batches(evaluation: Evaluation) -> bool:
    # Where GitHub wants each head to contain the base, no two can land without an update between them.
    if evaluation.snapshot.branch_rules.is_strict:
        return False
    limit = evaluation.snapshot.rules.largest_batch
    return limit == 0 or limit >= SMALLEST_BATCH


def _is_ready(assessment: Assessment) -> bool:
    return not assessment.has_unsuccessful_contexts


def _why_nothing_is_tested(evaluation: Evaluation) -> str:
    if not evaluation.pool:
        return "No pull request is in the pool."
    batch, alone = evaluation.batches.pending, [one.number for one in evaluation.at(Place.PENDING)]
    if batch and alone:
        return f"Waiting for the batch of {_names(batch)}, and for {numbered(alone)} alone."
    if batch:
        return f"Waiting for the batch of {_names(batch)}."
    if alone:
        return f"Waiting for {numbered(alone)} to be tested alone."
    due = [one.number for one in evaluation.pool if one.first_due]
    if due:
        return f"Waiting for the first {plural(len(due), 'run', 'runs')} of {numbered(due)}."
    return "Waiting for contexts that are still pending or that somebody else is working on."


def _names(members: Sequence[Member]) -> str:
    return numbered(number for number, _ in members)
