"""Every object that is written is one that Prow's own definition of the type accepts."""

from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import BASE, NOW, POOL, make_job, sha
from tests.contract.job_runner import definition
from tide.adapters.prowjobs.writing import ProwSettings, build
from tide.domain.runs import Candidate, Head, Purpose

CANDIDATES = [
    Candidate(POOL, BASE, tuple(Head(number, sha(number), author="alice", title="x") for number in numbers))
    for numbers in ((), (1,), (1, 2))
]

pytestmark = pytest.mark.skipif(not definition.PATH.exists(), reason="Prow's CRD is not at hand")


@pytest.fixture(scope="module")
def judge() -> jsonschema.Draft4Validator:
    return definition.validator()


@given(
    candidate=st.sampled_from(CANDIDATES),
    purpose=st.sampled_from(list(Purpose)),
    skip_report=st.booleans(),
    fields=st.fixed_dictionaries(
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
    judge: jsonschema.Draft4Validator,
    candidate: Candidate,
    purpose: Purpose,
    skip_report: bool,  # noqa: FBT001 - drawn
    fields: dict[str, Any],
) -> None:
    job = make_job(skip_report=skip_report, rerun_command="/test unit", definition=fields)
    assert not list(definition.faults(judge, build(candidate, job, purpose, 1, NOW, ProwSettings())))
