"""The states of a ProwJob, as plank sets and describes them (Prow: plank/reconciler.go)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from tide.adapters.local_runner.process import Ending
from tide.adapters.prowjobs.durations import duration
from tide.adapters.prowjobs.reading import run_of
from tide.adapters.prowjobs.storage import ProwJobObject
from tide.adapters.prowjobs.writing import timestamp
from tide.domain.runs import RunState

RUNNER = "merge-queue.tide/runner"
"""Annotation: which local runner has the ProwJob, for several may share one store."""

SUPERSEDED = "Aborted as the newer version of this job is running."

_LONGEST_DESCRIPTION = 1000
_MARGIN = timedelta(minutes=10)  # beyond its time-out, before somebody else's run is given up


def begin(prowjob: ProwJobObject, build_id: str, url: str, now: datetime) -> None:
    """Note that the job runs."""
    prowjob["status"] |= {
        "state": RunState.PENDING.value,
        "pendingTime": timestamp(now),
        "description": "Job triggered.",
        "build_id": build_id,
        "url": url,
    }


def wait_again(prowjob: ProwJobObject) -> None:
    """Note that the job has to be run once more, for whoever ran it is gone."""
    prowjob["status"]["state"] = RunState.TRIGGERED.value


def end(prowjob: ProwJobObject, state: RunState, description: str) -> None:
    """Note how the job ended; `complete` follows when everybody has been told."""
    prowjob["status"] |= {"state": state.value, "description": description[:_LONGEST_DESCRIPTION]}


def complete(prowjob: ProwJobObject, now: datetime) -> None:
    """Note that nothing remains to be done."""
    prowjob["status"]["completionTime"] = timestamp(now)


def verdict(ending: Ending) -> tuple[RunState, str]:
    """Tell the state and the description of a job whose process has ended."""
    if ending.timed_out:
        return RunState.FAILURE, "Job failed: it did not end in time."
    if ending.too_much:
        return RunState.FAILURE, f"Job failed: it used more than {ending.too_much}."
    if ending.code == 0:
        return RunState.SUCCESS, "Job succeeded."
    if ending.met:
        return RunState.FAILURE, f"Job failed: it may have met its limit of {' and of '.join(ending.met)}."
    return RunState.FAILURE, "Job failed."


def runner_of(prowjob: Mapping[str, Any]) -> str:
    """Tell which local runner has a ProwJob."""
    return str((prowjob["metadata"].get("annotations") or {}).get(RUNNER, ""))


def is_lost(prowjob: Mapping[str, Any], now: datetime, default_timeout: timedelta) -> bool:
    """Tell whether another runner's ProwJob should have ended long ago."""
    status, decoration = prowjob["status"], prowjob["spec"].get("decoration_config") or {}
    is_running = status.get("state") == RunState.PENDING.value
    began = datetime.fromisoformat(status["pendingTime"]) if is_running else run_of(prowjob).started_at
    timeout = duration(decoration.get("timeout"), default_timeout) if is_running else default_timeout
    return began is not None and began + timeout + _MARGIN < now


def supersedes(newer: Mapping[str, Any], older: Mapping[str, Any]) -> bool:
    """Tell whether a presubmit takes the place of another one (Prow: pjutil/abort.go TerminateOlderJobs).

    That is so for the same job on the same pull requests of a branch, whatever the SHAs.
    """
    return newer["spec"]["type"] == "presubmit" and _identity(newer) == _identity(older)


def _identity(prowjob: Mapping[str, Any]) -> tuple[object, ...]:
    spec = prowjob["spec"]
    refs = spec.get("refs") or {}
    numbers = tuple(sorted(pull["number"] for pull in refs.get("pulls") or []))
    return (spec["type"], spec["job"], refs.get("org"), refs.get("repo"), refs.get("base_ref"), numbers)
