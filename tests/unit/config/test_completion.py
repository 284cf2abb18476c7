"""What is filled into a job before it runs."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.builders import BASE, NOW, sha
from tide.adapters.prowjobs.writing import ProwSettings, build
from tide.config.loaded import LoadedConfig
from tide.domain.jobs import Presubmit
from tide.domain.keys import PoolKey, RepoKey
from tide.domain.runs import Candidate, Head, Purpose

Load = Callable[..., LoadedConfig]
Problems = Callable[..., list[tuple[str, str]]]
ROCKET = RepoKey("acme", "rocket")


def only(config: LoadedConfig) -> Presubmit:
    [job] = config.presubmits(ROCKET)
    return job


def definition(config: LoadedConfig) -> dict[str, Any]:
    """Give the job as it would be sent: as JSON makes it."""
    read: dict[str, Any] = json.loads(json.dumps(only(config).definition))
    return read


def jobs(fields: str, presets: str = "[]") -> str:
    return f"presets: {presets}\npresubmits: {{acme/rocket: [{{name: unit, {fields}}}]}}\n"


def test_what_is_left_out_is_filled_in(loaded: Load) -> None:
    config = loaded("pod_namespace: test-pods\n", jobs("spec: {containers: [{image: a}]}"))
    job = only(config)
    assert (job.context, job.rerun_command) == ("unit", "/test unit")
    assert definition(config) == {
        "name": "unit",
        "agent": "kubernetes",
        "cluster": "default",
        "namespace": "test-pods",
        "context": "unit",
        "decorate": False,
        "prowjob_defaults": {"tenant_id": "GlobalDefaultID"},
        "rerun_command": "/test unit",
        "trigger": r"(?m)^/test( | .* )unit,?($|\s.*)",
        "spec": {"containers": [{"name": "", "image": "a"}]},
    }


def test_what_is_written_stays(loaded: Load) -> None:
    config = loaded(
        jobs="""\
        presubmits:
          acme/rocket:
          - name: unit
            context: ci/unit
            always_run: true
            optional: true
            skip_report: true
            run_before_merge: true
            branches: [main]
            skip_branches: [dev]
            trigger: /unit
            rerun_command: /unit
            cluster: big
            max_concurrency: 3
            labels: {tier: 1.10}
            annotations: {note: yes}
            path_alias: example.com/rocket
            clone_depth: 1
            extra_refs: [{org: acme, repo: tools, base_ref: main, workdir: true}]
            reporter_config: {slack: {channel: builds}}
            no_field_of_prow: 1
            spec: {containers: [{image: a}]}
        """
    )
    job, sent = only(config), definition(config)
    assert job.context == "ci/unit"
    assert (job.always_run, job.optional, job.skip_report, job.run_before_merge) == (True, True, True, True)
    assert (job.branches, job.skip_branches) == (("main",), ("dev",))
    assert sent["labels"] == {"tier": "1.1"}
    assert sent["annotations"] == {"note": "true"}
    assert sent["extra_refs"] == [{"org": "acme", "repo": "tools", "base_ref": "main", "workdir": True}]
    assert sent["reporter_config"] == {"slack": {"channel": "builds"}}
    assert (sent["cluster"], sent["max_concurrency"], sent["clone_depth"]) == ("big", 3, 1)
    assert "no_field_of_prow" not in sent


def test_what_a_job_says_to_others_than_us_is_copied_into_its_prowjob(loaded: Load) -> None:
    config = loaded(
        "plank: {job_queue_capacities: {slow: 2}}",
        jobs(
            """hidden: true, job_queue_name: slow, max_concurrency: 2, error_on_eviction: true,
            rerun_auth_config: {github_users: [ann]}, reporter_config: {slack: {channel: builds}},
            prowjob_defaults: {tenant_id: rockets}, spec: {containers: [{image: a}]}"""
        ),
    )
    candidate = Candidate(PoolKey("acme", "rocket", "main"), BASE, (Head(1, sha(1)),))
    spec = build(candidate, only(config), Purpose.RETEST, 1, NOW, ProwSettings())["spec"]
    assert (spec["hidden"], spec["job_queue_name"], spec["max_concurrency"]) == (True, "slow", 2)
    assert (spec["error_on_eviction"], spec["rerun_auth_config"]) == (True, {"github_users": ["ann"]})
    assert spec["reporter_config"] == {"slack": {"channel": "builds", "report": True}}
    assert spec["prowjob_defaults"] == {"tenant_id": "rockets"}


def test_scalars_of_a_pod_become_text_where_go_holds_text(loaded: Load) -> None:
    container = (
        "{command: [sleep, 10], env: [{name: A, value: true}, {name: B, value: 1.10}], ports: [{containerPort: 80}]}"
    )
    sent = definition(loaded(jobs=jobs(f"spec: {{containers: [{container}], terminationGracePeriodSeconds: 017}}")))
    assert sent["spec"] == {
        "containers": [
            {
                "name": "",
                "command": ["sleep", "10"],
                "env": [{"name": "A", "value": "true"}, {"name": "B", "value": "1.1"}],
                "ports": [{"containerPort": 80}],
            }
        ],
        "terminationGracePeriodSeconds": 15,
    }


PRESETS = """\
[{labels: {preset-a: "true"},
  env: [{name: A, value: 1}], volumes: [{name: v}], volumeMounts: [{name: v, mountPath: /v}], tolerations: [{key: k}]},
 {labels: {preset-b: "true", preset-c: "true"}, env: [{name: B, value: b}]}]"""


def test_a_preset_is_added_to_the_jobs_that_carry_all_its_labels(loaded: Load) -> None:
    fields = 'labels: {preset-a: "true"}, spec: {containers: [{name: x, env: [{name: C, value: c}]}]}'
    sent = definition(loaded(jobs=jobs(fields, PRESETS)))
    assert sent["spec"] == {
        "containers": [
            {
                "name": "x",
                "env": [{"name": "C", "value": "c"}, {"name": "A", "value": "1"}],
                "volumeMounts": [{"name": "v", "mountPath": "/v"}],
            }
        ],
        "volumes": [{"name": "v"}],
        "tolerations": [{"key": "k"}],
    }


def test_a_preset_with_another_value_is_not_added(loaded: Load) -> None:
    fields = 'labels: {preset-a: "false", preset-b: "true"}, spec: {containers: [{name: x}]}'
    assert definition(loaded(jobs=jobs(fields, PRESETS)))["spec"] == {"containers": [{"name": "x"}]}


def test_presets_of_config_and_of_every_job_file_apply_everywhere(loaded: Load) -> None:
    config = loaded(
        'presets: [{labels: {p: "1"}, env: [{name: A, value: a}]}]',
        {
            "a.yaml": 'presets: [{labels: {q: "1"}, env: [{name: B, value: b}]}]',
            "b.yaml": jobs('labels: {p: "1", q: "1"}, spec: {containers: [{name: x}]}').removeprefix("presets: []\n"),
        },
    )
    [container] = definition(config)["spec"]["containers"]
    assert [variable["name"] for variable in container["env"]] == ["A", "B"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("{containers: [{env: [{name: A}]}]}", "a preset brings env var 'A', which the pod has already"),
        ("{containers: [{}], volumes: [{name: v}]}", "a preset brings volume 'v', which the pod has already"),
        ("{containers: [{volumeMounts: [{name: v}]}]}", "a preset brings volume mount 'v', which the pod has already"),
        ("{containers: [{}], tolerations: [{key: k}]}", "a preset brings a toleration that the pod has already"),
    ],
)
def test_a_preset_that_collides_with_the_pod_is_refused(problems: Problems, spec: str, message: str) -> None:
    found = problems(jobs=jobs(f'labels: {{preset-a: "true"}}, spec: {spec}', PRESETS))
    assert ('presubmits["acme/rocket"][0].spec', f"job 'unit': {message}") in found


def test_two_presets_with_one_label_and_value_are_refused(problems: Problems) -> None:
    presets = '[{labels: {p: "1"}}, {labels: {p: "2"}}, {labels: {p: "1", q: "1"}}]'
    [(path, message)] = problems(jobs=f"presets: {presets}")
    assert path == "presets[2].labels.p"
    assert "has the label p: 1" in message


DECORATION = """\
decorate_all_jobs: true
plank:
  default_decoration_config_entries:
  - config: {timeout: 2h, utility_images: {clonerefs: c, sidecar: s}, ssh_key_secrets: [a]}
  - repo: acme
    config: {grace_period: 15s, utility_images: {sidecar: s2}}
  - repo: acme/rocket
    cluster: big
    config: {timeout: 3h}
  - repo: other
    config: {timeout: 9h}
"""


def test_decoration_defaults_apply_by_repository_and_cluster_and_the_later_wins(loaded: Load) -> None:
    container = "spec: {containers: [{command: [a]}]}"
    images = {"clonerefs": "c", "sidecar": "s2"}
    plain = definition(loaded(DECORATION, jobs(container)))
    assert plain["decorate"] is True
    assert plain["decoration_config"] == {
        "timeout": "2h",
        "grace_period": "15s",
        "utility_images": images,
        "ssh_key_secrets": ["a"],
    }
    big = definition(loaded(DECORATION, jobs(f"{container}, cluster: big, decoration_config: {{grace_period: 1s}}")))
    assert (big["decoration_config"]["timeout"], big["decoration_config"]["grace_period"]) == ("3h", "1s")


def test_a_job_may_do_without_the_credentials_that_the_defaults_give_it(loaded: Load) -> None:
    config = """\
    plank:
      default_decoration_config_entries:
      - config: {gcs_credentials_secret: gcs, cookiefile_secret: jar, github_app_id: "1"}
    """
    own = 'decoration_config: {gcs_credentials_secret: "", github_app_id: ""}'
    sent = definition(loaded(config, jobs(f"decorate: true, {own}, spec: {{containers: [{{command: [a]}}]}}")))
    assert sent["decoration_config"] == {"gcs_credentials_secret": "", "cookiefile_secret": "jar", "github_app_id": "1"}


def test_parts_of_the_decoration_are_merged_field_by_field(loaded: Load) -> None:
    config = """\
    plank:
      default_decoration_config_entries:
      - config:
          gcs_configuration: {bucket: a, path_strategy: explicit, media_types: {log: text/plain, txt: a/b}}
          resources: {sidecar: {requests: {cpu: 1}}, clonerefs: {requests: {cpu: 2}}}
          censoring_options: {include_directories: [a]}
    """
    own = """\
    decoration_config: {gcs_configuration: {bucket: b, media_types: {txt: text/html}},
      resources: {sidecar: {limits: {cpu: 3}}}, censoring_options: {censoring_concurrency: 2}}"""
    sent = definition(loaded(config, jobs(f"decorate: true, {own}, spec: {{containers: [{{command: [a]}}]}}")))
    assert sent["decoration_config"] == {
        "gcs_configuration": {
            "bucket": "b",
            "path_strategy": "explicit",
            "media_types": {"log": "text/plain", "txt": "text/html"},
        },
        "resources": {"sidecar": {"limits": {"cpu": 3}}, "clonerefs": {"requests": {"cpu": 2}}},
        "censoring_options": {"include_directories": ["a"], "censoring_concurrency": 2},
    }


def test_a_job_may_decline_to_be_decorated(loaded: Load) -> None:
    sent = definition(loaded(DECORATION, jobs("decorate: false, spec: {containers: [{image: a}]}")))
    assert sent["decorate"] is False
    assert "decoration_config" not in sent


def test_decorate_all_jobs_in_a_job_file_has_no_effect(loaded: Load) -> None:
    config = loaded(jobs="decorate_all_jobs: true\n" + jobs("spec: {containers: [{image: a}]}"))
    assert definition(config)["decorate"] is False


def test_the_older_map_of_decoration_defaults_applies_from_wide_to_narrow(loaded: Load) -> None:
    config = """\
    plank:
      default_decoration_configs:
        acme/rocket: {timeout: 3h}
        "*": {timeout: 1h, grace_period: 1s}
        acme: {timeout: 2h, grace_period: 2s}
    """
    sent = definition(loaded(config, jobs("decorate: true, spec: {containers: [{command: [a]}]}")))
    assert sent["decoration_config"] == {"timeout": "3h", "grace_period": "2s"}


def test_both_forms_of_decoration_defaults_are_refused(problems: Problems) -> None:
    config = DECORATION + '  default_decoration_configs: {"*": {timeout: 1h}}\n'
    assert [path for path, _ in problems(config)] == ["plank.default_decoration_configs"]


def test_tenants_come_from_the_entries_of_the_repository(loaded: Load) -> None:
    config = "prowjob_default_entries: [{repo: acme, config: {tenant_id: rockets}}]"
    sent = definition(loaded(config, jobs("spec: {containers: [{image: a}]}")))
    assert sent["prowjob_defaults"] == {"tenant_id": "rockets"}


def test_later_entries_of_tenants_win_and_the_job_wins_over_all(loaded: Load) -> None:
    config = """\
    prowjob_default_entries:
    - {repo: "*", config: {tenant_id: all, resultstore_config: {project_id: p}}}
    - {repo: acme, config: {tenant_id: rockets}}
    - {repo: acme, cluster: big, config: {tenant_id: heavy}}
    """
    spec = "spec: {containers: [{image: a}]}"
    store = {"project_id": "p"}
    plain, big = definition(loaded(config, jobs(spec))), definition(loaded(config, jobs(f"cluster: big, {spec}")))
    own = definition(loaded(config, jobs(f"cluster: big, prowjob_defaults: {{tenant_id: own}}, {spec}")))
    assert [sent["prowjob_defaults"] for sent in (plain, big, own)] == [
        {"tenant_id": tenant, "resultstore_config": store} for tenant in ("rockets", "heavy", "own")
    ]


@pytest.mark.parametrize(
    ("fields", "is_same"),
    [
        ("spec: {containers: [{image: a, command: [x]}]}", True),
        ("spec: {containers: [{image: a, command: [x], resources: {requests: {cpu: 4}}}]}", True),
        ("spec: {nodeSelector: {a: b}, containers: [{image: a, command: [x]}]}", True),
        ("cluster: big, annotations: {a: b}, labels: {c: d}, spec: {containers: [{image: a, command: [x]}]}", True),
        ("reporter_config: {slack: {}}, max_concurrency: 1, spec: {containers: [{image: a, command: [x]}]}", True),
        ("spec: {containers: [{image: b, command: [x]}]}", False),
        ("spec: {containers: [{image: a, command: [y]}]}", False),
        ("spec: {containers: [{image: a, command: [x], env: [{name: A}]}]}", False),
        ("decoration_config: {timeout: 1h}, spec: {containers: [{image: a, command: [x]}]}", False),
        ("decoration_config: {utility_images: {a: b}}, spec: {containers: [{image: a, command: [x]}]}", True),
        ("clone_depth: 1, spec: {containers: [{image: a, command: [x]}]}", False),
        ("path_alias: a, spec: {containers: [{image: a, command: [x]}]}", False),
        ("extra_refs: [{org: a, repo: b}], spec: {containers: [{image: a, command: [x]}]}", False),
    ],
)
def test_the_digest_tells_what_is_executed_and_nothing_else(loaded: Load, fields: str, is_same: bool) -> None:  # noqa: FBT001 - a table
    plain = only(loaded(jobs=jobs("spec: {containers: [{image: a, command: [x]}]}"))).digest
    assert len(plain) == 64
    assert (only(loaded(jobs=jobs(fields))).digest == plain) is is_same


def test_the_digest_knows_what_presets_bring(loaded: Load) -> None:
    fields = 'labels: {preset-a: "true"}, spec: {containers: [{image: a}]}'
    assert only(loaded(jobs=jobs(fields, PRESETS))).digest != only(loaded(jobs=jobs(fields))).digest


def test_what_anchors_share_is_not_changed_by_presets(loaded: Load) -> None:
    config = loaded(
        jobs="""\
        presets: [{labels: {p: "1"}, env: [{name: A, value: a}]}]
        spec: &spec {containers: [{image: a}]}
        presubmits:
          acme/rocket:
          - {name: with, labels: {p: "1"}, spec: *spec}
          - {name: without, spec: *spec}
        """
    )
    first, second = (job.definition["spec"] for job in config.presubmits(ROCKET))
    assert first == {"containers": [{"name": "", "image": "a", "env": [{"name": "A", "value": "a"}]}]}
    assert second == {"containers": [{"name": "", "image": "a"}]}


def test_jobs_of_a_repository_come_in_the_order_of_the_files(loaded: Load) -> None:
    files = {f"{name}.yaml": jobs("spec: {containers: [{}]}").replace("unit", name) for name in ("b", "a")}
    config = loaded(jobs("spec: {containers: [{}]}").replace("unit", "first"), files)
    assert [job.name for job in config.presubmits(ROCKET)] == ["first", "a", "b"]
