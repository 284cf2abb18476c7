"""Every object that is written is one that Prow's own definition of the type accepts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import BASE, NOW, POOL, make_job, sha
from tide.adapters.prowjobs.writing import ProwSettings, build
from tide.domain.runs import Candidate, Head, Purpose

DATA = Path(__file__).parents[3].parent / "shared" / "data"
CANDIDATES = [
    Candidate(POOL, BASE, tuple(Head(number, sha(number), author="alice", title="x") for number in numbers))
    for numbers in ((), (1,), (1, 2))
]

pytestmark = pytest.mark.skipif(not (DATA / "prowjob-crd.yaml").exists(), reason="Prow's CRD is not at hand")


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft4Validator:
    definition = yaml.load((DATA / "prowjob-crd.yaml").read_text(), yaml.CSafeLoader)
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


@given(
    candidate=st.sampled_from(CANDIDATES),
    purpose=st.sampled_from(list(Purpose)),
    skip_report=st.booleans(),
    definition=st.fixed_dictionaries(
        {"spec": st.just({"containers": [{"name": "test", "image": "golang", "command": ["make"]}]})},
        optional={
            "agent": st.sampled_from(["kubernetes", "jenkins"]),
            "max_concurrency": st.integers(0, 5),
            "hidden": st.booleans(),
            "labels": st.dictionaries(st.text("ab/-", max_size=3), st.text(max_size=70), max_size=3),
            "decoration_config": st.just({"timeout": "1h0m0s", "blobless_fetch": True, "skip_cloning": False}),
            "extra_refs": st.just([{"org": "acme", "repo": "tools", "base_ref": "main"}]),
            "reporter_config": st.just({"slack": {"channel": "ci", "job_states_to_report": ["failure"]}}),
            "rerun_auth_config": st.just({"github_users": ["alice"]}),
            "clone_depth": st.integers(0, 3),
            "skip_submodules": st.booleans(),
            "jenkins_spec": st.just({"github_branch_source_job": True}),
            "prowjob_defaults": st.just({"tenant_id": "blue"}),
        },
    ),
)
@settings(deadline=None)
def test_objects_of_any_job_fit(
    validator: jsonschema.Draft4Validator,
    candidate: Candidate,
    purpose: Purpose,
    skip_report: bool,  # noqa: FBT001 - drawn
    definition: dict[str, Any],
) -> None:
    job = make_job(skip_report=skip_report, rerun_command="/test unit", definition=definition)
    assert not list(_faults(validator, build(candidate, job, purpose, 1, NOW, ProwSettings())))


def _faults(validator: jsonschema.Draft4Validator, prowjob: dict[str, Any]) -> Iterator[str]:
    for error in validator.iter_errors(prowjob):
        # The definition says no more of metadata than that it is an object.
        if list(error.absolute_path)[:1] != ["metadata"]:
            yield f"{list(error.absolute_path)}: {error.message}"
