"""What the suite needs around a runner, wherever it runs its jobs."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

from tide.domain.runs import Candidate, Head, Run
from tide.ports.job_runner import JobRunner


class JobLab(Protocol):
    """Makes heads, candidates and runners; jobs are shell scripts (`tests.integration.local_runner.lab.job`)."""

    base: str
    shared: Path

    def head(self, number: int, /) -> Head: ...

    def candidate(self, *heads: Head) -> Candidate: ...

    def runner(self) -> AbstractAsyncContextManager[JobRunner]:
        """Give a runner that works while it is entered; another one sees what the first did."""
        ...

    async def ended(self, runner: JobRunner, name: str, /) -> Run:
        """Let a run come to its end, as its script says, and give it as the runner then sees it."""
        ...
