"""The system that runs jobs on candidates. It is told what to test, never how its own records look."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from tide.domain.jobs import Presubmit
from tide.domain.keys import PoolKey
from tide.domain.runs import Candidate, Purpose, Run


class JobRunner(Protocol):
    """Starts and lists runs. Every call may raise a `tide.domain.errors.RemoteError`."""

    async def start(
        self, candidate: Candidate, jobs: Sequence[Presubmit], purpose: Purpose, spent: Mapping[str, int]
    ) -> tuple[Run, ...]:
        """Start one run of each job on the candidate.

        A run has a name made of what it runs, so that asking twice finds the first; a new attempt is begun only when
        the last one of that name has ended without success. `spent` gives, by the name of the job, the highest attempt
        on this candidate that whoever asks knows to have ended, however it ended: it is not given again, nor begun
        again where the system has forgotten it. On an error the runs that were started remain.
        """
        ...

    async def runs(self, pool: PoolKey, base_sha: str, heads: Collection[str]) -> tuple[Run, ...]:
        """List the runs that matter to a pool now.

        These are all presubmit, batch and postsubmit runs on `base_sha`, and, on whatever base, the presubmit runs of
        any of `heads` (SHAs) that are our own or have not ended. One run per (name, attempt), sorted by name.
        """
        ...

    def mark(self, pool: PoolKey) -> str:
        """Give a mark of the runs of a pool: while it is the same, none of them has appeared, changed or gone.

        It is "" while that cannot be told. A run that is live may come to count as overdue under the same mark.
        """
        ...

    async def find(self, names: Collection[str]) -> tuple[Run, ...]:
        """Give the runs of these names as they stand now; one that is not known any more is left out."""
        ...
