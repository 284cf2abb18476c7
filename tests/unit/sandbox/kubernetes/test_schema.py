from typing import Any

import pytest

from tide.sandbox.kubernetes.schema import pruned, schema_causes

NUMBER = "spec.pulls[0].number"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "required": ["job"],
            "properties": {
                "job": {"type": "string"},
                "type": {"type": "string", "enum": ["batch", "presubmit"]},
                "count": {"type": "integer", "minimum": 0},
                "size": {"x-kubernetes-int-or-string": True, "pattern": "^[0-9]+Mi$"},
                "tags": {"type": "object", "additionalProperties": {"type": "string"}},
                "pulls": {"type": "array", "items": {"type": "object", "properties": {"number": {"type": "integer"}}}},
                "open": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "ref": {"type": "string", "default": "main"},
                "at": {"type": "string", "format": "date-time"},
            },
        },
        "status": {
            "type": "object",
            "anyOf": [
                {"not": {"properties": {"state": {"enum": ["success"]}}}},
                {"required": ["completionTime"]},
            ],
            "properties": {"state": {"type": "string"}, "completionTime": {"type": "string", "format": "date-time"}},
        },
    },
}


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({}, "spec.job: Required value"),
        ({"job": 1}, 'spec.job: Invalid value: "integer": spec.job in body must be of type string: "integer"'),
        ({"job": "a", "type": "x"}, 'spec.type: Unsupported value: "x": supported values: "batch", "presubmit"'),
        (
            {"job": "a", "count": -1},
            "spec.count: Invalid value: -1: spec.count in body should be greater than or equal to 0",
        ),
        (
            {"job": "a", "count": True},
            'spec.count: Invalid value: "boolean": spec.count in body must be of type integer: "boolean"',
        ),
        ({"job": "a", "size": "7"}, "spec.size: Invalid value: \"7\": spec.size in body should match '^[0-9]+Mi$'"),
        (
            {"job": "a", "tags": {"x": 1}},
            'spec.tags.x: Invalid value: "integer": spec.tags.x in body must be of type string: "integer"',
        ),
        (
            {"job": "a", "pulls": [{"number": "1"}]},
            f'{NUMBER}: Invalid value: "string": {NUMBER} in body must be of type integer: "string"',
        ),
        (
            {"job": "a", "at": "now"},
            'spec.at: Invalid value: "now": spec.at in body must be of type date-time: "now"',
        ),
    ],
)
def test_what_breaks_the_schema_is_told_by_field(spec: dict[str, Any], told: str) -> None:
    assert [str(cause) for cause in schema_causes({"spec": spec}, SCHEMA)] == [told]


def test_what_fits_the_schema_is_let_through() -> None:
    spec = {"job": "a", "size": 7, "open": {"x": [1]}, "at": "2026-03-01T12:00:00Z", "pulls": [{"number": 1}]}
    assert not list(schema_causes({"metadata": {"anything": 1}, "spec": spec}, SCHEMA))


def test_alternatives_and_their_opposites_are_understood() -> None:
    assert not list(schema_causes({"status": {"state": "pending"}}, SCHEMA))
    assert not list(schema_causes({"status": {"state": "success", "completionTime": "2026-03-01T12:00:00Z"}}, SCHEMA))
    assert [cause.field for cause in schema_causes({"status": {"state": "success"}}, SCHEMA)] == ["status"]


def test_unknown_fields_are_dropped_and_defaults_filled_in() -> None:
    spec = {"job": "a", "x": 1, "open": {"y": 2}, "tags": {"z": "3"}, "pulls": [{"number": 1, "w": 4}]}
    kept = pruned({"kind": "ProwJob", "metadata": {"v": 5}, "spec": spec, "extra": 6}, SCHEMA)
    assert kept["spec"] == {"job": "a", "open": {"y": 2}, "tags": {"z": "3"}, "pulls": [{"number": 1}], "ref": "main"}
    assert kept["metadata"] == {"v": 5}
    assert "extra" not in kept
