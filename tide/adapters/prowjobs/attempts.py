"""Which attempt of a run is begun, or found: one rule for every place where ProwJobs are kept."""

from collections.abc import Awaitable, Callable

from tide.adapters.prowjobs.reading import needs_another_attempt
from tide.adapters.prowjobs.writing import run_name
from tide.domain.runs import Candidate, Run


async def current_attempt(
    candidate: Candidate,
    job: str,
    spent: int,
    *,
    known: Callable[[str], Awaitable[Run | None]],
    begin: Callable[[int], Awaitable[Run | None]],
) -> Run:
    """Give the run of a job on a candidate that counts now; begin it when there is none.

    Args:
        candidate: what is tested.
        job: the name of the job.
        spent: the highest attempt that whoever asks knows to have ended; up to it only one that lives all the same
            counts, and none is begun.
        known: gives the run of that name, None when there is none.
        begin: begins that attempt; gives None when somebody else was faster, so that `known` has it from now on.
    """
    attempt = 1
    while True:
        run = await known(run_name(candidate, job, attempt))
        if run is not None and (run.state.is_live or (attempt > spent and not needs_another_attempt(run))):
            return run
        if run is None and attempt > spent:
            begun = await begin(attempt)
            if begun is not None:
                return begun
        else:
            attempt += 1
