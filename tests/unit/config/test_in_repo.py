"""Jobs that a repository holds itself."""

import time
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tide.config.files import ConfigFile
from tide.config.in_repo import MOST_IN_PRESETS, MOST_JOBS
from tide.config.loaded import LoadedConfig
from tide.config.loading import load
from tide.config.parsing import Parser
from tide.config.sources import Sources
from tide.domain.errors import ConfigError
from tide.domain.in_repo import InRepoFile
from tide.domain.jobs import Presubmit
from tide.domain.keys import PoolKey, RepoKey

Load = Callable[..., LoadedConfig]
REPO = RepoKey("acme", "rocket")
SPEC = "spec: {containers: [{image: a}]}"
STATIC = f"presubmits: {{acme/rocket: [{{name: unit, always_run: true, {SPEC}}}]}}"


def own(*fields: str, kind: str = "presubmits") -> str:
    """Write jobs in flow style, each with a spec."""
    return f"{kind}: [{', '.join(f'{{{SPEC}, {each}}}' for each in fields)}]"


def files(texts: Mapping[str, str]) -> list[InRepoFile]:
    return [InRepoFile(path, text.encode()) for path, text in texts.items()]


def evaluated(config: LoadedConfig, texts: Mapping[str, str]) -> list[str]:
    return [job.name for job in config.presubmits_with(REPO, files(texts))]


def refusal(config: LoadedConfig, text: str | Mapping[str, str]) -> str:
    with pytest.raises(ConfigError) as caught:
        evaluated(config, {".prow.yaml": text} if isinstance(text, str) else text)
    return str(caught.value)


def test_what_the_repository_holds_follows_what_is_configured(loaded: Load) -> None:
    config = loaded(jobs=STATIC)
    assert evaluated(config, {".prow.yaml": own("name: b", "name: a")}) == ["unit", "b", "a"]
    assert [job.name for job in config.presubmits(REPO)] == ["unit"]


def test_files_come_directory_by_directory_as_prow_walks_them(loaded: Load) -> None:
    paths = [".prow/a/z.yaml", ".prow/a.yaml", ".prow/b.yml", ".prow/a-b.yaml", ".prow/B.yaml"]
    texts = {path: own(f"name: {number}") for number, path in enumerate(paths)}
    assert evaluated(loaded(), texts) == ["4", "0", "3", "1", "2"]


@pytest.mark.parametrize("text", ["", "# nothing\n", "prow_ignored: {a: [b]}\n", "periodics: [{name: a}]\nodd: 1\n"])
def test_unknown_fields_and_periodics_bring_no_jobs(loaded: Load, text: str) -> None:
    assert evaluated(loaded(jobs=STATIC), {".prow.yaml": text}) == ["unit"]


def test_a_job_of_the_repository_gets_all_defaults_and_presets(loaded: Load) -> None:
    config = loaded(
        "plank: {default_decoration_configs: {'*': {timeout: 1h}}}\ndecorate_all_jobs: true",
        "presets: [{labels: {wants: token}, env: [{name: TOKEN, value: a}]}]",
    )
    text = own("name: a, labels: {wants: token, own: preset}, spec: {containers: [{image: a, args: [b]}]}")
    presets = "\npresets: [{labels: {own: preset}, env: [{name: OWN, value: b}]}]"
    (job,) = config.presubmits_with(REPO, files({".prow.yaml": text + presets}))
    assert job.context == "a"
    assert job.rerun_command == "/test a"
    assert job.definition["decoration_config"] == {"timeout": "1h"}
    for name, value in (("TOKEN", "a"), ("OWN", "b")):
        assert f"{{'name': '{name}', 'value': '{value}'}}" in str(job.definition["spec"])


def test_presets_of_the_repository_do_not_reach_configured_jobs(loaded: Load) -> None:
    config = loaded(jobs=f"presubmits: {{acme/rocket: [{{name: unit, labels: {{own: preset}}, {SPEC}}}]}}")
    presets = "presets: [{labels: {own: preset}, env: [{name: OWN, value: b}]}]"
    (job,) = config.presubmits_with(REPO, files({".prow.yaml": presets}))
    assert "env" not in str(job.definition["spec"])


@pytest.mark.parametrize(
    ("ignores", "left"),
    [
        ({".prowignore": ".prow/a.yaml"}, ["b", "c"]),
        ({".prow/.prowignore": "a.yaml\nsub/"}, ["b"]),
        ({".prowignore": "*.yaml", ".prow/sub/.prowignore": "!c.yaml"}, ["c"]),
        ({".prowignore": "/a.yaml\n# comment\n"}, ["a", "b", "c"]),
        ({".prow/sub/.prowignore": "*"}, ["a", "b"]),
        ({".prowignore": ".prow/"}, []),
        ({".prowignore": "\ufffd\xff"}, ["a", "b", "c"]),
    ],
)
def test_ignore_files_leave_files_out(loaded: Load, ignores: Mapping[str, str], left: list[str]) -> None:
    texts = {".prow/a.yaml": "a", ".prow/b.yaml": "b", ".prow/sub/c.yaml": "c"}
    jobs = {path: own(f"name: {name}") for path, name in texts.items()}
    assert sorted(evaluated(loaded(), {**jobs, **ignores})) == left


def test_what_is_ignored_may_be_anything(loaded: Load) -> None:
    found = [
        InRepoFile(".prow/link.yaml", trouble="is a symbolic link"),
        *files({".prow/bad.yaml": "{", ".prowignore": "bad.yaml\nlink.yaml"}),
    ]
    assert loaded().presubmits_with(REPO, found) == ()


def test_an_ignore_file_that_means_nothing_is_told(loaded: Load) -> None:
    assert refusal(loaded(), {".prow/.prowignore": "[z-a]"}).startswith(".prow/.prowignore: is not what a .gitignore")


def test_patterns_that_would_take_for_ever_do_not(loaded: Load) -> None:
    started = time.process_time()
    name = f".prow/{'a' * 200}.yml"
    assert evaluated(loaded(), {name: own("name: a"), ".prowignore": "*a" * 40 + "b"}) == ["a"]
    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: {\n", ".prow.yaml:2: is not YAML"),
        ("a: \x00", ".prow.yaml:1: is not YAML"),
        ("presubmits: {acme/rocket: []}", ".prow.yaml:1: presubmits: must be a list, not a mapping"),
        (own("name: a b"), ".prow.yaml:1: presubmits[0].name: job 'a b': its name must be of letters, digits"),
        ("presubmits:\n- name: a\n  always_run: yep\n", ".prow.yaml:3: presubmits[0].always_run: must be true"),
        (own("name: a, run_if_changed: ("), "presubmits[0].run_if_changed: job 'a': the expression '(' is not valid"),
        (own("name: a", "name: a"), "presubmits[1].name: job 'a': another job of this name, in this file, runs on"),
        (own("name: a, cluster: build"), "cluster 'build' is not allowed for jobs that acme/rocket holds itself"),
        (own("name: a", kind="postsubmits") + "\n" + own("name: a, cluster: b"), "presubmits[0].cluster"),
        (own("name: a, cluster: b", kind="postsubmits"), "postsubmits[0].cluster"),
        (own("name: a", "name: a", kind="postsubmits"), "postsubmits[1].name"),
        ("x: &x [a,a,a,a,a,a,a,a,a,a]\n" + "\n".join(
            f"x{n}: &x{n} [{','.join([f'*x{n - 1}' if n else '*x'] * 10)}]" for n in range(9)
        ), "document contains excessive aliasing"),
        (own(*(f"name: a{number}" for number in range(MOST_JOBS + 1))), "holds more than 1000 presubmits"),
        (
            f"presets: [{{env: [{','.join('{name: a}' for _ in range(MOST_IN_PRESETS))}]}}]",
            "presets[0]: presets of the repository hold more than 1000 entries",
        ),
    ],
)  # fmt: skip
def test_what_breaks_a_rule_is_told_with_file_and_line(loaded: Load, text: str, message: str) -> None:
    assert message in refusal(loaded(), text)


def test_bytes_that_are_no_text_are_refused(loaded: Load) -> None:
    with pytest.raises(ConfigError, match="is not YAML"):
        loaded().presubmits_with(REPO, [InRepoFile(".prow.yaml", b"presubmits: [{name: \xff\xfe}]")])


def test_what_cannot_be_read_is_told(loaded: Load) -> None:
    with pytest.raises(ConfigError, match=r"\.prow/a\.yaml: is a symbolic link"):
        loaded().presubmits_with(REPO, [InRepoFile(".prow/a.yaml", trouble="is a symbolic link")])


def test_a_name_of_a_configured_job_is_taken(loaded: Load) -> None:
    config = loaded(jobs=STATIC)
    assert ".prow.yaml:1: presubmits[0].name: job 'unit': another job of this name, in " in refusal(
        config, own("name: unit")
    )
    assert "reports to context 'unit'" in refusal(config, own("name: a, context: unit"))


def test_the_same_name_on_other_branches_is_free(loaded: Load) -> None:
    config = loaded(jobs=f"presubmits: {{acme/rocket: [{{name: unit, branches: [main], {SPEC}}}]}}")
    assert evaluated(config, {".prow.yaml": own("name: unit, branches: [release]")}) == ["unit", "unit"]


def test_only_few_of_many_problems_are_told(loaded: Load) -> None:
    assert len(refusal(loaded(), own(*["name: a"] * 200)).splitlines()) == 20


@pytest.mark.parametrize(
    ("clusters", "allowed"),
    [
        ("", {"default"}),
        ("allowed_clusters: {acme: [build]}", {"build", "default"}),
        ("allowed_clusters: {'*': [], acme/rocket: [build]}", {"build"}),
        ("allowed_clusters: {'*': [other], acme: [build], acme/engine: [engine]}", {"other", "build"}),
    ],
)
def test_allowed_clusters_are_those_of_all_keys_that_apply(loaded: Load, clusters: str, allowed: set[str]) -> None:
    config = loaded(f"in_repo_config: {{enabled: {{'*': true}}, {clusters}}}")
    for cluster in ("default", "build", "other", "engine"):
        text = own(f"name: a, cluster: {cluster}")
        if cluster in allowed:
            assert evaluated(config, {".prow.yaml": text}) == ["a"]
        else:
            assert f"cluster '{cluster}' is not allowed" in refusal(config, text)


def test_the_jobs_decide_which_contexts_count(loaded: Load) -> None:
    config, pool = loaded(jobs=STATIC), PoolKey("acme", "rocket", "main")
    jobs = config.presubmits_with(
        REPO,
        files(
            {".prow.yaml": own("name: a, always_run: true", "name: b, optional: true", "name: c, skip_report: true")}
        ),
    )
    policy = config.context_policy(pool, jobs)
    assert (policy.required, policy.optional) == (("a", "unit"), ("b", "c"))
    assert config.rules(pool).context_policy.required == ("unit",)


def test_jobs_that_contradict_the_configured_contexts_are_told(loaded: Load) -> None:
    config = loaded("tide: {context_options: {optional-contexts: [a]}}")
    jobs = config.presubmits_with(REPO, files({".prow.yaml": own("name: a, always_run: true")}))
    with pytest.raises(ConfigError, match="for acme/rocket:main: contexts a are defined as required and optional"):
        config.context_policy(PoolKey("acme", "rocket", "main"), jobs)


def _without_files() -> LoadedConfig:
    return load(Sources(ConfigFile("config.yaml", b"", "")), Parser())


JOBS: dict[str, str] = {
    ".prow/a.yaml": own("name: a"),
    ".prow/b/a.yml": own("name: b, labels: {x: y}"),
    ".prow/b.yaml": own("name: c", "name: d"),
    ".prow/c.yaml": "presets: [{labels: {x: y}, env: [{name: A, value: b}]}]",
    ".prow/z/ignored.yaml": own("name: a"),
    ".prow/z/.prowignore": "ignored.yaml",
    ".prow/y.yaml": own("name: e, branches: [main]"),
}


@given(st.permutations(list(JOBS.items())))
def test_the_same_files_give_the_same_jobs_in_whatever_order_they_come(items: list[tuple[str, str]]) -> None:
    def jobs(listed: list[tuple[str, str]]) -> list[tuple[Presubmit, object]]:
        found = _without_files().presubmits_with(REPO, files(dict(listed)))
        return [(job, job.definition) for job in found]

    assert jobs(items) == jobs(list(JOBS.items()))
