"""What may be told about the simulated cluster."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from tide.adapters.prowjobs.writing import ProwSettings


@dataclass(frozen=True, kw_only=True)
class ClusterSettings:
    """How the simulated cluster works.

    Args:
        prow: where ProwJobs are and how they are written (Prow: prowjob_namespace, github.link_url, scheduler.enabled).
        seed: fixes names, durations and flakes.
        job_seconds: how long a job takes.
        seconds_of: how long the jobs of these names take instead.
        jitter: the share of that by which one run may be shorter or longer, from 0 to 1.
        max_concurrency: how many jobs run at once, 0 for any number (Prow: plank.max_concurrency).
        pages: the address of the pages that tell what a job did; ProwJobs have no URL without it.
        bot: who sets commit statuses; its own comments are no commands.
        untrusted: logins whose pull requests are tested only with the label ``ok-to-test``.
        max_prowjob_age: how long after its start a finished ProwJob is kept (Prow: sinker.max_prowjob_age).
        resync_period: how often old ProwJobs are looked for (Prow: sinker.resync_period).
    """

    prow: ProwSettings = field(default_factory=ProwSettings)
    seed: int = 0
    job_seconds: float = 1.0
    seconds_of: Mapping[str, float] = field(default_factory=dict)
    jitter: float = 0.0
    max_concurrency: int = 0
    pages: str = ""
    bot: str = "prow-bot"
    untrusted: frozenset[str] = frozenset()
    max_prowjob_age: timedelta = timedelta(days=7)
    resync_period: timedelta = timedelta(hours=1)

    def duration(self, job: str, run: str) -> float:
        """Say how many seconds the run of this name of a job takes."""
        share = Random(f"{self.seed}:{run}").uniform(-self.jitter, self.jitter)  # noqa: S311 - a story, no secret
        return self.seconds_of.get(job, self.job_seconds) * (1 + share)
