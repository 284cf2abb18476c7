"""From the files of a configuration to the ProwJob that plank gets."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.builders import BASE, NOW, sha
from tide.adapters.prowjobs.writing import ProwSettings, build
from tide.config.loaded import LoadedConfig
from tide.domain.keys import PoolKey, RepoKey
from tide.domain.runs import Candidate, Head, Purpose

CONFIG = """\
pod_namespace: test-pods
plank:
  job_queue_capacities: {gpu: 2}
  default_decoration_config_entries:
  - config:
      timeout: 2h
      grace_period: 15s
      utility_images: {clonerefs: c, initupload: i, entrypoint: e, sidecar: s}
      gcs_configuration: {bucket: logs, path_strategy: explicit}
      gcs_credentials_secret: gcs
      blobless_fetch: true
prowjob_default_entries:
- repo: acme
  config: {tenant_id: rockets}
"""
JOBS = """\
presets:
- labels: {preset-gcp: "true"}
  env: [{name: GOOGLE_APPLICATION_CREDENTIALS, value: /etc/gcp/key.json}]
  volumes: [{name: gcp, secret: {secretName: gcp-key}}]
  volumeMounts: [{name: gcp, mountPath: /etc/gcp, readOnly: true}]
presubmits:
  acme/rocket:
  - name: unit
    always_run: true
    decorate: true
    max_concurrency: 4
    job_queue_name: gpu
    cluster: build-1
    path_alias: rocket.example/rocket
    labels: {preset-gcp: "true"}
    annotations: {testgrid-dashboards: rocket}
    extra_refs: [{org: acme, repo: tools, base_ref: main, path_alias: tools.example/tools}]
    reporter_config: {slack: {channel: ci, job_states_to_report: [failure]}}
    rerun_auth_config: {github_users: [alice]}
    spec:
      containers: [{image: golang, command: [make]}]
"""
HEADS = (Head(7, sha(7), "alice", "Fix it", "fix"), Head(9, sha(9), "bob", "Add it", "add"))


def created(config: LoadedConfig, *heads: Head) -> dict[str, Any]:
    """Build the ProwJob of the only job for these heads."""
    (job,) = config.presubmits(RepoKey("acme", "rocket"))
    candidate = Candidate(PoolKey("acme", "rocket", "main"), BASE, heads, sha("tree"))
    purpose = Purpose.RETEST if len(heads) == 1 else Purpose.BATCH
    return build(candidate, job, purpose, 1, NOW, ProwSettings(namespace="prow"))


def test_what_the_files_say_of_a_job_is_what_plank_gets(loaded: Callable[..., LoadedConfig]) -> None:
    spec = created(loaded(CONFIG, JOBS), HEADS[0])["spec"]
    (container,) = spec["pod_spec"]["containers"]
    assert container["env"] == [{"name": "GOOGLE_APPLICATION_CREDENTIALS", "value": "/etc/gcp/key.json"}]
    assert container["volumeMounts"] == [{"name": "gcp", "mountPath": "/etc/gcp", "readOnly": True}]
    assert spec["pod_spec"]["volumes"] == [{"name": "gcp", "secret": {"secretName": "gcp-key"}}]
    assert spec["decoration_config"]["timeout"] == "2h"
    assert spec["decoration_config"]["gcs_configuration"] == {"bucket": "logs", "path_strategy": "explicit"}
    assert spec["prowjob_defaults"] == {"tenant_id": "rockets"}
    assert spec["extra_refs"] == [
        {
            "org": "acme",
            "repo": "tools",
            "base_ref": "main",
            "path_alias": "tools.example/tools",
            "blobless_fetch": True,
        }
    ]
    assert spec["reporter_config"]["slack"] == {
        "channel": "ci",
        "job_states_to_report": ["failure"],
        "report": True,
    }
    assert spec["rerun_auth_config"] == {"github_users": ["alice"]}
    assert (spec["agent"], spec["cluster"], spec["namespace"]) == ("kubernetes", "build-1", "test-pods")
    assert (spec["max_concurrency"], spec["job_queue_name"]) == (4, "gpu")
    assert (spec["refs"]["path_alias"], spec["refs"]["blobless_fetch"]) == ("rocket.example/rocket", True)


def test_the_labels_and_annotations_of_a_job_come_along(loaded: Callable[..., LoadedConfig]) -> None:
    metadata = created(loaded(CONFIG, JOBS), HEADS[0])["metadata"]
    assert metadata["labels"]["preset-gcp"] == "true"
    assert metadata["annotations"]["testgrid-dashboards"] == "rocket"


def test_a_batch_gets_the_same_pod_and_the_first_number_as_its_label(loaded: Callable[..., LoadedConfig]) -> None:
    config = loaded(CONFIG, JOBS)
    alone, batch = created(config, HEADS[0]), created(config, *HEADS)
    of_presubmits = {"type", "refs", "report", "rerun_command"}
    assert {name: value for name, value in batch["spec"].items() if name not in of_presubmits} == {
        name: value for name, value in alone["spec"].items() if name not in of_presubmits
    }
    assert [pull["number"] for pull in batch["spec"]["refs"]["pulls"]] == [7, 9]
    assert batch["metadata"]["labels"]["prow.k8s.io/refs.pull"] == "7"


@pytest.mark.parametrize(
    "fields",
    [
        {"agent": "jenkins", "jenkins_spec": {"github_branch_source_job": True}},
        {"agent": "tekton-pipeline", "namespace": "tekton", "pipeline_run_spec": {"pipelineRef": {"name": "p"}}},
        {"hidden": True, "error_on_eviction": True},
        {"clone_uri": "git@example.com:a/b.git", "skip_submodules": True, "clone_depth": 3, "skip_fetch_head": True},
    ],
    ids=["jenkins", "tekton", "switches", "cloning"],
)
def test_every_part_of_a_job_that_a_prowjob_has_is_carried(
    loaded: Callable[..., LoadedConfig], fields: dict[str, Any]
) -> None:
    pod = {} if "agent" in fields else {"spec": {"containers": [{"image": "a", "command": ["b"]}]}}
    job = {"name": "unit", "always_run": True, **pod, **fields}
    spec = created(loaded("", yaml.safe_dump({"presubmits": {"acme/rocket": [job]}})), HEADS[0])["spec"]
    cloning = {"clone_uri", "skip_submodules", "clone_depth", "skip_fetch_head"}
    for name, value in fields.items():
        assert (spec["refs"] if name in cloning else spec)[name] == value
