"""What a ProwJob says is to be run, read from the object alone."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tide.adapters.prowjobs.durations import duration

_GRACE = timedelta(seconds=15)  # Prow: config.go DefaultGracePeriod
_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_.-][A-Za-z0-9_.-]*)\)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


class CannotRunError(Exception):
    """A ProwJob cannot be run on this machine; the text is its description, for people."""


@dataclass(frozen=True, slots=True)
class Instructions:
    """One process to run. `timeout` counts from its start; `grace` is what it gets between TERM and KILL."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    timeout: timedelta
    grace: timedelta


def instructions(prowjob: Mapping[str, Any], default_timeout: timedelta) -> Instructions:
    """Read what to run: the first container's command and arguments, with Prow's environment.

    Raise CannotRunError where nothing says what to run: a container image cannot be asked here.
    """
    spec = prowjob["spec"]
    container = _first_container(spec)
    decoration = _mapping(spec.get("decoration_config"))
    environment = _container_environment(container) | prow_environment(prowjob)
    command = [expanded(str(part), environment) for key in ("command", "args") for part in container.get(key) or ()]
    if not container.get("command"):
        raise CannotRunError("Job cannot run here: its container has no command.")
    return Instructions(
        command=tuple(part.replace("\0", "") for part in command),
        environment=environment,
        timeout=duration(decoration.get("timeout"), default_timeout),
        grace=duration(decoration.get("grace_period"), _GRACE),
    )


def prow_environment(prowjob: Mapping[str, Any]) -> dict[str, str]:
    """Give the variables that Prow sets for a job (Prow: downwardapi/jobspec.go EnvForSpec)."""
    spec, name, build_id = prowjob["spec"], prowjob["metadata"]["name"], _mapping(prowjob["status"]).get("build_id", "")
    refs = _mapping(spec.get("refs"))
    pulls = refs.get("pulls") or []
    variables = {
        "CI": "true",
        "JOB_NAME": spec.get("job", ""),
        "JOB_TYPE": spec.get("type", ""),
        "JOB_SPEC": _job_spec(spec, name, build_id),
        "BUILD_ID": build_id,
        "BUILD_NUMBER": build_id,
        "PROW_JOB_ID": name,
        "REPO_OWNER": refs.get("org", ""),
        "REPO_NAME": refs.get("repo", ""),
        "PULL_BASE_REF": refs.get("base_ref", ""),
        "PULL_BASE_SHA": refs.get("base_sha", ""),
        "PULL_REFS": pull_refs(refs),
    }
    if spec.get("type") == "presubmit" and pulls:
        pull = pulls[0]
        variables |= {
            "PULL_NUMBER": str(pull.get("number", "")),
            "PULL_PULL_SHA": pull.get("sha", ""),
            "PULL_HEAD_REF": pull.get("head_ref", ""),
            "PULL_TITLE": pull.get("title", ""),
        }
    return {key: str(value).replace("\0", "") for key, value in variables.items()}


def pull_refs(refs: Mapping[str, Any]) -> str:
    """Name refs as `base:sha,number:sha,...` (Prow: prowjobs/v1 Refs.String)."""
    base = ":".join(part for part in (refs.get("base_ref", ""), refs.get("base_sha", "")) if part)
    return ",".join([base, *(f"{pull.get('number')}:{pull.get('sha')}" for pull in refs.get("pulls") or [])])


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """Replace `$(NAME)` as Kubernetes does in commands: unknown names stay, `$$` is a dollar sign."""

    def value(match: re.Match[str]) -> str:
        return "$" if match[1] is None else variables.get(match[1], match[0])

    return _REFERENCE.sub(value, text)


def _job_spec(spec: Mapping[str, Any], name: str, build_id: str) -> str:
    values = {
        "type": spec.get("type"),
        "job": spec.get("job"),
        "buildid": build_id,
        "prowjobid": name,
        "refs": spec.get("refs"),
        "extra_refs": spec.get("extra_refs"),
        "decoration_config": spec.get("decoration_config"),
    }
    return json.dumps({key: value for key, value in values.items() if value}, separators=(",", ":"))


def _first_container(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    containers = _mapping(spec.get("pod_spec")).get("containers")
    if not isinstance(containers, list) or not containers or not isinstance(containers[0], Mapping):
        raise CannotRunError("Job cannot run here: it has no container.")
    return containers[0]


def _container_environment(container: Mapping[str, Any]) -> dict[str, str]:
    """Read the container's own variables; those that Kubernetes would fill in from elsewhere are not there."""
    variables: dict[str, str] = {}
    for entry in container.get("env") or ():
        name, value = entry.get("name"), entry.get("value")
        if isinstance(name, str) and _NAME.fullmatch(name) and "valueFrom" not in entry:
            variables[name] = expanded(str(value if value is not None else ""), variables).replace("\0", "")
    return variables


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
