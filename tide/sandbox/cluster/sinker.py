"""Deletes old ProwJobs (Prow: cmd/sinker)."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from tide.adapters.prowjobs.writing import timestamp
from tide.sandbox.cluster.settings import ClusterSettings
from tide.sandbox.cluster.shape import is_prowjob
from tide.sandbox.cluster.unfinished import COMPLETION
from tide.sandbox.kubernetes.objects import ApiObjects
from tide.sandbox.kubernetes.resources import JsonObject


class Sinker:
    """Deletes finished ProwJobs that were started long ago; those that run stay, however old."""

    def __init__(
        self,
        objects: ApiObjects,
        settings: ClusterSettings,
        now: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._objects = objects
        self._settings = settings
        self._now = now
        self._sleep = sleep

    async def run(self) -> None:
        """Sweep now and then, for ever."""
        while True:
            self.sweep()
            await self._sleep(self._settings.resync_period.total_seconds())

    def sweep(self) -> int:
        """Delete what is old now; give how many."""
        # Both are written alike, to the second and in UTC, so that they sort as text.
        limit = timestamp(self._now() - self._settings.max_prowjob_age)
        namespace = self._settings.prow.namespace
        old = [
            prowjob["metadata"]["name"]
            for prowjob in self._objects.listed(namespace)
            if is_prowjob(prowjob) and prowjob["status"].get(COMPLETION) and _started(prowjob) < limit
        ]
        for name in old:
            self._objects.delete(namespace, name)
        return len(old)


def _started(prowjob: JsonObject) -> str:
    return str(prowjob["status"].get("startTime") or "")
