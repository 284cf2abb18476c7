"""With Prow's own definition the API server takes what the daemon writes, and refuses what a cluster would refuse."""

from collections.abc import AsyncIterator
from typing import Any

import jsonschema
import pytest

from tests.builders import BASE, NOW, POOL, make_job, sha
from tests.contract.kubernetes.cluster import DEFINITION, PROWJOBS, Cluster, prowjob, running
from tide.adapters.prowjobs.writing import ProwSettings, build
from tide.domain.runs import Candidate, Head, Purpose
from tide.sandbox.kubernetes.definitions import prowjob_definition, read_definition, schema_of
from tide.sandbox.kubernetes.schema import pruned, schema_causes

pytestmark = pytest.mark.skipif(not DEFINITION.exists(), reason="Prow's CRD is not at hand")

HEADS = (Head(1, sha(1), author="alice", title="One"), Head(2, sha(2), author="bob", title="Two"))
DONE = {"state": "success", "startTime": "2026-03-01T12:00:00Z"}


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    async with running(prows_definition=True) as made:
        yield made


def written(purpose: Purpose = Purpose.BATCH) -> dict[str, Any]:
    heads = HEADS if purpose is Purpose.BATCH else HEADS[:1]
    return build(Candidate(POOL, BASE, heads), make_job("unit"), purpose, 1, NOW, ProwSettings("prow"))


@pytest.mark.parametrize("purpose", list(Purpose))
async def test_what_the_daemon_writes_is_taken_whole(cluster: Cluster, purpose: Purpose) -> None:
    content = written(purpose)
    answer = await cluster.client.post(PROWJOBS, json=content)
    assert answer.status_code == 201, answer.text
    created = answer.json()
    assert (created["spec"], created["status"]) == (content["spec"], content["status"])
    assert created["metadata"]["labels"] == content["metadata"]["labels"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"spec": {"type": "presubmit"}}, "spec.job: Required value"),
        (
            {"spec": {"job": "unit", "type": "other"}},
            'spec.type: Unsupported value: "other": supported values: "presubmit", "postsubmit", "periodic", "batch"',
        ),
        ({"spec": {"job": "unit", "type": "batch", "refs": {"org": "acme"}}}, "spec.refs.repo: Required value"),
        ({"status": {"state": "strange"}}, 'status.state: Unsupported value: "strange"'),
        ({"status": DONE}, "status in body must validate at least one schema (anyOf)"),
    ],
)
async def test_what_a_cluster_would_refuse_is_invalid(cluster: Cluster, change: dict[str, Any], told: str) -> None:
    answer = await cluster.client.post(PROWJOBS, json=prowjob("a") | change)
    assert answer.status_code == 422
    assert told in answer.json()["message"]


async def test_unknown_fields_are_dropped(cluster: Cluster) -> None:
    content = prowjob("a")
    content["spec"]["unheard_of"] = 1
    assert "unheard_of" not in (await cluster.client.post(PROWJOBS, json=content)).json()["spec"]


def test_the_short_definition_agrees_with_prows_own() -> None:
    prows, short = read_definition(DEFINITION)["spec"], prowjob_definition()["spec"]
    assert short["group"] == prows["group"]
    assert short["scope"] == prows["scope"]
    assert short["names"] == prows["names"]
    mine, theirs = short["versions"][0], prows["versions"][0]
    assert mine["additionalPrinterColumns"] == theirs["additionalPrinterColumns"]
    assert (mine["name"], mine["served"], mine["storage"]) == (theirs["name"], theirs["served"], theirs["storage"])
    assert not theirs.get("subresources")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("spec.job", 1),
        ("spec.job", None),
        ("spec.type", "batch"),
        ("spec.type", "x"),
        ("spec.max_concurrency", -1),
        ("spec.max_concurrency", 3),
        ("spec.max_concurrency", "3"),
        ("spec.report", "true"),
        ("spec.extra_refs", [{"org": "acme"}]),
        ("spec.extra_refs", [{"org": "acme", "repo": "tools", "workdir": True}]),
        ("spec.refs.pulls", [{"number": "1", "author": "alice", "sha": "x"}]),
        ("spec.pod_spec", {"containers": [{"name": "a", "env": [{"value": "b"}]}]}),
        ("spec.decoration_config", {"timeout": "1h", "default_memory_request": "4Gi"}),
        ("spec.decoration_config", {"default_memory_request": "many"}),
        ("spec.decoration_config", {"default_memory_request": 4}),
        ("status.state", "error"),
        ("status.completionTime", "2026-03-01T12:00:00Z"),
        ("status.pod_revival_count", 1.5),
    ],
)
def test_fields_are_judged_as_json_schema_does(field: str, value: Any) -> None:
    schema = schema_of(read_definition(DEFINITION))
    content = pruned(written(), schema)
    *path, last = field.split(".")
    parent = content
    for part in path:
        parent = parent[part]
    parent[last] = value
    expected = not list(jsonschema.Draft4Validator(schema).iter_errors(content))
    assert (not list(schema_causes(content, schema))) is expected
