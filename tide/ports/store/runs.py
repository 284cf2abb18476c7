"""What was started, and what it has shown."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from tide.domain.evidence import Evidence
from tide.domain.keys import PoolKey
from tide.domain.runs import Candidate, Run


class Runs(Protocol):
    """The runs as last seen, and the evidence that came of them."""

    async def save_runs(self, runs: Sequence[Run], at: datetime) -> None:
        """Keep these runs as last seen."""
        ...

    async def live_runs(self, pool: PoolKey | None = None) -> tuple[Run, ...]:
        """Give the runs of a pool, or of all, that had no verdict when they were last seen, sorted by name."""
        ...

    async def spent_attempts(self, candidate: Candidate) -> Mapping[str, int]:
        """Give, by the name of the job, the highest attempt on a candidate that has ended, however it ended."""
        ...

    async def first_runs(self, pool: PoolKey, heads: Collection[str]) -> tuple[tuple[str, str], ...]:
        """Give (head SHA, context) of the first runs started for these heads."""
        ...

    async def add_evidence(self, evidence: Sequence[Evidence]) -> None:
        """Keep what runs have shown; the same run twice is kept once."""
        ...

    async def evidence(self, run_tree: str, digests: Collection[str]) -> tuple[Evidence, ...]:
        """Give what is known of these jobs on one tree, newest first."""
        ...
