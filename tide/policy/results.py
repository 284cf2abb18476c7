"""What runs have shown so far, put in order once per decision.

A run that was aborted or could not be carried out has no verdict: its job is as good as never run, and may be tried
again. Only when the third attempt ends like that is it taken for a failure, so that nothing is tried for ever.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from tide.domain.runs import Purpose, Run, RunKind, RunState

MOST_ATTEMPTS = 3

Member = tuple[int, str]
"""A pull request's number and head SHA."""


class Result(IntEnum):
    """What is known of one job on one candidate; of several runs the largest counts (Prow: tide.go accumulate)."""

    NONE = 0
    FAILED = 1
    PENDING = 2
    PASSED = 3


def result_of(run: Run) -> Result:
    """Give what a single run shows."""
    state = run.state
    if state is RunState.SUCCESS:
        return Result.PASSED
    if state is RunState.FAILURE:
        return Result.FAILED
    if _has_no_verdict(run):
        return Result.FAILED if run.attempt >= MOST_ATTEMPTS else Result.NONE
    return Result.PENDING


def best_results(runs: Iterable[Run]) -> dict[str, Result]:
    """Give the best result of each context; the runs must be of one candidate."""
    best: dict[str, Result] = {}
    for run in runs:
        result = result_of(run)
        if result >= best.get(run.context, Result.NONE):
            best[run.context] = result
    return best


@dataclass(slots=True)
class Results:
    """The runs of a snapshot, by what they tested.

    `alone` holds the results of single heads on the current base, `batches` those of several heads (in the order in
    which they were merged); both by context.
    """

    alone: dict[Member, dict[str, Result]] = field(default_factory=dict)
    batches: dict[tuple[Member, ...], dict[str, Result]] = field(default_factory=dict)
    _single: dict[Member, list[Run]] = field(default_factory=dict)

    @classmethod
    def of(cls, runs: Iterable[Run], base_sha: str) -> "Results":
        """Sort runs into place; those on another base count only for who tests a head and why."""
        single: dict[Member, list[Run]] = {}
        batches: dict[tuple[Member, ...], list[Run]] = {}
        for run in runs:
            if run.kind is RunKind.PRESUBMIT and len(run.heads) == 1:
                single.setdefault(run.heads[0], []).append(run)
            elif run.kind is RunKind.BATCH and run.base_sha == base_sha:
                batches.setdefault(run.heads, []).append(run)
        return cls(
            alone={
                head: best_results(run for run in tests if run.base_sha == base_sha) for head, tests in single.items()
            },
            batches={heads: best_results(tests) for heads, tests in batches.items()},
            _single=single,
        )

    def on_base(self, member: Member) -> Mapping[str, Result]:
        """Give the results of one head alone on the current base."""
        return self.alone.get(member, {})

    def is_retested(self, member: Member, context: str) -> bool:
        """Tell whether a pending context is that of a retest of ours, on whatever base.

        Names are compared in full (Prow: tide.go isRetestEligible compares shortened labels).
        """
        own = self._own_runs(member, context)
        has_live_first = any(run.purpose is Purpose.FIRST and run.state.is_live for run in own)
        return not has_live_first and any(run.purpose is Purpose.RETEST for run in own)

    def live_contexts(self, member: Member) -> frozenset[str]:
        """Name the contexts that runs of one head alone are working on, whoever started them and on whatever base."""
        return frozenset(run.context for run in self._single.get(member, ()) if run.state.is_live)

    def last_result(self, member: Member, context: str) -> Result:
        """Give what the last known run of a job on a head alone shows, on whatever base; NONE when none is known."""
        return last_result(self._runs(member, context)) or Result.NONE

    def attempts_on_base(self, member: Member, context: str, base_sha: str) -> int:
        """Count the attempts at a job on a head alone on a base."""
        return max((run.attempt for run in self._runs(member, context) if run.base_sha == base_sha), default=0)

    def is_without_verdict(self, member: Member, context: str) -> bool:
        """Tell whether our last run of a job on a head ended without a verdict and may be tried again."""
        own = self._own_runs(member, context)
        return not any(run.state.is_live for run in own) and last_result(own) is Result.NONE

    def is_known(self, member: Member, context: str) -> bool:
        """Tell whether any run of a context on a head is known."""
        return bool(self._runs(member, context))

    def live_first_heads(self) -> frozenset[Member]:
        """Give the heads whose first runs are in flight."""
        return frozenset(
            run.heads[0]
            for tests in self._single.values()
            for run in tests
            if run.purpose is Purpose.FIRST and run.state.is_live
        )

    def _runs(self, member: Member, context: str) -> list[Run]:
        return [run for run in self._single.get(member, ()) if run.context == context]

    def _own_runs(self, member: Member, context: str) -> list[Run]:
        return [run for run in self._runs(member, context) if _is_ours(run)]


def last_result(runs: Sequence[Run]) -> Result | None:
    """Give what the last of some runs of one job on one candidate shows, None without any."""
    return result_of(max(runs, key=_age)) if runs else None


def _is_ours(run: Run) -> bool:
    return run.purpose is Purpose.RETEST or run.purpose is Purpose.FIRST


def _age(run: Run) -> tuple[float, int, str, str]:
    return (run.started_at.timestamp() if run.started_at else 0.0, run.attempt, run.name, run.state)


def _has_no_verdict(run: Run) -> bool:
    return run.state is RunState.ABORTED or run.state is RunState.ERROR
