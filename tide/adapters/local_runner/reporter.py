"""Sets commit statuses for ProwJobs, as crier does (Prow: crier/reporters/github, pkg/github/report)."""

import asyncio
import itertools
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from tide.domain.errors import Permanent, RemoteError
from tide.domain.keys import RepoKey
from tide.domain.pulls import ContextState
from tide.domain.runs import RunState, public
from tide.policy.descriptions import description_with_base
from tide.ports.code_host import StatusPost

log = logging.getLogger(__name__)

REPORTER = "github-reporter"
"""Our name in `status.prev_report_states`: crier's."""

_STATES = {
    RunState.SCHEDULING: ContextState.PENDING,
    RunState.TRIGGERED: ContextState.PENDING,
    RunState.PENDING: ContextState.PENDING,
    RunState.SUCCESS: ContextState.SUCCESS,
    RunState.FAILURE: ContextState.FAILURE,
    RunState.ABORTED: ContextState.FAILURE,
    RunState.ERROR: ContextState.ERROR,
}
_PAUSES = tuple(timedelta(seconds=seconds) for seconds in (1, 5, 15, 60, 60, 60, 300, 300, 300))


class StatusSink(Protocol):
    """The part of `tide.ports.code_host.CodeHost` that is needed here."""

    async def post_status(self, repo: RepoKey, sha: str, status: StatusPost) -> object:
        """Set a commit status."""
        ...


def is_reported(prowjob: Mapping[str, Any]) -> bool:
    """Tell whether the code host is told of a ProwJob at all."""
    spec = prowjob["spec"]
    return bool(spec.get("report")) and spec.get("type") == "presubmit" and bool(spec["refs"].get("pulls"))


def is_told(prowjob: Mapping[str, Any]) -> bool:
    """Tell whether the code host knows the present state."""
    status = prowjob["status"]
    return bool((status.get("prev_report_states") or {}).get(REPORTER) == status["state"])


def mark_told(prowjob: Mapping[str, Any], state: str) -> None:
    """Note that the code host knows a state."""
    prowjob["status"].setdefault("prev_report_states", {})[REPORTER] = state


def status_of(prowjob: Mapping[str, Any]) -> StatusPost:
    """Build the commit status that says how a ProwJob stands."""
    status, refs = prowjob["status"], prowjob["spec"]["refs"]
    return StatusPost(
        context=prowjob["spec"]["context"],
        state=_STATES[RunState(status["state"])],
        description=description_with_base(status.get("description", ""), refs["base_sha"]),
        target_url=public(status.get("url", "")),
    )


@dataclass(eq=False)
class StatusReporter:
    """Tells the code host how ProwJobs stand; of states that follow fast on each other only the last.

    Without a code host nothing is told. `pauses` are those between attempts; what is refused for good, or fails after
    the last of them, is let go.
    """

    code_host: StatusSink | None = None
    pauses: tuple[timedelta, ...] = _PAUSES
    _telling: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def tell(self, prowjob: Mapping[str, Any]) -> None:
        """Have the present state of a ProwJob reported from now on, beside whatever else goes on."""
        name = prowjob["metadata"]["name"]
        if self.code_host is None or not is_reported(prowjob) or name in self._telling:
            return
        task = asyncio.create_task(self._tell(self.code_host, prowjob))
        self._telling[name] = task
        task.add_done_callback(lambda _: self._telling.pop(name, None))

    async def settle(self, prowjob: Mapping[str, Any]) -> None:
        """Wait until the present state of a ProwJob has been reported, or let go."""
        self.tell(prowjob)
        task = self._telling.get(prowjob["metadata"]["name"])
        if task is not None:
            await asyncio.wait([task])

    async def silence(self, prowjob: Mapping[str, Any]) -> None:
        """Never report the present state of a ProwJob, nor one that is on its way."""
        task = self._telling.get(prowjob["metadata"]["name"])
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        mark_told(prowjob, prowjob["status"]["state"])

    async def close(self) -> None:
        """Stop reporting; what was not told stays so."""
        tasks = list(self._telling.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _tell(self, code_host: StatusSink, prowjob: Mapping[str, Any]) -> None:
        for pause in itertools.chain(self.pauses, itertools.repeat(None)):
            # The state may have moved on while the last one was being told.
            while not is_told(prowjob):
                state = prowjob["status"]["state"]
                error = await _post(code_host, prowjob)
                if error is not None and not isinstance(error, Permanent) and pause is not None:
                    break
                mark_told(prowjob, state)
            else:
                return
            await asyncio.sleep(pause.total_seconds() if pause else 0)


async def _post(code_host: StatusSink, prowjob: Mapping[str, Any]) -> RemoteError | None:
    refs = prowjob["spec"]["refs"]
    try:
        await code_host.post_status(RepoKey(refs["org"], refs["repo"]), refs["pulls"][0]["sha"], status_of(prowjob))
    except RemoteError as error:
        log.warning("the status of ProwJob %s was not set: %s", prowjob["metadata"]["name"], error)
        return error
    return None
