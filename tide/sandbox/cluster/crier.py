"""Reports ProwJobs as commit statuses (Prow: crier, crier/reporters/github, pkg/github/report)."""

import asyncio
from typing import TYPE_CHECKING, cast

from tide.adapters.local_runner.reporter import is_reported, is_told, mark_told, status_of
from tide.sandbox.cluster.settings import ClusterSettings
from tide.sandbox.cluster.shape import is_prowjob
from tide.sandbox.evidence import NewStatus, TooManyStatusesError
from tide.sandbox.kubernetes.objects import ApiObjects
from tide.sandbox.kubernetes.problems import NotFound
from tide.sandbox.kubernetes.resources import JsonObject
from tide.sandbox.registry import NoSuchRepositoryError
from tide.sandbox.state import Forge

if TYPE_CHECKING:
    from tide.sandbox.model import StatusState


class Crier:
    """Tells the forge how presubmits stand, each state once; of states that follow fast on each other only the last.

    Batches and postsubmits of a queue do not ask to be reported (``spec.report``).
    """

    def __init__(self, forge: Forge, objects: ApiObjects, settings: ClusterSettings) -> None:
        self._forge = forge
        self._objects = objects
        self._settings = settings
        self._waiting: dict[str, None] = {}
        self._changed = asyncio.Event()

    def look_at(self, name: str) -> None:
        """Report the ProwJob of that name soon, if there is something to report."""
        self._waiting[name] = None
        self._changed.set()

    async def run(self) -> None:
        """Report what there is to report, for ever."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            waiting, self._waiting = self._waiting, {}
            for name in waiting:
                self._report(name)

    def _report(self, name: str) -> None:
        try:
            prowjob = self._objects.get(self._settings.prow.namespace, name)
        except NotFound:
            return
        if not is_prowjob(prowjob) or not _has_report(prowjob) or is_told(prowjob):
            return
        self._post(prowjob)
        mark_told(prowjob, prowjob["status"]["state"])
        self._objects.replace(prowjob)

    def _post(self, prowjob: JsonObject) -> None:
        post, refs = status_of(prowjob), prowjob["spec"]["refs"]
        status = NewStatus(
            context=post.context,
            state=cast("StatusState", post.state.value.lower()),
            description=post.description,
            target_url=post.target_url or None,
        )
        try:
            repository = self._forge.repository(f"{refs['org']}/{refs['repo']}")
            self._forge.create_status(repository, refs["pulls"][0]["sha"], status, self._settings.bot)
        except (NoSuchRepositoryError, TooManyStatusesError):
            # What GitHub will never take is let go (Prow: crier/reporters/github Report).
            return


def _has_report(prowjob: JsonObject) -> bool:
    """Tell whether there is something to say of a ProwJob: to a context, and for a base."""
    spec = prowjob["spec"]
    refs = spec.get("refs") or {}
    return bool(refs.get("base_sha") and spec.get("context")) and is_reported(prowjob)
