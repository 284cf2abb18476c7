"""Writes ProwJob objects as Tide does (Prow: tide.go trigger, pjutil.go, decorate/podspec.go)."""

import copy
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tide.adapters.prowjobs import markers
from tide.adapters.prowjobs.storage import ProwJobObject
from tide.domain.jobs import Presubmit
from tide.domain.runs import Candidate, Head, Purpose, RunKind, RunState

API_VERSION = "prow.k8s.io/v1"
KIND = "ProwJob"

_NAMES = uuid.UUID("7d1c6d0e-4c2b-5b0e-9a55-3f1d6f7a2c11")

# A job's own keys (Prow: config.JobBase) and what the object calls them; the order is that of the Go type.
_COPIED = {
    "agent": "agent",
    "cluster": "cluster",
    "namespace": "namespace",
    "max_concurrency": "max_concurrency",
    "error_on_eviction": "error_on_eviction",
    "spec": "pod_spec",
    "pipeline_run_spec": "pipeline_run_spec",
    "tekton_pipeline_run_spec": "tekton_pipeline_run_spec",
    "decoration_config": "decoration_config",
    "reporter_config": "reporter_config",
    "rerun_auth_config": "rerun_auth_config",
    "hidden": "hidden",
    "prowjob_defaults": "prowjob_defaults",
    "job_queue_name": "job_queue_name",
}
_CLONING = ("path_alias", "clone_uri", "skip_submodules", "clone_depth", "skip_fetch_head")
_DECORATED = ("blobless_fetch", "sparse_checkout_files")


@dataclass(frozen=True, slots=True)
class ProwSettings:
    """What Prow's configuration says of all ProwJobs: prowjob_namespace, github.link_url, scheduler.enabled."""

    namespace: str = "default"
    link_url: str = "https://github.com"
    has_scheduler: bool = False


def run_name(candidate: Candidate, job: str, attempt: int) -> str:
    """Name a run by what it runs, so that whoever asks for the same finds it."""
    pool = candidate.pool
    heads = (f"{head.number}:{head.sha}" for head in candidate.heads)
    parts = (pool.org, pool.repo, pool.branch, candidate.base_sha, job, str(attempt), *heads)
    # No part can hold a line break: GitHub's names cannot, and a job's name is checked when it is loaded.
    return str(uuid.uuid5(_NAMES, "\n".join(parts)))


def build(
    candidate: Candidate, job: Presubmit, purpose: Purpose, attempt: int, now: datetime, settings: ProwSettings
) -> ProwJobObject:
    """Build the object that runs a job on a candidate.

    One head makes a presubmit, several a batch, none a postsubmit on the branch as it is. Only presubmits report.
    """
    kind = kind_of(candidate)
    labels, annotations = _markers(candidate, job, purpose, attempt)
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {
            "name": run_name(candidate, job.name, attempt),
            "namespace": settings.namespace,
            "labels": labels,
            "annotations": annotations,
        },
        "spec": _spec(candidate, job, kind, settings.link_url),
        "status": {
            "startTime": timestamp(now),
            "state": (RunState.SCHEDULING if settings.has_scheduler else RunState.TRIGGERED).value,
        },
    }


def kind_of(candidate: Candidate) -> RunKind:
    """Tell which type of ProwJob tests a candidate."""
    if not candidate.heads:
        return RunKind.POSTSUBMIT
    return RunKind.PRESUBMIT if len(candidate.heads) == 1 else RunKind.BATCH


def one_per_context(jobs: Sequence[Presubmit]) -> tuple[Presubmit, ...]:
    """Leave out jobs whose context an earlier one has (Prow: tide.go trigger)."""
    first: dict[str, Presubmit] = {}
    for job in jobs:
        first.setdefault(job.context, job)
    return tuple(first.values())


def timestamp(moment: datetime) -> str:
    """Write a time as Kubernetes does: UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _markers(
    candidate: Candidate, job: Presubmit, purpose: Purpose, attempt: int
) -> tuple[dict[str, str], dict[str, str]]:
    pool, definition = candidate.pool, job.definition
    labels = {
        markers.CREATED_BY_PROW: "true",
        markers.TYPE: kind_of(candidate).value,
        markers.JOB: markers.shortened(job.name),
        markers.CONTEXT: markers.shortened(job.context),
        markers.ORG: pool.org,
        markers.REPO: pool.repo,
        markers.BASE_REF: pool.branch,
        **({markers.PULL: str(candidate.heads[0].number)} if candidate.heads else {}),
        **({} if purpose is Purpose.FIRST else {markers.CREATED_BY_TIDE: "true"}),
        **_texts(definition.get("labels")),
        markers.PURPOSE: purpose.value,
    }
    annotations = {
        markers.JOB: job.name,
        markers.CONTEXT: job.context,
        **_texts(definition.get("annotations")),
        markers.JOB_DIGEST: job.digest,
        markers.RUN_TREE: candidate.run_tree,
        markers.ATTEMPT: str(attempt),
    }
    return markers.usable_labels(labels), annotations


def _spec(candidate: Candidate, job: Presubmit, kind: RunKind, link_url: str) -> dict[str, Any]:
    definition = job.definition
    copied = {theirs: copy.deepcopy(definition[ours]) for ours, theirs in _COPIED.items() if definition.get(ours)}
    spec = {
        "type": kind.value,
        "job": job.name,
        "context": job.context,
        **copied,
        "refs": _refs(candidate, definition, link_url),
    }
    extra = [_decorated(dict(refs), definition) for refs in copy.deepcopy(_mappings(definition.get("extra_refs")))]
    if extra:
        spec["extra_refs"] = extra
    if kind is RunKind.PRESUBMIT:
        spec.update(_reporting(job))
    _settle_slack(spec)
    return spec


def _reporting(job: Presubmit) -> dict[str, Any]:
    values = {
        "report": not job.skip_report,
        "rerun_command": job.rerun_command,
        "jenkins_spec": copy.deepcopy(job.definition.get("jenkins_spec")),
    }
    return {name: value for name, value in values.items() if value}


def _settle_slack(spec: Mapping[str, Any]) -> None:
    """Say whether Slack is told: not when the list of states is there and empty (Prow: pjutil.go setReportDefault)."""
    slack = (spec.get("reporter_config") or {}).get("slack")
    if slack and slack.get("report") is None:
        slack["report"] = slack.get("job_states_to_report") != []


def _refs(candidate: Candidate, definition: Mapping[str, Any], link_url: str) -> dict[str, Any]:
    pool = candidate.pool
    repo_link = f"{link_url}/{pool.org}/{pool.repo}"
    refs = {
        "org": pool.org,
        "repo": pool.repo,
        "repo_link": repo_link,
        "base_ref": pool.branch,
        "base_sha": candidate.base_sha,
        "base_link": f"{repo_link}/tree/{candidate.base_sha}",
        **({"pulls": [_pull(head, repo_link, link_url) for head in candidate.heads]} if candidate.heads else {}),
        **{name: definition[name] for name in _CLONING if definition.get(name)},
    }
    return _decorated(refs, definition)


def _decorated(refs: dict[str, Any], definition: Mapping[str, Any]) -> dict[str, Any]:
    decoration = definition.get("decoration_config") or {}
    for name in _DECORATED:
        if refs.get(name) is None and decoration.get(name) is not None:
            refs[name] = copy.deepcopy(decoration[name])
    return refs


def _pull(head: Head, repo_link: str, link_url: str) -> dict[str, Any]:
    texts = {"title": head.title, "head_ref": head.branch}
    return {
        "number": head.number,
        "author": head.author,
        "sha": head.sha,
        **{name: text for name, text in texts.items() if text},
        "link": f"{repo_link}/pull/{head.number}",
        "commit_link": f"{repo_link}/commit/{head.sha}",
        "author_link": f"{link_url}/{head.author}",
    }


def _texts(value: object) -> dict[str, str]:
    return {str(name): str(text) for name, text in value.items()} if isinstance(value, Mapping) else {}


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list | tuple) else []
