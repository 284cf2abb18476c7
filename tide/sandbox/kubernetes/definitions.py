"""Custom resource definitions: which kinds they make known, and Prow's own in short."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from tide.sandbox.kubernetes.resources import JsonObject, Resource

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_PROWJOB_COLUMNS = (
    ("Job", ".spec.job", "string", "The name of the job being run"),
    ("BuildId", ".status.build_id", "string", "The ID of the job being run."),
    ("Type", ".spec.type", "string", "The type of job being run."),
    ("Org", ".spec.refs.org", "string", "The org for which the job is running."),
    ("Repo", ".spec.refs.repo", "string", "The repo for which the job is running."),
    ("Pulls", ".spec.refs.pulls[*].number", "string", "The pulls for which the job is running."),
    ("StartTime", ".status.startTime", "date", "When the job started running."),
    ("CompletionTime", ".status.completionTime", "date", "When the job finished running."),
    ("State", ".status.state", "string", "The state of the job."),
)
_OPEN_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    },
}


def prowjob_definition() -> JsonObject:
    """Return a definition of ProwJobs that says nothing of their fields; names and columns are those of Prow's own."""
    columns = [
        {"name": name, "jsonPath": path, "type": kind, "description": description}
        for name, path, kind, description in _PROWJOB_COLUMNS
    ]
    version = {"name": "v1", "served": True, "storage": True, "additionalPrinterColumns": columns}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "prowjobs.prow.k8s.io"},
        "spec": {
            "group": "prow.k8s.io",
            "names": {"kind": "ProwJob", "listKind": "ProwJobList", "plural": "prowjobs", "singular": "prowjob"},
            "scope": "Namespaced",
            "versions": [version | {"schema": {"openAPIV3Schema": _OPEN_SCHEMA}}],
        },
    }


def read_definition(path: Path) -> JsonObject:
    """Read a definition from a YAML file that holds one, such as Prow's ``prowjob_customresourcedefinition.yaml``.

    Raises:
        OSError: the file cannot be read.
        ValueError: it holds something else.
    """
    content = yaml.load(path.read_bytes(), yaml.CSafeLoader)
    if not isinstance(content, dict) or content.get("kind") != "CustomResourceDefinition":
        raise ValueError(f"{path} holds no CustomResourceDefinition")
    return content


def defined_resource(definition: JsonObject) -> Resource:
    """Return the kind that a definition makes known, in the version that is stored."""
    spec, version = definition["spec"], stored_version(definition)
    names = spec["names"]
    return Resource(
        group=spec["group"],
        version=version["name"],
        plural=names["plural"],
        singular=names.get("singular") or names["kind"].lower(),
        kind=names["kind"],
        namespaced=spec["scope"] == "Namespaced",
        short_names=tuple(names.get("shortNames", ())),
    )


def stored_version(definition: JsonObject) -> JsonObject:
    """Return the version in which objects are stored, the only one that is served here."""
    versions: list[JsonObject] = definition["spec"]["versions"]
    return next((version for version in versions if version.get("storage")), versions[0])


def schema_of(definition: JsonObject) -> JsonObject:
    """Return the schema of the objects that a definition makes known."""
    schema: JsonObject = (stored_version(definition).get("schema") or {}).get("openAPIV3Schema") or {
        "x-kubernetes-preserve-unknown-fields": True
    }
    return schema


def established(definition: JsonObject, at: str) -> JsonObject:
    """Return a definition with the status of one that is served; ``at`` is the time as RFC 3339."""
    names = definition["spec"]["names"]
    accepted = {"listKind": f"{names['kind']}List", "singular": names["kind"].lower()} | names
    conditions = [
        _condition("NamesAccepted", "NoConflicts", "no conflicts found", at),
        _condition("Established", "InitialNamesAccepted", "the initial names have been accepted", at),
    ]
    status = {
        "conditions": conditions,
        "acceptedNames": accepted,
        "storedVersions": [stored_version(definition)["name"]],
    }
    return definition | {"spec": {**definition["spec"], "names": accepted}, "status": status}


def _condition(kind: str, reason: str, message: str, at: str) -> JsonObject:
    return {"type": kind, "status": "True", "lastTransitionTime": at, "reason": reason, "message": message}
