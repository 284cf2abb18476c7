"""The port `JobRunner` on a cluster: ProwJobs that plank runs, crier reports and sinker deletes."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from tide.adapters.kubernetes.cache import Cache
from tide.adapters.kubernetes.checking import check_access
from tide.adapters.kubernetes.contact import Contact
from tide.adapters.kubernetes.failures import AlreadyExists
from tide.adapters.kubernetes.following import Follower
from tide.adapters.kubernetes.prowjob_api import ProwJobApi
from tide.adapters.prowjobs.attempts import current_attempt
from tide.adapters.prowjobs.reading import as_of, relevant, runs_of
from tide.adapters.prowjobs.storage import ProwJobObject
from tide.adapters.prowjobs.writing import ProwSettings, build, one_per_context, run_name
from tide.domain.errors import BadAnswer, Unavailable
from tide.domain.jobs import Presubmit
from tide.domain.keys import PoolKey
from tide.domain.runs import Candidate, Purpose, Run
from tide.ports.clock import SteadyClock

_READS_AT_ONCE = 8


@dataclass(eq=False)
class KubernetesRunner:
    """Implements `tide.ports.job_runner.JobRunner`; the ProwJobs are followed while it is entered as an async context.

    `runs` answers from what is followed, and raises Unavailable as long as that cannot be trusted. Nothing is ever
    patched or deleted: runs are put down by plank, and forgotten by sinker. One that is overdue is given as one without
    a verdict, so that another attempt may be begun. `source` says in words where the cluster was found, "" where it is
    the one that this runs in.
    """

    api: ProwJobApi
    cache: Cache
    contact: Contact
    follower: Follower
    clock: SteadyClock
    prow: Callable[[], ProwSettings]
    source: str = ""
    _following: asyncio.Task[None] | None = None

    async def check(self, *, is_dry_run: bool = False) -> None:
        """Find out at the start whether the cluster will do; see `tide.adapters.kubernetes.checking`."""
        await check_access(self.api, is_dry_run=is_dry_run)

    async def __aenter__(self) -> Self:
        """Begin to follow the ProwJobs; the first list is not waited for."""
        self._following = asyncio.create_task(self.follower.run(), name="follow the ProwJobs")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop following them."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait({self._following})

    async def listed(self) -> None:
        """Wait until the ProwJobs have been listed for the first time, while they are followed.

        Raises:
            Unavailable: that takes too long.
        """
        try:
            async with asyncio.timeout(self.api.times.listing):
                await self.contact.listed.wait()
        except TimeoutError:
            self.contact.assure()

    async def start(
        self, candidate: Candidate, jobs: Sequence[Presubmit], purpose: Purpose, spent: Mapping[str, int]
    ) -> tuple[Run, ...]:
        """Start one run per context; see `tide.ports.job_runner.JobRunner.start`.

        Raises:
            BadAnswer: the cluster refuses a job as it is; the others were started nevertheless.
            Unavailable: it is not known whether a run was begun; asking again finds out.
            RemoteError: whatever else keeps the runs from being begun.
        """
        runs, refusals = [], []
        for job in one_per_context(jobs):
            starting = _Starting(self, candidate, job, purpose)
            try:
                runs.append(await starting.start(spent.get(job.name, 0)))
            except BadAnswer as error:
                refusals.append(error)
        if refusals:
            raise refusals[0]
        return tuple(runs)

    async def runs(self, pool: PoolKey, base_sha: str, heads: Collection[str]) -> tuple[Run, ...]:
        """List the runs that matter to a pool; see `tide.ports.job_runner.JobRunner.runs`.

        Raises:
            Unavailable: what is known is not whole, or not up to date.
        """
        self.contact.assure()
        if not self.cache.ask_for(pool.repository):
            raise Unavailable(f"the ProwJobs of {pool.repository} have not been listed yet")
        now = self.clock.now()
        return relevant([as_of(run, now) for run in self.cache.of(pool)], base_sha, heads)

    def mark(self, pool: PoolKey) -> str:
        """Mark the runs of a pool; see `tide.ports.job_runner.JobRunner.mark`."""
        is_known = self.contact.is_fresh and self.cache.ask_for(pool.repository)
        return str(self.cache.version(pool)) if is_known else ""

    async def find(self, names: Collection[str]) -> tuple[Run, ...]:
        """Give the runs of these names; see `tide.ports.job_runner.JobRunner.find`."""
        slots = asyncio.Semaphore(_READS_AT_ONCE)

        async def find_one(name: str) -> tuple[Run, ...]:
            known = self.cache.find(name) if self.contact.is_fresh else None
            if known is not None:
                return (known,)
            async with slots:
                found = await self.api.get(name)
            return runs_of([found]) if found is not None else ()

        now, found = self.clock.now(), await asyncio.gather(*map(find_one, sorted(set(names))))
        return tuple(as_of(run, now) for runs in found for run in runs)


@dataclass(frozen=True, slots=True)
class _Starting:
    """Starts one job on a candidate."""

    runner: KubernetesRunner
    candidate: Candidate
    job: Presubmit
    purpose: Purpose

    async def start(self, spent: int) -> Run:
        return await current_attempt(self.candidate, self.job.name, spent, known=self._known, begin=self._begin)

    async def _known(self, name: str) -> Run | None:
        known = self.runner.cache.find(name)
        return as_of(known, self.runner.clock.now()) if known else None

    async def _begin(self, attempt: int) -> Run | None:
        """Create the object of an attempt; None when it is known from now on, and is to be judged."""
        why: Unavailable
        try:
            made = await self.runner.api.create(self._build(attempt))
        except AlreadyExists as error:
            why = Unavailable(f"{error}, and is gone")
        except Unavailable as error:
            why = error  # the answer may have been lost on its way back
        else:
            return self.runner.cache.observe(made)
        await self._read(attempt, why)
        return None

    def _build(self, attempt: int) -> ProwJobObject:
        runner = self.runner
        settings = replace(runner.prow(), namespace=runner.api.namespace)
        return build(self.candidate, self.job, self.purpose, attempt, runner.clock.now(), settings)

    async def _read(self, attempt: int, why_absent: Unavailable) -> None:
        found = await self.runner.api.get(run_name(self.candidate, self.job.name, attempt))
        if found is None:
            raise why_absent
        self.runner.cache.observe(found)
