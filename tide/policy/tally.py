"""What the batches in flight and those before them have shown (Prow: tide.go accumulateBatch)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tide.domain.evidence import BatchState
from tide.domain.runs import Run, RunKind
from tide.policy.assessment import Assessment
from tide.policy.order import largest_first, smallest_first
from tide.policy.results import Member, Result, Results, best_results

Members = tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Started:
    """A batch of which some jobs were started and none has failed, but others are yet to be started."""

    members: Members
    passed: int
    pending: int

    @property
    def order(self) -> tuple[int, int, int, Members]:
        """Which one to go on with: what has shown most, then what promises most, then the largest."""
        return (-self.passed, -self.pending, *largest_first(self.members))


@dataclass(frozen=True, slots=True)
class Batches:
    """The batches on the current base whose members are all still in the pool with the same heads.

    Of several that passed, or are pending, the largest is given, of equals the one with the lowest numbers. `failed`
    holds those that failed, the smallest first, each as a set without the members that need no job, which cannot have
    made it fail: of one that failed before some of it landed, the rest, which may be a single one. `unfinished` are
    those that lack runs.
    """

    passed: Members = ()
    pending: Members = ()
    unfinished: tuple[Started, ...] = ()
    failed: tuple[frozenset[Member], ...] = ()


def tally_batches(results: Results, pool: Iterable[Assessment], failed_before: Iterable[Sequence[Member]]) -> Batches:
    """Judge the batches of a snapshot; one that needs no job has passed (Prow: tide.go accumulateBatch).

    Args:
        results: its runs.
        pool: the pull requests that are in the pool.
        failed_before: what is left of the batches that are remembered as failed.
    """
    required = {one.member: one.view.required for one in pool}
    states: dict[BatchState, list[Members]] = {state: [] for state in BatchState}
    unfinished = []
    for members, shown in results.batches.items():
        if not all(member in required for member in members):
            continue
        contexts = {context for member in members for context in required[member]}
        state = _state(contexts, shown)
        if state is BatchState.TESTING and any(not shown.get(context) for context in contexts):
            unfinished.append(_started(members, shown, contexts))
        else:
            states[state].append(members)
    failed = {
        frozenset(member for member in members if required[member])
        for members in (*states[BatchState.FAILED], *failed_before)
        if required.keys() >= set(members)
    }
    return Batches(
        passed=min(states[BatchState.PASSED], key=largest_first, default=()),
        pending=min(states[BatchState.TESTING], key=largest_first, default=()),
        unfinished=tuple(sorted(unfinished, key=lambda one: one.order)),
        failed=tuple(sorted(filter(None, failed), key=smallest_first)),
    )


def batch_state(members: Sequence[Member], contexts: Iterable[str], runs: Iterable[Run]) -> BatchState:
    """Say what runs show of one batch: FAILED as soon as one of `contexts` has failed, PASSED when all have passed."""
    heads = tuple(members)
    return _state(set(contexts), best_results(run for run in runs if run.kind is RunKind.BATCH and run.heads == heads))


def _state(contexts: Iterable[str], shown: Mapping[str, Result]) -> BatchState:
    results = {shown.get(context, Result.NONE) for context in contexts}
    if Result.FAILED in results:
        return BatchState.FAILED
    return BatchState.PASSED if results <= {Result.PASSED} else BatchState.TESTING


def _started(members: Members, shown: Mapping[str, Result], contexts: Iterable[str]) -> Started:
    results = [shown.get(context, Result.NONE) for context in contexts]
    return Started(members, results.count(Result.PASSED), results.count(Result.PENDING))
