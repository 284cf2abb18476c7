"""What jobs may say."""

from collections.abc import Callable

import pytest

from tide.config.loaded import LoadedConfig

Problems = Callable[..., list[tuple[str, str]]]
SPEC = "spec: {containers: [{image: a}]}"
PLACE = 'presubmits["acme/rocket"][0]'


def job(fields: str) -> str:
    """Write a presubmit in flow style: named `unit` with a spec unless the fields say otherwise (the last one wins)."""
    return f"presubmits: {{acme/rocket: [{{name: unit, {SPEC}{', ' if fields else ''}{fields}}}]}}"


@pytest.mark.parametrize(
    ("fields", "path", "message"),
    [
        ("name: a b", "name", "job 'a b': its name must be of letters, digits, '-', '.' and '_' only"),
        ("name: a/b", "name", "its name must be of letters"),
        ("name: ''", "name", "the job has no name; give it one of letters, digits, '-', '.' and '_'"),
        ("name: null", "name", "the job has no name"),
        ("max_concurrency: -1", "max_concurrency", "must be 0 or more, not -1"),
        ("spec: null", "spec", "a job of the kubernetes agent needs a spec"),
        ("agent: jenkins", "spec", "agent 'jenkins' takes no pod spec"),
        ("agent: tekton-pipeline, spec: null", "agent", "needs a pipeline_run_spec"),
        ("pipeline_run_spec: {}", "agent", "a pipeline_run_spec needs agent 'tekton-pipeline'"),
        (
            "agent: jenkins, spec: null, decorate: true",
            "decorate",
            "only jobs of the kubernetes agent can be decorated",
        ),
        ("agent: jenkins, spec: null, error_on_eviction: true", "error_on_eviction", "can be evicted"),
        ("namespace: other", "namespace", "must be the pod_namespace 'default'"),
        ("labels: {created-by-prow: 'true'}", "labels.created-by-prow", "is Prow's own"),
        ("labels: {a b: c}", 'labels["a b"]', "is not a label that Kubernetes takes"),
        ("labels: {a: b c}", "labels.a", "is not a value that Kubernetes takes"),
        ("annotations: {a b: c}", 'annotations["a b"]', "is not an annotation that Kubernetes takes"),
        ("job_queue_name: slow", "job_queue_name", "'slow' is not in plank.job_queue_capacities"),
        ("rerun_auth_config: {allow_anyone: true, github_users: [a]}", "rerun_auth_config", "exclude each other"),
        (
            "spec: {containers: [{args: [a]}]}, decoration_config: {timeout: 5}",
            "decoration_config.timeout",
            "5 is not a duration such as",
        ),
        ("always_run: true, run_if_changed: a", "run_if_changed", "always_run and run_if_changed exclude each other"),
        ("always_run: true, skip_if_only_changed: a", "skip_if_only_changed", "exclude each other"),
        ("run_if_changed: a, skip_if_only_changed: b", "skip_if_only_changed", "exclude each other"),
        ("run_if_changed: (", "run_if_changed", "the expression '(' is not valid: missing ):"),
        ("skip_if_only_changed: '(?=a)'", "skip_if_only_changed", "is not valid: invalid perl operator"),
        ("branches: [a, '(']", "branches", "the expression 'a|(' is not valid"),
        ("skip_branches: ['[']", "skip_branches", "is not valid"),
        ("trigger: a", "trigger", "trigger needs rerun_command beside it"),
        ("rerun_command: /test a", "rerun_command", "rerun_command needs trigger beside it"),
        ("trigger: '^/b$', rerun_command: /a", "rerun_command", "'/a' is not matched by trigger '^/b$'"),
        ("trigger: (, rerun_command: /a", "trigger", "the expression '(' is not valid"),
        ("always_run: 'true'", "always_run", "must be true or false, not 'true'"),
        ("max_concurrency: 1.5", "max_concurrency", "must be a whole number, not 1.5"),
        ("spec: []", "spec", "must be a mapping, not a list"),
    ],
)
def test_a_job_that_breaks_a_rule_is_refused(problems: Problems, fields: str, path: str, message: str) -> None:
    [(found_path, text)] = problems(jobs=job(fields))
    assert found_path == f"{PLACE}.{path}"
    assert message in text


def test_what_is_wrong_with_a_job_names_it_as_its_path_has_only_its_number(problems: Problems) -> None:
    assert [text for _, text in problems(jobs=job("max_concurrency: -1"))] == ["job 'unit': must be 0 or more, not -1"]


@pytest.mark.parametrize(
    "fields",
    [
        "always_run: false, run_if_changed: a",
        "run_before_merge: true, skip_if_only_changed: a",
        "agent: jenkins, spec: null, name: folder/unit",
        "agent: tekton-pipeline, spec: null, namespace: other, tekton_pipeline_run_spec: {v1beta1: {}}",
        "trigger: '(?m)^/test( | .* )unit,?($|\\s.*)', rerun_command: /test unit",
        "labels: {example.com/a: '', b: 1.0}",
        "max_concurrency: 08",
        "name: 1.37",
        "agent: jenkins, spec: null, rerun_auth_config: {allow_anyone: true, github_users: [a]}",
        "unknown_field: {a: b}",
    ],
)
def test_what_prow_takes_is_taken(problems: Problems, fields: str) -> None:
    assert problems(jobs=job(fields)) == []


def test_an_unknown_agent_is_a_warning(loaded: Callable[..., LoadedConfig]) -> None:
    config = loaded(jobs=job("agent: mainframe"))
    assert ["agent 'mainframe' is unknown" in warning.message for warning in config.warnings] == [True]


@pytest.mark.parametrize(
    ("spec", "path", "message"),
    [
        ("{}", "spec.containers", "must be a list of at least one container"),
        ("{containers: {}}", "spec.containers", "must be a list of at least one container"),
        ("{containers: [{name: a}, {name: b}]}", "spec.containers", "2 containers need decorate: true"),
        ("{containers: [{}], initContainers: [{}]}", "spec.initContainers[0]", "must be a sidecar"),
        (
            "{containers: [{env: [{name: A}, {name: A}]}]}",
            "spec.containers[0].env",
            "env var 'A' is defined more than once",
        ),
        ("{containers: [{env: [{name: PULL_NUMBER}]}]}", "spec.containers[0].env", "'PULL_NUMBER' is set by Prow"),
        ("{containers: [{}], volumes: [{name: a}, {name: a}]}", "spec.volumes", "'a' is defined more than once"),
        ("{containers: [{}], volumes: [{name: logs}]}", "spec.volumes", "'logs' is reserved for decoration"),
        (
            "{containers: [{volumeMounts: [{name: a}]}]}",
            "spec.containers[0].volumeMounts",
            "volume mount 'a' has no volume of that name",
        ),
        ("{containers: [{volumeMounts: [{name: code}]}]}", "spec.containers[0].volumeMounts", "reserved for decorat"),
        (
            "{containers: [{volumeMounts: [{name: a, mountPath: /logs}]}], volumes: [{name: a}]}",
            "spec.containers[0].volumeMounts",
            "mount path '/logs' is where decoration mounts its own; choose another",
        ),
    ],
)
def test_a_pod_that_breaks_a_rule_is_refused(problems: Problems, spec: str, path: str, message: str) -> None:
    [(found_path, text)] = problems(jobs=job(f"spec: {spec}"))
    assert found_path == f"{PLACE}.{path}"
    assert message in text


@pytest.mark.parametrize(
    ("containers", "messages"),
    [
        ("[{command: [a]}]", []),
        ("[{args: [a]}]", []),
        ("[{image: a}]", ["a decorated container needs a command or args"]),
        ("[{command: ['']}]", ["a decorated container needs a command or args"]),
        ("[{name: a, args: [a]}, {name: b, args: [b]}]", []),
        ("[{name: a, args: [a]}, {args: [b]}]", ["each needs a name"]),
        ("[{name: a, args: [a]}, {name: a, args: [b]}]", ["container 'a' is defined more than once"]),
        ("[{name: a, args: [a]}, {name: sidecar, args: [b]}]", ["'sidecar' is reserved for decoration"]),
    ],
)
def test_decorated_containers_keep_the_rules(problems: Problems, containers: str, messages: list[str]) -> None:
    found = problems(jobs=job(f"decorate: true, spec: {{containers: {containers}}}"))
    assert len(found) == len(messages)
    assert all(message in text for message, (_, text) in zip(messages, found, strict=True))


@pytest.mark.parametrize(
    ("one", "other", "clashes"),
    [
        ("", "", True),
        ("branches: [main]", "", True),
        ("branches: [main]", "branches: [main, dev]", True),
        ("branches: [main]", "branches: [^main$]", False),
        ("branches: [main]", "skip_branches: [dev]", True),
        ("branches: [main]", "skip_branches: [ma]", False),
        ("skip_branches: [dev]", "branches: [dev-2]", False),
        ("skip_branches: [a]", "skip_branches: [b]", True),
    ],
)
def test_one_name_twice_on_one_branch_is_refused(problems: Problems, one: str, other: str, clashes: bool) -> None:  # noqa: FBT001 - a table
    jobs = "".join(f"  - {{name: unit, {SPEC}{', ' if fields else ''}{fields}}}\n" for fields in (one, other))
    found = problems(jobs=f"presubmits:\n  acme/rocket:\n{jobs}")
    assert [path for path, _ in found] == (['presubmits["acme/rocket"][1].name'] if clashes else [])


def test_one_name_in_two_files_is_refused_with_both_named(problems: Problems) -> None:
    found = problems(jobs={"a.yaml": job(""), "b/c.yaml": job("")})
    assert [path for path, _ in found] == [f"{PLACE}.name"]
    assert "a.yaml, runs on the same branches" in found[0][1]


def test_one_name_in_two_repositories_is_fine(problems: Problems) -> None:
    jobs = f"presubmits: {{acme/a: [{{name: unit, {SPEC}}}], acme/b: [{{name: unit, {SPEC}}}]}}"
    assert problems(jobs=jobs) == []


@pytest.mark.parametrize("kind", ["presubmits", "postsubmits"])
def test_one_context_for_two_jobs_is_refused(problems: Problems, kind: str) -> None:
    jobs = f"{kind}: {{acme/rocket: [{{name: a, {SPEC}}}, {{name: b, context: a, {SPEC}}}]}}"
    [(path, message)] = problems(jobs=jobs)
    assert path == f'{kind}["acme/rocket"][1].context'
    assert message == (
        "job 'b': reports to context 'a', as job 'a' does on the same branches; give one of them another context, or "
        "other branches"
    )


IMAGES = "utility_images: {clonerefs: a, initupload: b, entrypoint: c, sidecar: d}"
STORAGE = "gcs_configuration: {path_strategy: explicit}"


@pytest.mark.parametrize(
    ("decoration", "faults"),
    [
        (f"{IMAGES}, {STORAGE}", []),
        (
            f"utility_images: {{clonerefs: a, sidecar: ''}}, {STORAGE}",
            ["utility_images has no initupload, entrypoint, sidecar; set them here or in plank's default decoration"],
        ),
        (IMAGES, ["there is no gcs_configuration; set it here or in plank's default decoration"]),
        (
            f"{IMAGES}, gcs_configuration: {{path_strategy: flat}}",
            ["gcs_configuration.path_strategy must be legacy, explicit or single"],
        ),
        (
            f"{IMAGES}, gcs_configuration: {{path_strategy: single}}",
            ["gcs_configuration needs default_org and default_repo with path_strategy single"],
        ),
        (
            f"{IMAGES}, {STORAGE}, oauth_token_secret: {{name: a}}, ssh_key_secrets: [b]",
            [
                "oauth_token_secret and ssh_key_secrets exclude each other; keep one",
                "clone_uri 'git@host:a/b' must be of http or https beside an oauth_token_secret",
            ],
        ),
        (
            f"{IMAGES}, {STORAGE}, oauth_token_secret: {{name: a}}",
            ["clone_uri 'git@host:a/b' must be of http or https beside an oauth_token_secret"],
        ),
    ],
)
def test_a_decoration_that_prow_refuses_is_a_warning(
    loaded: Callable[..., LoadedConfig], decoration: str, faults: list[str]
) -> None:
    fields = f"clone_uri: git@host:a/b, decorate: true, decoration_config: {{{decoration}}}"
    config = loaded(jobs=job(f"{fields}, spec: {{containers: [{{args: [a]}}]}}"))
    assert [warning.message for warning in config.warnings] == [
        f"job 'unit': Prow refuses its decoration: {fault}" for fault in faults
    ]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("interval: 1h", ""),
        ("minimum_interval: 1h30m", ""),
        *((f"cron: '{line}'", "") for line in ("0 5 * * *", "*/5 8-23/8 ? jan,MAR-5 1-FRI", "0 30 2 1 * *")),
        *((f"cron: '{line}'", "") for line in ("@daily", "@every 1h30m", "TZ=Europe/Berlin 0 5 * * 6")),
        ("cron: 5 * * *", "'5 * * *' is no cron line: it has 4 fields; give minute, hour, day of the month, month and"),
        ("cron: 60 5 * * *", "'60' is no minute of 0 to 59"),
        ("cron: 0 5 0 * *", "'0' is no day of the month of 1 to 31"),
        ("cron: 0 5 * * 3-mon", "'3-mon' ends before it starts"),
        ("cron: 0 */0 * * *", "'*/0' steps by 0"),
        ("cron: 0 5 * * mo-", "'mo-' is no day of the week"),
        ("cron: '@often'", "it is none of @annually, @daily,"),
        ("cron: '@every day'", "'day' is not a duration such as"),
        ("hidden: false", "needs one of cron, interval and minimum_interval"),
        ("interval: 1h, cron: '@daily'", "cron and interval exclude each other"),
        ("interval: hourly", "'hourly' is not a duration"),
    ],
)
def test_a_periodic_has_one_clock(problems: Problems, fields: str, message: str) -> None:
    found = problems(jobs=f"periodics: [{{name: a, {SPEC}, {fields}}}]")
    assert [text for _, text in found if message in text] == [text for _, text in found]
    assert bool(found) is bool(message)


def test_a_doubtful_clock_of_a_periodic_is_a_warning_and_stops_nothing(loaded: Callable[..., LoadedConfig]) -> None:
    config = loaded(jobs=f"periodics: [{{name: a, {SPEC}, cron: 'TZ=Europe/Berlin 0 5 * * *'}}]")
    [warning] = config.warnings
    assert warning.path == "periodics[0].cron"
    assert "cannot read TZ=Europe/Berlin behind it" in warning.message


def test_two_periodics_with_one_name_are_refused(problems: Problems) -> None:
    one = f"{{name: a, {SPEC}, interval: 1h}}"
    assert [path for path, _ in problems(jobs=f"periodics: [{one}, {one}]")] == ["periodics[1].name"]


@pytest.mark.parametrize("clock", ["interval: 1h", "cron: '@daily'"])
def test_the_retry_of_a_periodic_has_an_interval_of_its_own(problems: Problems, clock: str) -> None:
    periodic = f"periodics: [{{name: a, {SPEC}, {clock}, tags: [b], retry: {{attempts: 3, interval: INTERVAL}}}}]"
    assert problems(jobs=periodic.replace("INTERVAL", "10m")) == []
    [(path, message)] = problems(jobs=periodic.replace("INTERVAL", "soon"))
    assert path == "periodics[0].retry.interval"
    assert "'soon' is not a duration such as" in message


@pytest.mark.parametrize(
    ("other", "clashes"),
    [
        ("name: unit, branches: [main]", True),
        ("name: unit, branches: [dev]", False),
        ("name: other, branches: [main]", False),
        ("name: other, branches: [main], context: unit", True),
        ("name: other, branches: [dev], context: unit", False),
    ],
)
def test_postsubmits_keep_the_rules_for_names_and_contexts(problems: Problems, other: str, clashes: bool) -> None:  # noqa: FBT001 - a table
    jobs = f"[{{{SPEC}, name: unit, branches: [main]}}, {{{SPEC}, {other}}}]"
    assert bool(problems(jobs=f"postsubmits: {{acme/rocket: {jobs}}}")) is clashes


def test_an_explicit_always_run_of_a_postsubmit_excludes_file_matchers(problems: Problems) -> None:
    fields = f"name: a, {SPEC}, run_if_changed: b"
    assert problems(jobs=f"postsubmits: {{acme/rocket: [{{{fields}}}]}}") == []
    [(path, _)] = problems(jobs=f"postsubmits: {{acme/rocket: [{{{fields}, always_run: true}}]}}")
    assert path == 'postsubmits["acme/rocket"][0].run_if_changed'


def test_two_job_files_with_one_base_name_are_a_warning(loaded: Callable[..., LoadedConfig]) -> None:
    config = loaded(jobs={"a/jobs.yaml": "", "b/jobs.yaml": "# empty\n"})
    assert ["another job file is called jobs.yaml" in warning.message for warning in config.warnings] == [True]


def test_keys_for_anchors_and_foreign_keys_are_taken(problems: Problems) -> None:
    jobs = f"""\
    .parking: &unit
      name: unit
      {SPEC}
    prow_ignored: {{a: b}}
    presubmits:
      acme/rocket:
      - <<: *unit
        always_run: true
    """
    assert problems("deck: {spyglass: {}}\nunknown: 1\n", jobs) == []
