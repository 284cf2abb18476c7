"""Whether a branch head that nobody has proved has passed what it must.

A job that fails is run once more on the same head: as long as the proof is owed nothing lands, not even what would mend
the branch, and a flake must not cause that.
"""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from tide.domain.runs import Run, RunKind
from tide.domain.snapshot import Standing
from tide.policy.results import Result, best_results, result_of

MOST_FAILURES = 2


class ProofState(StrEnum):
    """How far the proof of a branch head has come."""

    PROVED = "proved"
    FAILED = "failed"
    RUNNING = "running"
    MISSING = "missing"  # jobs are to be started


def proof_state(standing: Standing, base_sha: str, runs: Iterable[Run]) -> ProofState:
    """Judge the runs on a branch head as it is; a standing that asks for no contexts is proved.

    Args:
        standing: which contexts must pass.
        base_sha: the branch head.
        runs: any runs; those that test the head without a pull request are looked at.
    """
    best = _results(base_sha, runs)
    results = {best.get(context, Result.NONE) for context in standing.contexts}
    if Result.FAILED in results:
        return ProofState.FAILED
    if Result.NONE in results:
        return ProofState.MISSING
    return ProofState.RUNNING if Result.PENDING in results else ProofState.PROVED


def unproved_contexts(standing: Standing, base_sha: str, runs: Iterable[Run]) -> tuple[str, ...]:
    """Give the contexts that must be started for the proof, sorted."""
    best = _results(base_sha, runs)
    return tuple(sorted({context for context in standing.contexts if not best.get(context)}))


def _results(base_sha: str, runs: Iterable[Run]) -> dict[str, Result]:
    proofs = [run for run in runs if run.kind is RunKind.POSTSUBMIT and not run.heads and run.base_sha == base_sha]
    failures = Counter(run.context for run in proofs if result_of(run) is Result.FAILED)
    return {
        context: Result.NONE if result is Result.FAILED and failures[context] < MOST_FAILURES else result
        for context, result in best_results(proofs).items()
    }
