"""A CI in memory that names, numbers and reports runs as Prow does; the story says when they end, and how."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from tide.adapters.local_runner import transitions
from tide.adapters.local_runner.reporter import StatusSink, is_reported, status_of
from tide.adapters.prowjobs.attempts import current_attempt
from tide.adapters.prowjobs.reading import as_of, relevant, run_of, runs_of
from tide.adapters.prowjobs.storage import ProwJobObject
from tide.adapters.prowjobs.writing import ProwSettings, build, one_per_context, timestamp
from tide.domain.errors import BadAnswer
from tide.domain.jobs import Presubmit
from tide.domain.keys import PoolKey
from tide.domain.runs import Candidate, Purpose, Run, RunState
from tide.ports.clock import Clock

Judge = Callable[[Run], Awaitable[RunState]]
"""Says how a run ends."""

_SETTINGS = ProwSettings()


@dataclass(eq=False)
class Ci:
    """Implements `tide.ports.job_runner.JobRunner`.

    A run stays live until the story ends it. An older presubmit of the same job and pull request is aborted without a
    word to the code host, as Prow does. `unreachable` makes every call fail with that error, `refused` every start of
    a job of that name; while it `is_mute` nothing is reported.
    """

    clock: Clock
    judge: Judge
    sink: StatusSink
    unreachable: Exception | None = None
    refused: str = ""
    is_mute: bool = False
    _prowjobs: dict[str, ProwJobObject] = field(default_factory=dict)

    async def start(
        self, candidate: Candidate, jobs: Sequence[Presubmit], purpose: Purpose, spent: Mapping[str, int]
    ) -> tuple[Run, ...]:
        self._reach()
        return tuple([await self._start(candidate, job, purpose, spent) for job in one_per_context(jobs)])

    async def runs(self, pool: PoolKey, base_sha: str, heads: Collection[str]) -> tuple[Run, ...]:
        self._reach()
        return relevant([run for run in self.all if run.pool == pool], base_sha, heads)

    def mark(self, pool: PoolKey) -> str:
        return "" if self.unreachable else repr([run for run in self.all if run.pool == pool])

    async def find(self, names: Collection[str]) -> tuple[Run, ...]:
        self._reach()
        return tuple(run for run in self.all if run.name in set(names))

    @property
    def all(self) -> tuple[Run, ...]:
        """Every run there has been, oldest first."""
        return tuple(as_of(run, self.clock.now()) for run in runs_of(self._prowjobs.values()))

    @property
    def live(self) -> tuple[Run, ...]:
        """The runs that have not ended."""
        return tuple(run for run in self.all if run.state.is_live)

    async def finish(self, *runs: Run, state: RunState | None = None) -> None:
        """End these runs (or all that are live): as the judge says, or all in one state."""
        for run in runs or self.live:
            prowjob = self._prowjobs[run.name]
            transitions.end(prowjob, state or await self.judge(run), "Job ended.")
            transitions.complete(prowjob, self.clock.now())
            await self._report(prowjob)

    def start_as_somebody_else(self, candidate: Candidate, job: Presubmit) -> None:
        """Begin a run under a name that is not ours, as Prow's Tide would have."""
        made = build(candidate, job, Purpose.FOREIGN, 1, self.clock.now(), _SETTINGS)
        made["metadata"]["name"] = f"somebody-elses-{len(self._prowjobs)}"
        made["metadata"]["creationTimestamp"] = timestamp(self.clock.now())
        self._prowjobs[made["metadata"]["name"]] = made

    def forget(self) -> None:
        """Lose every record, as a cluster does after some days."""
        self._prowjobs.clear()

    def _reach(self) -> None:
        if self.unreachable is not None:
            raise self.unreachable

    async def _start(self, candidate: Candidate, job: Presubmit, purpose: Purpose, spent: Mapping[str, int]) -> Run:
        if job.name == self.refused:
            raise BadAnswer(f"the cluster refuses {job.name}")

        async def known(name: str) -> Run | None:
            found = self._prowjobs.get(name)
            return as_of(run_of(found), self.clock.now()) if found else None

        async def begin(attempt: int) -> Run:
            return await self._begin(build(candidate, job, purpose, attempt, self.clock.now(), _SETTINGS))

        return await current_attempt(candidate, job.name, spent.get(job.name, 0), known=known, begin=begin)

    async def _begin(self, made: ProwJobObject) -> Run:
        made["metadata"]["creationTimestamp"] = timestamp(self.clock.now())
        for older in self._prowjobs.values():
            if run_of(older).state.is_live and transitions.supersedes(made, older):
                transitions.end(older, RunState.ABORTED, transitions.SUPERSEDED)
                transitions.complete(older, self.clock.now())
        self._prowjobs[made["metadata"]["name"]] = made
        await self._report(made)
        return run_of(made)

    async def _report(self, prowjob: ProwJobObject) -> None:
        if is_reported(prowjob) and not self.is_mute:
            run = run_of(prowjob)
            await self.sink.post_status(run.pool.repository, run.heads[0][1], status_of(prowjob))
