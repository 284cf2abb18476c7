"""The simulated cluster as a whole."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tide.sandbox.cluster.clones import Clones
from tide.sandbox.cluster.crier import Crier
from tide.sandbox.cluster.plank import Plank, Workings
from tide.sandbox.cluster.settings import ClusterSettings
from tide.sandbox.cluster.sinker import Sinker
from tide.sandbox.cluster.trigger import Jobs, Trigger
from tide.sandbox.cluster.unfinished import Unfinished
from tide.sandbox.cluster.verdicts import SuiteVerdict, Verdict
from tide.sandbox.kubernetes.objects import ApiObjects
from tide.sandbox.state import Forge


class Cluster:
    """Prow on a cluster: what is behind an API server's ProwJobs, for one forge.

    It acts while ``running`` lasts. ProwJobs that are there before, and those that clients bring, are taken on; pull
    requests that were opened before are not.

    Args:
        forge: where pull requests come from and statuses go to.
        objects: the API server's ProwJobs.
        jobs: the presubmits of a repository; asked anew at each event.
        settings: see ``ClusterSettings``.
        sleep: waits for so many seconds of the forge's clock.
        verdict: tells how jobs end; by the code that they test (``SuiteVerdict``) unless told otherwise.
    """

    def __init__(
        self,
        forge: Forge,
        objects: ApiObjects,
        jobs: Jobs,
        settings: ClusterSettings | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        verdict: Verdict | None = None,
    ) -> None:
        self.objects = objects
        self.settings = settings or ClusterSettings()
        self._forge = forge
        self._unfinished = Unfinished(objects, self.settings.prow.namespace)
        judge = verdict or SuiteVerdict(Clones(forge), self.settings.seed)
        workings = Workings(now=forge.now, sleep=sleep, verdict=judge)
        self._trigger = Trigger(forge, objects, self._unfinished, jobs, self.settings)
        self._plank = Plank(objects, self._unfinished, self.settings, workings)
        self._crier = Crier(forge, objects, self.settings)
        self._sinker = Sinker(objects, self.settings, forge.now, sleep)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Cluster"]:
        """Act while the context lasts; what is unfinished at its end stays so, and may be taken on again."""
        ends = (self._forge.subscribe(self._trigger.see), self._unfinished.follow(self._see))
        try:
            async with asyncio.TaskGroup() as group:
                parts = (self._trigger, self._plank, self._crier, self._sinker)
                tasks = [group.create_task(part.run()) for part in parts]
                yield self
                for task in tasks:
                    task.cancel()
        finally:
            for end in ends:
                end()

    def sweep(self) -> int:
        """Delete old ProwJobs now, as the sinker does by itself; give how many."""
        return self._sinker.sweep()

    def log_of(self, name: str) -> str:
        """Give what the job of a ProwJob said; "" for one that has not ended here."""
        return self._plank.logs.get(name, "")

    def _see(self, kind: str, name: str) -> None:
        if kind == "DELETED":
            self._plank.forget(name)
        else:
            self._crier.look_at(name)
        self._plank.look_again()
