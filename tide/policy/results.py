"""What runs have shown so far, put in order once per decision.

A run that was aborted or could not be carried out has no verdict: its job is as good as never run, and may be tried
again. Only when the third attempt ends like that is it taken for a failure, so that nothing is tried for ever.
"""

from collections.abc import Iterable, Mapping
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
        _raise(best, run)
    return best


@dataclass(slots=True)
class _Own:
    """Our own runs of one context on one head, whatever their base."""

    latest: Run
    is_retested: bool
    is_live: bool
    has_live_first: bool

    @classmethod
    def of(cls, run: Run) -> "_Own":
        is_retest, is_live = run.purpose is Purpose.RETEST, run.state.is_live
        return cls(run, is_retest, is_live, is_live and not is_retest)

    def add(self, run: Run) -> None:
        other = _Own.of(run)
        if _age(run) > _age(self.latest):
            self.latest = run
        self.is_retested |= other.is_retested
        self.is_live |= other.is_live
        self.has_live_first |= other.has_live_first


@dataclass(slots=True)
class Results:
    """The runs of a snapshot, by what they tested.

    `alone` holds the results of single heads on the current base, `batches` those of several heads (in the order in
    which they were merged); both by context.
    """

    alone: dict[Member, dict[str, Result]] = field(default_factory=dict)
    batches: dict[tuple[Member, ...], dict[str, Result]] = field(default_factory=dict)
    _own: dict[Member, dict[str, _Own]] = field(default_factory=dict)

    @classmethod
    def of(cls, runs: Iterable[Run], base_sha: str) -> "Results":
        """Sort runs into place; those on another base count only for who tests a head and why."""
        results = cls()
        for run in runs:
            results._add(run, base_sha)
        return results

    def _add(self, run: Run, base_sha: str) -> None:
        if run.kind is RunKind.PRESUBMIT and len(run.heads) == 1:
            member = run.heads[0]
            if run.base_sha == base_sha:
                _raise(self.alone.setdefault(member, {}), run)
            if run.purpose is Purpose.RETEST or run.purpose is Purpose.FIRST:
                self._add_own(self._own.setdefault(member, {}), run)
        elif run.kind is RunKind.BATCH and run.base_sha == base_sha:
            _raise(self.batches.setdefault(run.heads, {}), run)

    @staticmethod
    def _add_own(contexts: dict[str, _Own], run: Run) -> None:
        own = contexts.get(run.context)
        if own is None:
            contexts[run.context] = _Own.of(run)
        else:
            own.add(run)

    def on_base(self, member: Member) -> Mapping[str, Result]:
        """Give the results of one head alone on the current base."""
        return self.alone.get(member, {})

    def is_retested(self, member: Member, context: str) -> bool:
        """Tell whether a pending context is that of a retest of ours, on whatever base.

        Names are compared in full (Prow: tide.go isRetestEligible compares shortened labels).
        """
        own = self._own_runs(member, context)
        return own is not None and own.is_retested and not own.has_live_first

    def is_without_verdict(self, member: Member, context: str) -> bool:
        """Tell whether our last run of a job on a head ended without a verdict and may be tried again."""
        own = self._own_runs(member, context)
        return own is not None and not own.is_live and result_of(own.latest) is Result.NONE

    def is_live(self, member: Member, context: str) -> bool:
        """Tell whether a run of ours of a job on a head, on whatever base, is in flight."""
        own = self._own_runs(member, context)
        return own is not None and own.is_live

    def has_failed(self, member: Member, context: str) -> bool:
        """Tell whether our last run of a job on a head, on whatever base, has failed."""
        own = self._own_runs(member, context)
        return own is not None and not own.is_live and result_of(own.latest) is Result.FAILED

    def is_known(self, member: Member, context: str) -> bool:
        """Tell whether any run of a context on a head is known."""
        return context in self.on_base(member) or self._own_runs(member, context) is not None

    def live_first_heads(self) -> frozenset[Member]:
        """Give the heads whose first runs are in flight."""
        return frozenset(
            member for member, contexts in self._own.items() if any(own.has_live_first for own in contexts.values())
        )

    def _own_runs(self, member: Member, context: str) -> _Own | None:
        return self._own.get(member, {}).get(context)


def _raise(best: dict[str, Result], run: Run) -> None:
    result = result_of(run)
    if result >= best.get(run.context, Result.NONE):
        best[run.context] = result


def _age(run: Run) -> tuple[float, int, str]:
    return (run.started_at.timestamp() if run.started_at else 0.0, run.attempt, run.name)


def _has_no_verdict(run: Run) -> bool:
    return run.state is RunState.ABORTED or run.state is RunState.ERROR
