"""Runs ProwJobs (Prow: pkg/plank/reconciler.go); a job that runs here only takes its time."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tide.adapters.local_runner import transitions
from tide.adapters.local_runner.reporter import mark_told
from tide.domain.runs import RunState
from tide.sandbox.cluster.duplicates import duplicates
from tide.sandbox.cluster.settings import ClusterSettings
from tide.sandbox.cluster.unfinished import Unfinished
from tide.sandbox.cluster.verdicts import Outcome, Verdict
from tide.sandbox.kubernetes.objects import ApiObjects
from tide.sandbox.kubernetes.problems import NotFound
from tide.sandbox.kubernetes.resources import JsonObject

log = logging.getLogger(__name__)

_DESCRIPTIONS = {
    RunState.SUCCESS: "Job succeeded.",
    RunState.FAILURE: "Job failed.",
    RunState.ERROR: "Pod got deleted unexpectedly.",
    RunState.ABORTED: "Pod running timeout.",
}


@dataclass(frozen=True, kw_only=True)
class Workings:
    """What jobs need to run: the clock, the time that passes, and how they end."""

    now: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]]
    verdict: Verdict


class Plank:
    """Moves ProwJobs on. ``logs`` has what those said that ended here, as long as their objects are there."""

    def __init__(
        self, objects: ApiObjects, unfinished: Unfinished, settings: ClusterSettings, workings: Workings
    ) -> None:
        self.logs: dict[str, str] = {}
        self._objects = objects
        self._unfinished = unfinished
        self._settings = settings
        self._workings = workings
        self._running: dict[str, asyncio.Task[None]] = {}
        self._builds = 0
        self._changed = asyncio.Event()
        self._changed.set()

    def look_again(self) -> None:
        """Reconcile soon."""
        self._changed.set()

    def forget(self, name: str) -> None:
        """Let go of what a deleted ProwJob said."""
        self.logs.pop(name, None)

    async def run(self) -> None:
        """Reconcile after every change, for ever; what runs is left as it is at the end."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._changed.wait()
                self._changed.clear()
                self._reconcile(group)

    def _reconcile(self, group: asyncio.TaskGroup) -> None:
        for name, task in self._running.items():
            if name not in self._unfinished:
                task.cancel()
        for prowjob in duplicates(self._ours()):
            self._supersede(prowjob["metadata"]["name"])
        ours = self._ours()
        load = _Load.of(ours)
        for prowjob in ours:
            name = prowjob["metadata"]["name"]
            match _state(prowjob):
                case RunState.ABORTED:
                    self._put_down(name)
                case RunState.SCHEDULING:
                    self._schedule(name)
                case RunState.TRIGGERED:
                    if load.admits(prowjob, self._settings.max_concurrency):
                        self._begin(name, group)
                        load.running += 1
                    load.ahead[_job(prowjob)] += 1
                case RunState.PENDING if name not in self._running:
                    # Somebody else has begun it, before we came.
                    self._spawn(prowjob, group)

    def _ours(self) -> list[JsonObject]:
        return [one for one in self._unfinished.listed() if one["spec"].get("agent") in {None, "", "kubernetes"}]

    def _supersede(self, name: str) -> None:
        """Abort what a newer one takes the place of; its context is the newer one's to report."""
        prowjob = self._read(name)
        prowjob["status"]["state"] = RunState.ABORTED.value
        mark_told(prowjob, RunState.ABORTED.value)
        self._objects.replace(prowjob)

    def _schedule(self, name: str) -> None:
        """Let a ProwJob through to plank, which the next round is (Prow: pkg/scheduler)."""
        prowjob = self._read(name)
        prowjob["status"]["state"] = RunState.TRIGGERED.value
        self._objects.replace(prowjob)

    def _put_down(self, name: str) -> None:
        if name in self._running:
            self._running[name].cancel()
        prowjob = self._read(name)
        transitions.complete(prowjob, self._workings.now())
        self._objects.replace(prowjob)

    def _begin(self, name: str, group: asyncio.TaskGroup) -> None:
        prowjob = self._read(name)
        self._builds += 1
        url = f"{self._settings.pages}/{name}" if self._settings.pages else ""
        transitions.begin(prowjob, str(self._builds), url, self._workings.now())
        prowjob["status"]["pod_name"] = name
        self._spawn(self._objects.replace(prowjob), group)

    def _spawn(self, prowjob: JsonObject, group: asyncio.TaskGroup) -> None:
        name = prowjob["metadata"]["name"]
        seconds = self._settings.duration(_job(prowjob), name)
        task = group.create_task(self._execute(prowjob, self._workings.now() + timedelta(seconds=seconds)))
        self._running[name] = task
        task.add_done_callback(lambda _: self._running.pop(name, None))

    def _read(self, name: str) -> JsonObject:
        return self._objects.get(self._settings.prow.namespace, name)

    async def _execute(self, prowjob: JsonObject, until: datetime) -> None:
        while (left := (until - self._workings.now()).total_seconds()) > 0:
            await self._workings.sleep(left)
        try:
            outcome = await self._workings.verdict(prowjob)
        except Exception as error:  # a fault in one job must not stop the others
            log.exception("ProwJob %s could not be judged", prowjob["metadata"]["name"])
            outcome = Outcome(RunState.ERROR, f"{type(error).__name__}: {error}\n")
        self._end(prowjob["metadata"]["name"], outcome)

    def _end(self, name: str, outcome: Outcome) -> None:
        try:
            prowjob = self._read(name)
        except NotFound:
            return
        if _state(prowjob) is RunState.PENDING:
            self.logs[name] = outcome.log
            transitions.end(prowjob, outcome.state, _DESCRIPTIONS[outcome.state])
            transitions.complete(prowjob, self._workings.now())
            self._objects.replace(prowjob)


@dataclass
class _Load:
    """How many jobs run, and how many of each name run or wait before the next one that is looked at."""

    running: int
    ahead: Counter[str]

    @classmethod
    def of(cls, ours: Iterable[JsonObject]) -> "_Load":
        jobs = [_job(prowjob) for prowjob in ours if _state(prowjob) is RunState.PENDING]
        return cls(len(jobs), Counter(jobs))

    def admits(self, prowjob: JsonObject, limit: int) -> bool:
        """Tell whether another job may start (reconciler.go canExecuteConcurrently); a limit of 0 is none."""
        own = prowjob["spec"].get("max_concurrency") or 0
        return not 0 < limit <= self.running and not 0 < own <= self.ahead[_job(prowjob)]


def _job(prowjob: JsonObject) -> str:
    return str(prowjob["spec"]["job"])


def _state(prowjob: JsonObject) -> RunState:
    return RunState(prowjob["status"]["state"])
