"""Prow's own definition of ProwJobs, as a judge of objects."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import yaml

PATH = Path(__file__).parents[3].parent / "shared" / "data" / "prowjob-crd.yaml"


def validator() -> jsonschema.Draft4Validator:
    """Give a judge that refuses unknown fields too."""
    definition = yaml.load(PATH.read_text(), yaml.CSafeLoader)
    return jsonschema.Draft4Validator(_closed(definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]))


def _closed(schema: Any) -> Any:
    """Refuse unknown fields too: Kubernetes would drop them without a word."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and not schema.get("x-kubernetes-preserve-unknown-fields"):
        closed.setdefault("additionalProperties", False)
    if schema.get("x-kubernetes-int-or-string"):
        closed.pop("type", None)
    return closed


def faults(judge: jsonschema.Draft4Validator, prowjob: dict[str, Any]) -> Iterator[str]:
    """Say what is wrong with an object."""
    for error in judge.iter_errors(prowjob):
        # The definition says no more of metadata than that it is an object.
        if list(error.absolute_path)[:1] != ["metadata"]:
            yield f"{list(error.absolute_path)}: {error.message}"
