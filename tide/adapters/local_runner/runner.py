"""The port `JobRunner` on this machine."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

from tide.adapters.local_runner import transitions
from tide.adapters.local_runner.accounts import Accounts
from tide.adapters.local_runner.checkout import Checkout
from tide.adapters.local_runner.directory import Directory
from tide.adapters.local_runner.execution import Execution
from tide.adapters.local_runner.leftovers import kill_leftovers
from tide.adapters.local_runner.limits import Limits
from tide.adapters.local_runner.reporter import StatusReporter
from tide.adapters.prowjobs.attempts import current_attempt
from tide.adapters.prowjobs.reading import relevant, run_of, runs_of
from tide.adapters.prowjobs.storage import ProwJobObject, ProwJobStorage
from tide.adapters.prowjobs.versions import Versions
from tide.adapters.prowjobs.writing import ProwSettings, build, one_per_context, timestamp
from tide.domain.errors import StoreError
from tide.domain.jobs import Presubmit
from tide.domain.keys import PoolKey
from tide.domain.runs import Candidate, Purpose, Run, RunState
from tide.ports.clock import Clock

log = logging.getLogger(__name__)

_STORE_PAUSE = 2.0  # seconds before a verdict is offered to a database again that would not take it


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """How jobs run here: at most `jobs` at once; `log_limit` in bytes; `public_url` is where people see the logs.

    `limits` are those of each job.
    """

    jobs: int = 2
    public_url: str = ""
    default_timeout: timedelta = timedelta(hours=24)
    log_limit: int = 10 * 1024 * 1024
    limits: Limits = field(default_factory=Limits)
    prow: ProwSettings = field(default_factory=ProwSettings)


@dataclass(eq=False)
class _Unfinished:
    """A ProwJob that has no verdict yet. `abort` says why it is being aborted, "" while it is not."""

    prowjob: ProwJobObject
    task: asyncio.Task[None] | None = None
    holds_slot: bool = False
    abort: str = ""

    @property
    def state(self) -> RunState:
        return RunState(self.prowjob["status"]["state"])

    @property
    def job(self) -> str:
        return str(self.prowjob["spec"]["job"])


@dataclass(eq=False)
class LocalRunner:
    """Implements `tide.ports.job_runner.JobRunner`; jobs run while it is entered as an async context.

    `on_change` is called with the pool of a run whose state has changed. When the context is left, running jobs are
    killed and stay unfinished in the storage; the next runner on the same directory runs them again, under the same
    names. The same goes for those of a runner that was killed. As root jobs run as `accounts`: what others wrote never
    runs as root.
    """

    storage: ProwJobStorage
    checkout: Checkout
    reporter: StatusReporter
    clock: Clock
    directory: Directory
    settings: LocalSettings = field(default_factory=LocalSettings)
    on_change: Callable[[PoolKey], None] = lambda _: None
    accounts: Accounts | None = field(default_factory=lambda: Accounts() if os.geteuid() == 0 else None)
    _unfinished: dict[str, _Unfinished] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _saving: asyncio.Lock = field(default_factory=asyncio.Lock)
    _claim: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)
    _has_ended: asyncio.Event = field(default_factory=asyncio.Event)
    _is_entered: bool = False
    _last_build: int = 0
    _versions: Versions = field(default_factory=Versions)

    async def __aenter__(self) -> Self:
        """Take over the directory and what was left unfinished in it.

        Raises:
            Unavailable: another process has it.
            TideError: jobs cannot run here; one line.
        """
        await self.check()
        self.directory.path.mkdir(parents=True, exist_ok=True)
        await self._claim.enter_async_context(self.directory.claim())
        try:
            await asyncio.to_thread(self._begin_anew)
            self._is_entered = True
            await self._take_over()
            self._spawn(self._keep_clear())
        except BaseException:
            await self._leave()
            raise
        return self

    async def check(self) -> None:
        """Find out whether jobs can have their accounts; raise TideError where they cannot; one line."""
        if self.accounts:
            self.directory.path.mkdir(parents=True, exist_ok=True)
            await asyncio.to_thread(self.accounts.check, self.directory.path)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Kill what runs; it stays unfinished."""
        await self._leave()

    def _begin_anew(self) -> None:
        if self.accounts:
            self.accounts.end_leftovers()
        self.directory.prepare()

    async def _keep_clear(self) -> None:
        """Remove the work trees that were put aside; slowly, if they are large, and in nobody's way."""
        while True:
            self._has_ended.clear()
            await self.directory.clear()
            await self._has_ended.wait()

    async def _leave(self) -> None:
        self._is_entered = False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.reporter.close()
        self._unfinished.clear()
        await self._claim.aclose()

    async def start(
        self, candidate: Candidate, jobs: Sequence[Presubmit], purpose: Purpose, spent: Mapping[str, int]
    ) -> tuple[Run, ...]:
        """Start one run per context; see `tide.ports.job_runner.JobRunner.start`."""
        return tuple(
            [await self._start(candidate, job, purpose, spent.get(job.name, 0)) for job in one_per_context(jobs)]
        )

    async def runs(self, pool: PoolKey, base_sha: str, heads: Collection[str]) -> tuple[Run, ...]:
        """List the runs that matter to a pool; see `tide.ports.job_runner.JobRunner.runs`."""
        found = await self.storage.select(pool.org, pool.repo, pool.branch, base_sha=base_sha, heads=heads)
        return relevant(runs_of(found), base_sha, heads)

    def mark(self, pool: PoolKey) -> str:
        """Mark the runs of a pool; see `tide.ports.job_runner.JobRunner.mark`. Only who leads has any started."""
        return str(self._versions.of(pool))

    async def find(self, names: Collection[str]) -> tuple[Run, ...]:
        """Give the runs of these names; see `tide.ports.job_runner.JobRunner.find`."""
        found = [await self.storage.get(name) for name in sorted(set(names))]
        return runs_of(prowjob for prowjob in found if prowjob is not None)

    async def prune(self, before: timedelta) -> int:
        """Forget the runs and the logs that ended longer ago than `before` (Prow: sinker); give how many runs."""
        moment = self.clock.now() - before
        await asyncio.to_thread(self.directory.prune_logs, moment)
        try:
            return await self.storage.prune(moment)
        finally:
            self._versions.keep()

    async def _start(self, candidate: Candidate, job: Presubmit, purpose: Purpose, spent: int) -> Run:
        async def begin(attempt: int) -> Run | None:
            made = build(candidate, job, purpose, attempt, self.clock.now(), self.settings.prow)
            made["metadata"]["creationTimestamp"] = timestamp(self.clock.now())
            made["metadata"]["annotations"][transitions.RUNNER] = self.directory.identity()
            if not await self.storage.insert(made["metadata"]["name"], made):
                return None
            self._versions.changed(candidate.pool)
            if self._is_entered:
                self._admit(made)
            return run_of(made)

        return await current_attempt(candidate, job.name, spent, known=self._known, begin=begin)

    async def _known(self, name: str) -> Run | None:
        found = await self.storage.get(name)
        return run_of(found) if found is not None else None

    async def _take_over(self) -> None:
        self._versions.keep()  # another process may have led meanwhile
        now, ours = self.clock.now(), self.directory.identity()
        unfinished = await self.storage.unfinished()
        mine = [prowjob for prowjob in unfinished if transitions.runner_of(prowjob) == ours]
        await asyncio.to_thread(kill_leftovers, [self.directory.work(prowjob["metadata"]["name"]) for prowjob in mine])
        for prowjob in mine:
            if RunState(prowjob["status"]["state"]).is_live:
                transitions.wait_again(prowjob)
            self._admit(prowjob)
        for prowjob in unfinished:
            if transitions.runner_of(prowjob) != ours and transitions.is_lost(
                prowjob, now, self.settings.default_timeout
            ):
                transitions.end(prowjob, RunState.ERROR, "Job was lost with the machine that ran it.")
                transitions.complete(prowjob, now)
                await self.storage.update(prowjob["metadata"]["name"], prowjob)

    def _admit(self, prowjob: ProwJobObject) -> None:
        older = [entry for entry in self._unfinished.values() if transitions.supersedes(prowjob, entry.prowjob)]
        entry = _Unfinished(prowjob)
        self._unfinished[prowjob["metadata"]["name"]] = entry
        for outdated in older:
            self._abort(outdated, transitions.SUPERSEDED)
        self._dispatch()
        if entry.task is None:
            self.reporter.tell(prowjob)

    def _abort(self, entry: _Unfinished, why: str) -> None:
        if entry.state.is_live and not entry.abort:
            entry.abort = why
            entry.task = self._spawn(self._put_down(entry, entry.task))

    async def _put_down(self, entry: _Unfinished, running: asyncio.Task[None] | None) -> None:
        if running is not None:
            running.cancel()
            await asyncio.wait([running])
        await self._conclude(entry, RunState.ABORTED, entry.abort)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _dispatch(self) -> None:
        """Start what may start, first come first served (Prow: reconciler.go canExecuteConcurrently)."""
        for entry in list(self._unfinished.values()):
            if self._is_entered and entry.task is None and self._may_start(entry):
                entry.holds_slot = entry.state.is_live
                entry.task = self._spawn(self._work(entry))

    def _may_start(self, entry: _Unfinished) -> bool:
        running = [other for other in self._unfinished.values() if other.holds_slot]
        same = sum(other.job == entry.job for other in running)
        limit = int(entry.prowjob["spec"].get("max_concurrency") or 0) or self.settings.jobs
        return not entry.state.is_live or (len(running) < self.settings.jobs and same < limit)

    async def _work(self, entry: _Unfinished) -> None:
        """Run a job, then conclude it; one whose verdict was there before a restart is only concluded."""
        if not entry.state.is_live:
            await self._conclude(entry, entry.state, entry.prowjob["status"].get("description", ""))
            return
        try:
            state, description = await self._run(entry)
        except Exception as error:  # a fault of ours in one job must not stop the others
            log.exception("ProwJob %s could not be run", entry.prowjob["metadata"]["name"])
            state, description = RunState.ERROR, f"Job could not be run: {type(error).__name__}."
        await self._conclude(entry, state, description)

    async def _run(self, entry: _Unfinished) -> tuple[RunState, str]:
        name = entry.prowjob["metadata"]["name"]
        url = f"{self.settings.public_url.rstrip('/')}/runs/{name}/log"
        transitions.begin(entry.prowjob, self._build_id(), url, self.clock.now())
        await self._save(entry)
        self.reporter.tell(entry.prowjob)
        settings = self.settings
        execution = Execution(
            self.checkout,
            self.directory,
            self.accounts,
            settings.default_timeout,
            settings.log_limit,
            settings.limits,
        )
        try:
            return await execution.run(entry.prowjob)
        finally:
            self._has_ended.set()

    async def _conclude(self, entry: _Unfinished, state: RunState, description: str) -> None:
        """Write down the verdict, have it reported, and only then call it complete: a restart in between goes on."""
        transitions.end(entry.prowjob, state, description)
        if entry.abort:
            # The newer run speaks for the context now (Prow: abort.go marks the older as reported).
            await self.reporter.silence(entry.prowjob)
        await self._save(entry)
        entry.holds_slot = False
        self._dispatch()
        await self.reporter.settle(entry.prowjob)
        transitions.complete(entry.prowjob, self.clock.now())
        await self._save(entry)
        self._unfinished.pop(entry.prowjob["metadata"]["name"], None)

    async def _save(self, entry: _Unfinished) -> None:
        async with self._saving:
            while True:
                try:
                    await self.storage.update(entry.prowjob["metadata"]["name"], entry.prowjob)
                    break
                except StoreError as error:
                    log.debug("ProwJob %s waits to be saved: %s", entry.prowjob["metadata"]["name"], error)
                    await asyncio.sleep(_STORE_PAUSE)
        pool = run_of(entry.prowjob).pool
        self._versions.changed(pool)
        self.on_change(pool)

    def _build_id(self) -> str:
        """Give a number that grows, as Prow's tot does."""
        self._last_build = max(self._last_build + 1, int(self.clock.now().timestamp() * 1_000_000))
        return str(self._last_build)
