"""What there is to run again on a head, when somebody asks for it."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from tide.domain.pulls import ContextState, Pull
from tide.domain.runs import Run
from tide.policy.results import Result, last_result
from tide.policy.silence import unattended


class HeadJobs(NamedTuple):
    """How the jobs of a head stand.

    `failed` have failed or ended without a verdict, `silent` are pending although no run works on them; all are
    sorted. `running` are the runs under way. `others` have failed, and no job reports them.
    """

    failed: tuple[str, ...]
    silent: tuple[str, ...]
    running: tuple[Run, ...]
    others: tuple[str, ...]


def jobs_of_head(pull: Pull, required: Collection[str], runs: Iterable[Run]) -> HeadJobs:
    """Sort the jobs of a head by what may be asked of them.

    Args:
        pull: the pull request as last read.
        required: the contexts of its required jobs.
        runs: those that have tested the head alone, as last seen; their jobs count too.
    """
    known = list(runs)
    jobs = {*required, *(run.context for run in known)}
    running = tuple(run for run in known if run.state.is_live)
    busy = {run.context for run in running}
    red = {context.name for context in pull.contexts if context.state.is_failed}
    green = {context.name for context in pull.contexts if context.state is ContextState.SUCCESS}
    silent = unattended(pull, jobs, busy)
    bad = {name for name in jobs if name not in green and _has_failed(name, known)}
    failed = ((red & jobs) | bad) - busy - set(silent)
    return HeadJobs(tuple(sorted(failed)), silent, running, tuple(sorted(red - jobs)))


def _has_failed(name: str, runs: Iterable[Run]) -> bool:
    of_job = [run for run in runs if run.context == name]
    return bool(of_job) and last_result(of_job) in {Result.FAILED, Result.NONE}
