"""Reads ProwJob objects, ours and anybody's: what cannot be made sense of is left out, never guessed."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tide.adapters.prowjobs import markers
from tide.adapters.prowjobs.durations import duration
from tide.domain.errors import BadAnswer
from tide.domain.keys import PoolKey
from tide.domain.runs import Purpose, Run, RunKind, RunState

OVERDUE = "Job should have ended long ago; it is not waited for any more."

_TIME_OUT = timedelta(hours=24)  # Prow: default_job_timeout, also for what waits to be begun
# Beyond the time-out: pods that wait for a node and their images, the grace period, uploads.
_MARGIN = timedelta(hours=1)
_TIDES_PURPOSES = {
    RunKind.PRESUBMIT: Purpose.RETEST,
    RunKind.BATCH: Purpose.BATCH,
    RunKind.POSTSUBMIT: Purpose.PROOF,
}


def run_of(prowjob: Mapping[str, Any]) -> Run:
    """Read one object; raise BadAnswer when it does not test a branch (a periodic), or is none."""
    metadata, spec, status = (_mapping(prowjob.get(part)) for part in ("metadata", "spec", "status"))
    labels, annotations = _mapping(metadata.get("labels")), _mapping(metadata.get("annotations"))
    refs = _mapping(spec.get("refs"))
    name, kind = _text(metadata.get("name")), _kind(spec)
    pool = PoolKey(*(_needed(refs, key) for key in ("org", "repo", "base_ref")))
    return Run(
        name=name,
        job=_text(spec.get("job")),
        context=_text(spec.get("context")),
        kind=kind,
        pool=pool,
        base_sha=_text(refs.get("base_sha")),
        heads=_heads(refs),
        state=_state(status),
        purpose=_purpose(labels, kind),
        job_digest=_text(annotations.get(markers.JOB_DIGEST)),
        run_tree=_text(annotations.get(markers.RUN_TREE)),
        attempt=_attempt(annotations),
        description=_text(status.get("description")),
        url=_text(status.get("url")),
        tenant_id=_text(_mapping(spec.get("prowjob_defaults")).get("tenant_id")),
        started_at=_moment(status.get("startTime")),
        completed_at=_moment(status.get("completionTime")),
        overdue_at=_overdue_at(spec, status),
    )


def runs_of(prowjobs: Iterable[Mapping[str, Any]]) -> tuple[Run, ...]:
    """Read those objects that test a branch; others are left out."""
    found = []
    for prowjob in prowjobs:
        try:
            found.append(run_of(prowjob))
        except BadAnswer:
            continue
    return tuple(found)


def as_of(run: Run, now: datetime) -> Run:
    """Give a run as it counts now: one that is overdue has no verdict any more.

    Prow's Tide waits for it as long as it is there, and holds up its whole pool. A verdict that it may bring
    nevertheless still counts.
    """
    if not run.state.is_live or run.overdue_at is None or now < run.overdue_at:
        return run
    return replace(run, state=RunState.ERROR, description=OVERDUE, completed_at=run.overdue_at)


def relevant(runs: Iterable[Run], base_sha: str, heads: Collection[str]) -> tuple[Run, ...]:
    """Choose what a pool's decision looks at; see `tide.ports.job_runner.JobRunner.runs`."""
    chosen = [run for run in runs if run.base_sha == base_sha or _tells_of(run, heads)]
    return tuple(sorted(chosen, key=lambda run: (run.name, run.attempt)))


def needs_another_attempt(run: Run) -> bool:
    """Tell whether a run has ended without success, so that the same may be started once more."""
    return not run.state.is_live and run.state is not RunState.SUCCESS


def _tells_of(run: Run, heads: Collection[str]) -> bool:
    return (
        run.kind is RunKind.PRESUBMIT
        and (run.purpose is not Purpose.FOREIGN or run.state.is_live)
        and any(sha in heads for _, sha in run.heads)
    )


def _kind(spec: Mapping[str, Any]) -> RunKind:
    try:
        return RunKind(_text(spec.get("type")))
    except ValueError as error:
        raise BadAnswer(f"a ProwJob of type {str(spec.get('type'))[:40]!r} does not test a branch") from error


def _state(status: Mapping[str, Any]) -> RunState:
    """Read the state; one that Prow does not have counts as an error (Prow: tide.go toSimpleState)."""
    try:
        return RunState(_text(status.get("state")))
    except ValueError:
        return RunState.ERROR


def _purpose(labels: Mapping[str, Any], kind: RunKind) -> Purpose:
    """Tell why it was started; also Prow's Tide, which may have been here before us, is not foreign."""
    try:
        return Purpose(_text(labels.get(markers.PURPOSE)))
    except ValueError:
        is_tides = labels.get(markers.CREATED_BY_TIDE) == "true"
        return _TIDES_PURPOSES[kind] if is_tides else Purpose.FOREIGN


def _heads(refs: Mapping[str, Any]) -> tuple[tuple[int, str], ...]:
    pulls = refs.get("pulls") or []
    if not isinstance(pulls, list):
        raise BadAnswer("a ProwJob's pulls are no list")
    return tuple(_head(_mapping(pull)) for pull in pulls)


def _head(pull: Mapping[str, Any]) -> tuple[int, str]:
    number = pull.get("number")
    if not isinstance(number, int) or isinstance(number, bool):
        raise BadAnswer("a pull request of a ProwJob has no number")
    return number, _text(pull.get("sha"))


def _attempt(annotations: Mapping[str, Any]) -> int:
    text = _text(annotations.get(markers.ATTEMPT))
    return int(text) if text.isascii() and text.isdigit() and len(text) < len("1000000") and int(text) else 1


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(_text(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _overdue_at(spec: Mapping[str, Any], status: Mapping[str, Any]) -> datetime | None:
    """Give the moment at which it should have ended at the latest; None when it is not known when it was created."""
    begun = _moment(status.get("pendingTime")) if _state(status) is RunState.PENDING else None
    since = begun or _moment(status.get("startTime"))
    time_out = _mapping(spec.get("decoration_config")).get("timeout") if begun else None
    try:
        return since + duration(time_out, _TIME_OUT) + _MARGIN if since else None
    except OverflowError:
        return None


def _needed(refs: Mapping[str, Any], key: str) -> str:
    text = _text(refs.get(key))
    if not text:
        raise BadAnswer(f"a ProwJob has no refs.{key}")
    return text


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
