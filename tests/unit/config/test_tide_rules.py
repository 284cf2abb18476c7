"""What the `tide` section may say."""

from collections.abc import Callable

import pytest

from tide.config.loaded import LoadedConfig
from tide.domain.errors import Problem

Problems = Callable[..., list[tuple[str, str]]]


@pytest.mark.parametrize(
    ("query", "key", "message"),
    [
        ("{orgs: [acme/rocket]}", "orgs", "org 'acme/rocket' must not hold a slash"),
        ("{orgs: ['']}", "orgs", "an org is empty"),
        ("{orgs: [acme, acme]}", "orgs", "org 'acme' is listed more than once"),
        ("{repos: [rocket]}", "repos", "repo 'rocket' is not of the form org/repo"),
        ("{repos: [a/b/c]}", "repos", "repo 'a/b/c' is not of the form org/repo"),
        ("{repos: [acme/]}", "repos", "repo 'acme/' is not of the form org/repo"),
        ("{orgs: [acme], repos: [acme/rocket]}", "repos", "is there already, with all of org 'acme'"),
        ("{repos: [acme/a, acme/a]}", "repos", "repo 'acme/a' is listed more than once"),
        ("{labels: [lgtm]}", "", "it names neither orgs nor repos"),
        ("{orgs: [acme], excludedRepos: [rocket]}", "excludedRepos", "is not of the form org/repo"),
        ("{orgs: [acme], excludedRepos: [other/a]}", "excludedRepos", "is of no org that is listed in orgs"),
        ("{orgs: [acme], excludedRepos: [acme/a, acme/a]}", "excludedRepos", "listed more than once"),
        ("{orgs: [acme], labels: [x], missingLabels: [x]}", "missingLabels", "label 'x' is both required and forbid"),
        ("{orgs: [acme], labels: [x, x]}", "labels", "label 'x' is listed more than once"),
        ("{orgs: [acme], missingLabels: [x, x]}", "missingLabels", "missing label 'x' is listed more than once"),
        ("{orgs: [a], includedBranches: [m], excludedBranches: [n]}", "excludedBranches", "exclude each other"),
        ("{orgs: [acme], includedBranches: [m, m]}", "includedBranches", "'m' is listed more than once"),
        ("{orgs: [acme], excludedBranches: [m, m]}", "excludedBranches", "'m' is listed more than once"),
    ],
)
def test_a_query_that_breaks_a_rule_is_refused(problems: Problems, query: str, key: str, message: str) -> None:
    [(path, text)] = problems(f"tide: {{queries: [{{orgs: [good]}}, {query}]}}")
    assert path == "tide.queries[1]" + (f".{key}" if key else "")
    assert text.startswith("tide query 1 is invalid: ")
    assert message in text


@pytest.mark.parametrize(
    ("section", "path", "message"),
    [
        ("max_goroutines: -1", "tide.max_goroutines", "must be above 0, not -1"),
        ("sync_period: -1m", "tide.sync_period", "must not be negative"),
        ("sync_period: 60", "tide.sync_period", "'60' is not a duration such as 90s, 1m30s or 24h"),
        ("status_update_period: soon", "tide.status_update_period", "'soon' is not a duration"),
        ("{target_url: a, target_urls: {'*': b}}", "tide.target_url", "stands beside target_urls"),
        (
            "{pr_status_base_url: a, pr_status_base_urls: {'*': b}}",
            "tide.pr_status_base_url",
            "stands beside pr_status_base_urls",
        ),
        ("pr_status_base_urls: {acme: b}", "tide.pr_status_base_urls", 'needs the key "*"'),
        (
            "github_merge_blocks_policy: {acme: maybe}",
            "tide.github_merge_blocks_policy.acme",
            "unknown policy 'maybe': must be ignore, permit or block",
        ),
        ("merge_method: {acme: ff}", "tide.merge_method.acme", "unknown merge method 'ff': must be merge, squash or"),
        ("merge_method: {acme: {rocket: 3}}", "tide.merge_method.acme.rocket", "unknown merge method 3"),
        (
            "merge_method: {acme: {rocket: {main: ifNecessary}}}",
            "tide.merge_method.acme.rocket.main",
            "unknown merge method 'ifNecessary'",
        ),
        (
            "merge_method: {acme: {rocket: {'(': merge}}}",
            'tide.merge_method.acme.rocket["("]',
            "the branch expression '(' is not valid: missing ):",
        ),
        (
            "merge_commit_template: {acme: {title: '{{ .Title'}}",
            "tide.merge_commit_template.acme.title",
            "not closed with }}",
        ),
        ("batch_size_limit: {acme: many}", "tide.batch_size_limit.acme", "must be a whole number, not 'many'"),
        ("batch_size_limit: 5", "tide.batch_size_limit", "must be a mapping, not 5"),
        ("queries: {orgs: [acme]}", "tide.queries", "must be a list, not a mapping"),
        ("queries: [acme]", "tide.queries[0]", "must be a mapping, not 'acme'"),
        ("queries: [{orgs: [a], labels: [[b]]}]", "tide.queries[0].labels[0]", "must be text, not a list"),
        (
            "queries: [{orgs: [a], reviewApprovedRequired: 'yes'}]",
            "tide.queries[0].reviewApprovedRequired",
            "must be true or false, not 'yes'",
        ),
    ],
)
def test_a_section_that_breaks_a_rule_is_refused(problems: Problems, section: str, path: str, message: str) -> None:
    body = section if section.startswith("{") else f"{{{section}}}"
    [(found_path, text)] = problems(f"tide: {body}")
    assert found_path == path
    assert message in text


def test_all_problems_of_a_load_are_told_at_once_with_file_and_line(
    refused: Callable[..., tuple[Problem, ...]],
) -> None:
    found = refused(
        """\
        tide:
          max_goroutines: -2
          queries:
          - labels: [a]
          - orgs: [acme]
            labels: [b]
            missingLabels:
            - b
          merge_method:
            acme: fast
        """,
        """\
        presubmits:
          acme/rocket:
          - name: not a name
            run_if_changed: "("
            spec: {containers: [{image: a}]}
        """,
    )
    told = {(problem.file.rsplit("/", 1)[1], problem.line, problem.path) for problem in found}
    assert told == {
        ("config.yaml", 2, "tide.max_goroutines"),
        ("config.yaml", 4, "tide.queries[0]"),
        ("config.yaml", 7, "tide.queries[1].missingLabels"),
        ("config.yaml", 10, "tide.merge_method.acme"),
        ("jobs.yaml", 3, 'presubmits["acme/rocket"][0].name'),
        ("jobs.yaml", 4, 'presubmits["acme/rocket"][0].run_if_changed'),
    }


def test_a_text_that_is_not_yaml_is_told_with_its_line(refused: Callable[..., tuple[Problem, ...]]) -> None:
    [problem] = refused("tide:\n  queries: [\n")
    assert problem.line == 3
    assert "is not YAML: while parsing a flow" in problem.message


def test_every_field_that_prow_knows_is_taken(loaded: Callable[..., LoadedConfig]) -> None:
    config = loaded(
        """\
        tide:
          sync_period: 1m30s
          status_update_period: 2m
          max_goroutines: 7
          target_urls: {"*": a, acme: b, acme/rocket: c}
          pr_status_base_urls: {"*": d}
          blocker_label: blocker
          display_all_tide_queries_in_status: true
          gerrit: {queries: [], ratelimit: 5}
          merge_commit_template: {acme: {title: "{{ .Title }} (#{{ .Number }})", body: "{{ .ExtractContent .Body }}"}}
        """
    )
    assert config.sync_period.total_seconds() == 90
    assert config.status_update_period.total_seconds() == 120
    assert config.max_goroutines == 7
    assert config.blocker_label == "blocker"
    assert config.warnings == ()


def test_what_is_left_out_has_prows_defaults(loaded: Callable[..., LoadedConfig]) -> None:
    config = loaded("")
    assert config.sync_period.total_seconds() == 60
    assert config.status_update_period.total_seconds() == 60
    assert config.max_goroutines == 20
    assert config.link_url == "https://github.com"
    assert config.prowjob_namespace == "default"
    assert config.queries == ()


def test_a_deprecated_address_is_taken_with_a_warning(loaded: Callable[..., LoadedConfig]) -> None:
    config = loaded("tide: {pr_status_base_url: https://prow.example/pr}")
    assert [warning.path for warning in config.warnings] == ["tide.pr_status_base_url"]


def test_contexts_that_contradict_each_other_break_their_pools_but_not_the_load(
    loaded: Callable[..., LoadedConfig],
) -> None:
    config = loaded(
        """\
        tide:
          context_options:
            orgs:
              acme:
                required-contexts: [a, ci/b]
                optional-contexts: [a]
                optional-regex-contexts: ["^ci/", "("]
        """
    )
    place = "tide.context_options.orgs.acme"
    assert [(fault.path, fault.line) for fault in config.faults] == [
        (f"{place}.optional-contexts", 6),
        (f"{place}.optional-regex-contexts", 7),
        (f"{place}.optional-regex-contexts", 7),
    ]
