"""How long one decision takes: a pool of 500 pull requests with 30 contexts and 20 required presubmits each.

Two thirds have runs on the current base, so that everything is looked at: results, batches, contexts, verdicts.
"""

import statistics
import time

from tests.bench.tables import Row, show
from tests.builders import BASE, FAILURE, make_context, make_policy, make_rules, make_run, make_snapshot, make_view
from tide.domain.pulls import ContextState
from tide.domain.runs import Run, RunState
from tide.domain.snapshot import PullView, Snapshot
from tide.policy.decide import decide

PULLS, JOBS, OTHERS, ROUNDS = 500, 20, 10, 30
AIM_SECONDS = 0.050


def build_snapshot() -> Snapshot:
    """Build the pool: every tenth pull request fails a job, every ninth lacks its label."""
    jobs = tuple(f"pull-rocket-{number}" for number in range(JOBS))
    others = tuple(f"check-{number}" for number in range(OTHERS))
    views = [_view(number, jobs, others) for number in range(1, PULLS + 1)]
    runs = [run for number in range(1, PULLS + 1) if number % 3 for run in _runs(number, jobs)]
    policy = make_policy(jobs, optional_patterns=("^optional/", "-canary$"))
    return make_snapshot(*views, runs=runs, rules=make_rules(context_policy=policy, trigger=True))


def _view(number: int, jobs: tuple[str, ...], others: tuple[str, ...]) -> PullView:
    state = FAILURE if number % 10 == 0 else ContextState.SUCCESS
    contexts = [make_context(job, description="Job succeeded.", base=BASE) for job in jobs[1:]]
    contexts += [make_context(jobs[0], state), *map(make_context, others)]
    labels = () if number % 9 == 0 else ("lgtm", "size/L", "kind/feature")
    return make_view(number, contexts, required=jobs, labels=labels)


def _runs(number: int, jobs: tuple[str, ...]) -> list[Run]:
    return [make_run(job, number, RunState.PENDING if number % 5 == 0 else RunState.SUCCESS) for job in jobs]


def main() -> None:
    """Print the decisions per second and the CPU time of one."""
    snapshot = build_snapshot()
    taken = []
    for _ in range(ROUNDS):
        began = time.process_time()
        decide(snapshot)
        taken.append(time.process_time() - began)
    median = statistics.median(taken)
    show(
        f"one decision: {PULLS} pull requests, {JOBS + OTHERS} contexts and {JOBS} presubmits each, "
        f"{len(snapshot.runs)} runs",
        [
            Row("decisions per second", f"{1 / median:.0f}"),
            Row(f"CPU of one (median of {ROUNDS})", f"{median * 1000:.1f} ms", f"< {AIM_SECONDS * 1000:.0f} ms"),
        ],
    )


if __name__ == "__main__":
    main()
