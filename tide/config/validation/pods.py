"""Rules for pod specifications (Prow: validatePodSpec, validateDecoration)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tide.config.completion import Definition
from tide.config.pod_spec import mappings, names
from tide.config.problems import Findings, Sourced
from tide.config.prow.jobs import Job, PeriodicJob, PresubmitJob

_PERIODIC_ENV = frozenset(("CI", "JOB_NAME", "JOB_SPEC", "JOB_TYPE", "PROW_JOB_ID", "BUILD_ID", "BUILD_NUMBER"))
_POSTSUBMIT_ENV = _PERIODIC_ENV | {"REPO_OWNER", "REPO_NAME", "PULL_BASE_REF", "PULL_BASE_SHA", "PULL_REFS"}
_PRESUBMIT_ENV = _POSTSUBMIT_ENV | {"PULL_NUMBER", "PULL_PULL_SHA", "PULL_HEAD_REF", "PULL_TITLE"}
_DECORATION_CONTAINERS = frozenset({"clonerefs", "initupload", "place-entrypoint", "sidecar"})
_DECORATION_MOUNTS = frozenset({"logs", "code", "tools"})
_DECORATION_PATHS = frozenset({"/logs", "/home/prow/go", "/tools"})
_DECORATION_VOLUMES = _DECORATION_MOUNTS | {"gcs-credentials", "s3-credentials"}


def check_pod(job: Sourced[Job], definition: Definition, findings: Findings) -> None:
    """Note everything that is wrong with the pod of a job, presets included."""
    spec = definition["spec"]
    containers = mappings(spec, "containers")
    if not containers:
        findings.error(job, "must be a list of at least one container", "spec", "containers")
        return
    _check_containers(job, containers, definition, findings)
    _check_sidecars(job, spec, findings)
    _check_volumes(job, spec, definition, findings)
    for index, container in enumerate(containers):
        _check_env(job, container, index, findings)
        if "decoration_config" in definition and not _runs_something(container):
            message = "a decorated container needs a command or args, since its image's entrypoint is not used"
            findings.error(job, message, "spec", "containers", index)


def _check_containers(
    job: Sourced[Job], containers: list[Mapping[str, Any]], definition: Definition, findings: Findings
) -> None:
    if len(containers) == 1:
        return
    place = ("spec", "containers")
    if "decoration_config" not in definition:
        findings.error(job, f"{len(containers)} containers need decorate: true", *place)
    if "" in names(containers):
        findings.error(job, "where there are several containers, each needs a name", *place)
    for name in _repeated(names(containers)):
        findings.error(job, f"container {name!r} is defined more than once", *place)
    for name in _DECORATION_CONTAINERS.intersection(names(containers)):
        findings.error(job, f"container name {name!r} is reserved for decoration", *place)


def _check_sidecars(job: Sourced[Job], spec: Mapping[str, Any], findings: Findings) -> None:
    for index, container in enumerate(mappings(spec, "initContainers")):
        if container.get("restartPolicy") != "Always":
            message = "an init container must be a sidecar (restartPolicy: Always)"
            findings.error(job, message, "spec", "initContainers", index)


def _check_volumes(job: Sourced[Job], spec: Mapping[str, Any], definition: Definition, findings: Findings) -> None:
    volumes = names(mappings(spec, "volumes"))
    reserved = _DECORATION_VOLUMES | _secrets(definition.get("decoration_config") or {})
    for name in _repeated(volumes):
        findings.error(job, f"volume {name!r} is defined more than once", "spec", "volumes")
    for name in sorted(reserved.intersection(volumes)):
        findings.error(job, f"volume name {name!r} is reserved for decoration", "spec", "volumes")
    for index, container in enumerate(mappings(spec, "containers")):
        place = ("spec", "containers", index, "volumeMounts")
        mounts = mappings(container, "volumeMounts")
        for name in dict.fromkeys(names(mounts)):
            if name in _DECORATION_MOUNTS:
                findings.error(job, f"volume mount {name!r} is reserved for decoration", *place)
            elif name not in volumes and name not in reserved:
                findings.error(job, f"volume mount {name!r} has no volume of that name", *place)
        for taken in sorted(_DECORATION_PATHS.intersection(str(mount.get("mountPath", "")) for mount in mounts)):
            findings.error(job, f"mount path {taken!r} is where decoration mounts its own; choose another", *place)


def _secrets(decoration: Mapping[str, Any]) -> set[str]:
    oauth, keys = decoration.get("oauth_token_secret"), decoration.get("ssh_key_secrets")
    mounted = {str(key) for key in keys} if isinstance(keys, list) else set()
    return mounted | ({str(oauth.get("name"))} if isinstance(oauth, Mapping) else set())


def _check_env(job: Sourced[Job], container: Mapping[str, Any], index: int, findings: Findings) -> None:
    variables = names(mappings(container, "env"))
    place = ("spec", "containers", index, "env")
    for name in _repeated(variables):
        findings.error(job, f"env var {name!r} is defined more than once", *place)
    reserved = _reserved_env(job.value)
    for name in dict.fromkeys(variables):
        if name in reserved:
            findings.error(job, f"env var {name!r} is set by Prow", *place)


def _reserved_env(job: Job) -> frozenset[str]:
    if isinstance(job, PeriodicJob):
        return _PERIODIC_ENV
    return _PRESUBMIT_ENV if isinstance(job, PresubmitJob) else _POSTSUBMIT_ENV


def _runs_something(container: Mapping[str, Any]) -> bool:
    for key in ("command", "args"):
        words = container.get(key)
        if isinstance(words, list) and words:
            return bool(words[0])
    return False


def _repeated(items: Sequence[str]) -> list[str]:
    if len(set(items)) == len(items):
        return []
    return [item for item, count in Counter(items).items() if count > 1]
