"""A job with everything filled in that Prow fills in before it runs one."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tide.config.defaults import decoration_entries, merged_default
from tide.config.pod_spec import apply_presets, as_go_holds, mappings, preset_as_go_holds
from tide.config.prow.config import DefaultEntry, ProwConfig
from tide.config.prow.jobs import BranchJob, Job, PeriodicJob, Preset, PresubmitJob

KUBERNETES_AGENT = "kubernetes"
_DEFAULT_TENANT = "GlobalDefaultID"  # Prow: DefaultTenantID

Definition = dict[str, Any]
"""A job with Prow's own keys; fields that are empty are left out, as Go does."""

_FILLED_IN = frozenset({"spec", "decoration_config", "prowjob_defaults"})

# What decides the result of a run, given the tree. Utility images, resources, where it runs and how it is reported
# do not (spec/queue-algorithms.md §2).
_EXECUTED = (
    *("agent", "path_alias", "clone_uri", "skip_submodules", "clone_depth", "skip_fetch_head", "extra_refs"),
    *("pipeline_run_spec", "tekton_pipeline_run_spec", "jenkins_spec"),
)
_EXECUTED_DECORATION = (
    *("timeout", "grace_period", "skip_cloning", "sparse_checkout_files"),
    *("run_as_user", "run_as_group", "fs_group"),
)
_NOT_EXECUTED_POD = frozenset(
    (
        *("nodeSelector", "affinity", "tolerations", "priority", "priorityClassName", "schedulerName"),
        *("topologySpreadConstraints", "imagePullSecrets", "terminationGracePeriodSeconds"),
    )
)
_NOT_EXECUTED_CONTAINER = frozenset(
    ("resources", "imagePullPolicy", "terminationMessagePath", "terminationMessagePolicy")
)


@dataclass(frozen=True, slots=True)
class Defaults:
    """What config.yaml and the presets of all files bring to every job."""

    decorate_all_jobs: bool
    pod_namespace: str
    decoration: tuple[DefaultEntry, ...]
    prowjob: tuple[DefaultEntry, ...]
    presets: tuple[Preset, ...]

    @classmethod
    def of(cls, config: ProwConfig, presets: Iterable[Preset]) -> "Defaults":
        """Take the defaults out of a configuration."""
        return cls(
            decorate_all_jobs=config.decorate_all_jobs,
            pod_namespace=config.pod_namespace,
            decoration=decoration_entries(config),
            prowjob=config.prowjob_default_entries,
            presets=tuple(map(preset_as_go_holds, presets)),
        )

    def with_presets(self, presets: Iterable[Preset]) -> "Defaults":
        """Give these defaults with more presets."""
        return replace(self, presets=(*self.presets, *map(preset_as_go_holds, presets)))


def complete(job: Job, repo: str, defaults: Defaults) -> tuple[Definition, list[str]]:
    """Fill in what a job leaves out (Prow: defaultPresubmits and its like).

    Args:
        job: as it is written.
        repo: `org/repo`, or "" for a periodic that checks nothing out.
        defaults: what applies to all jobs.

    Returns:
        The whole job, and how presets collide with it.
    """
    filled, collisions = filled_in(job, repo, defaults)
    definition = _written(job) | filled
    _complete_reporting(job, definition)
    return definition, collisions


def filled_in(job: Job, repo: str, defaults: Defaults) -> tuple[Definition, list[str]]:
    """Give the fields of a job that defaults and presets have a say in, and how presets collide with it."""
    filled: Definition = {
        "agent": job.agent or KUBERNETES_AGENT,
        "cluster": job.cluster or "default",
        "namespace": job.namespace or defaults.pod_namespace,
        "decorate": defaults.decorate_all_jobs if job.decorate is None else job.decorate,
    }
    if filled["decorate"]:
        own = job.decoration_config
        filled["decoration_config"] = merged_default(defaults.decoration, repo, filled["cluster"], own)
    elif job.decoration_config is not None:
        filled["decoration_config"] = job.decoration_config
    tenant = merged_default(defaults.prowjob, repo, filled["cluster"], job.prowjob_defaults)
    filled["prowjob_defaults"] = {"tenant_id": _DEFAULT_TENANT, **tenant}
    collisions: list[str] = []
    if job.spec is not None:
        filled["spec"], collisions = apply_presets(as_go_holds(job.spec), job.labels, defaults.presets)
    return filled, collisions


def repository_of(periodic: PeriodicJob) -> str:
    """Name the repository whose defaults a periodic gets: the first it checks out."""
    return f"{periodic.extra_refs[0].org}/{periodic.extra_refs[0].repo}" if periodic.extra_refs else ""


def _written(job: Job) -> Definition:
    unknown = set(job.model_extra or ())
    return job.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={*_FILLED_IN, *unknown})


def _complete_reporting(job: Job, definition: Definition) -> None:
    if isinstance(job, BranchJob):
        definition["context"] = job.context or job.name
    if isinstance(job, PresubmitJob) and not job.trigger and not job.rerun_command:
        # Prow puts the name in as it is; the dots in it match any character.
        definition["trigger"] = rf"(?m)^/test( | .* ){job.name},?($|\s.*)"
        definition["rerun_command"] = f"/test {job.name}"


def execution_digest(definition: Mapping[str, Any]) -> str:
    """Give the SHA-256 of what a job executes: two jobs with one digest give one result on one tree."""
    decoration = definition.get("decoration_config") or {}
    executed = {
        "job": {key: definition[key] for key in _EXECUTED if key in definition},
        "decoration": {key: decoration[key] for key in _EXECUTED_DECORATION if key in decoration},
        "pod": _executed_pod(definition.get("spec") or {}),
    }
    return hashlib.sha256(json.dumps(executed, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _executed_pod(spec: Mapping[str, Any]) -> Definition:
    pod = {key: value for key, value in spec.items() if key not in _NOT_EXECUTED_POD}
    for key in ("containers", "initContainers"):
        if key in pod:
            pod[key] = [_executed_container(container) for container in mappings(spec, key)]
    return pod


def _executed_container(container: Mapping[str, Any]) -> Definition:
    return {key: value for key, value in container.items() if key not in _NOT_EXECUTED_CONTAINER}
