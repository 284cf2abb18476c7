"""What the `tide` section may say."""

from collections.abc import Callable

import pytest

from tide.config.loaded import LoadedConfig
from tide.domain.errors import Problem

Problems = Callable[..., list[tuple[str, str]]]


QUERY_RULES = {
    "an org holds no slash": ("{orgs: [acme/rocket]}", ".orgs[0]", "org 'acme/rocket' must not hold a slash"),
    "an org is not empty": ("{orgs: ['']}", ".orgs[0]", "an org is empty; name it or take it out"),
    "no org is listed twice": ("{orgs: [a, acme, acme]}", ".orgs[2]", "org 'acme' is listed more than once; keep it"),
    "a repo has a slash": ("{repos: [rocket]}", ".repos[0]", "repo 'rocket' is not of the form org/repo"),
    "a repo has one slash only": ("{repos: [a/b/c]}", ".repos[0]", "repo 'a/b/c' is not of the form org/repo"),
    "a repo has a name": ("{repos: [acme/]}", ".repos[0]", "repo 'acme/' is not of the form org/repo"),
    "a repo has an org": ("{repos: [/a]}", ".repos[0]", "repo '/a' is not of the form org/repo"),
    "a repo is of no org that is listed": (
        "{orgs: [acme], repos: [b/c, acme/a]}",
        ".repos[1]",
        "repo 'acme/a' is there already, with all of org 'acme'; keep one of the two",
    ),
    "no repo is listed twice": ("{repos: [acme/a, acme/a]}", ".repos[1]", "repo 'acme/a' is listed more than once"),
    "an org or a repo is named": ("{labels: [lgtm]}", "", "it names neither orgs nor repos; name at least one"),
    "an excluded repo has a slash": (
        "{orgs: [acme], excludedRepos: [rocket]}",
        ".excludedRepos[0]",
        "excluded repo 'rocket' is not of the form org/repo",
    ),
    "an excluded repo is of an org that is listed": (
        "{orgs: [acme], excludedRepos: [other/a]}",
        ".excludedRepos[0]",
        "is of no org that is listed in orgs; take it out, or list its org",
    ),
    "no excluded repo is listed twice": (
        "{orgs: [acme], excludedRepos: [acme/a, acme/a]}",
        ".excludedRepos[1]",
        "excluded repo 'acme/a' is listed more than once",
    ),
    "no label is required and forbidden": (
        "{orgs: [acme], labels: [x], missingLabels: [y, x]}",
        ".missingLabels[1]",
        "label 'x' is both required and forbidden; take it out of labels or of missingLabels",
    ),
    "no label is listed twice": ("{orgs: [acme], labels: [x, x]}", ".labels[1]", "label 'x' is listed more than once"),
    "no missing label is listed twice": (
        "{orgs: [acme], missingLabels: [x, x]}",
        ".missingLabels[1]",
        "missing label 'x' is listed more than once",
    ),
    "branches are included or excluded": (
        "{orgs: [a], includedBranches: [m], excludedBranches: [n]}",
        ".excludedBranches",
        "includedBranches and excludedBranches exclude each other; keep one",
    ),
    "no included branch is listed twice": (
        "{orgs: [acme], includedBranches: [m, m]}",
        ".includedBranches[1]",
        "included branch 'm' is listed more than once",
    ),
    "no excluded branch is listed twice": (
        "{orgs: [acme], excludedBranches: [m, m]}",
        ".excludedBranches[1]",
        "excluded branch 'm' is listed more than once",
    ),
}


@pytest.mark.parametrize(("query", "path", "message"), QUERY_RULES.values(), ids=QUERY_RULES)
def test_a_query_that_breaks_a_rule_is_refused(problems: Problems, query: str, path: str, message: str) -> None:
    [(found, text)] = problems(f"tide: {{queries: [{{orgs: [good]}}, {query}]}}")
    assert found == f"tide.queries[1]{path}"
    assert text.startswith("tide query 1 is invalid: ")
    assert message in text


def test_a_query_that_breaks_several_rules_is_told_in_the_order_in_which_prow_looks(problems: Problems) -> None:
    query = """\
      {orgs: [x, x], repos: [y], excludedRepos: [z/z], labels: [a, a], missingLabels: [a],
       includedBranches: [b], excludedBranches: [c, c]}"""
    assert [path for path, _ in problems(f"tide: {{queries: [{query}]}}")] == [
        f"tide.queries[0].{key}"
        for key in (
            *("orgs[1]", "repos[0]", "excludedRepos[0]", "missingLabels[0]", "labels[1]"),
            *("excludedBranches", "excludedBranches[1]"),
        )
    ]


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
            "is no Go template: an action {{ is not closed with }}, in line 1 of the template",
        ),
        (
            "merge_commit_template: {acme: {body: 'a\n\n{{ .Title | upper }}'}}",
            "tide.merge_commit_template.acme.body",
            "is no Go template: function 'upper' not defined, in line 2 of the template",
        ),
        (
            "merge_commit_template: {acme: {body: '{{ if .Title }}'}}",
            "tide.merge_commit_template.acme.body",
            "is no Go template: unexpected EOF: {{end}} is missing, in line 1",
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


def test_branch_protection_includes_or_excludes_branches(problems: Problems) -> None:
    found = problems("branch-protection: {include: [a], exclude: [b]}")
    assert found == [("branch-protection.exclude", "stands beside include; keep one of them")]


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
        ("config.yaml", 8, "tide.queries[1].missingLabels[0]"),
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


@pytest.mark.parametrize(
    "gerrit", ["{}", "{ratelimit: 9}", "{queries: [{org: https://review.example, repos: [a], odd: 1}]}"]
)
def test_a_gerrit_section_is_accepted_and_left_alone(loaded: Callable[..., LoadedConfig], gerrit: str) -> None:
    config = loaded(f"tide: {{queries: [{{orgs: [acme]}}], gerrit: {gerrit}}}\ngerrit: {{org_repos_config: []}}")
    assert [query.orgs for query in config.queries] == [("acme",)]
    assert config.warnings == ()


def test_of_several_templates_each_is_looked_at_and_a_method_of_another_tide_is_taken(problems: Problems) -> None:
    templates = (
        "{acme: {title: '{{ .GitHub.Normalize .Title }}', body: '{{'}, acme/rocket: {title: '}}', body: '{{ end }}'}}"
    )
    assert [path for path, _ in problems(f"tide: {{merge_commit_template: {templates}}}")] == [
        "tide.merge_commit_template.acme.body",
        'tide.merge_commit_template["acme/rocket"].body',
    ]


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
          queries: [{orgs: [acme]}]
        """
    )
    place = "tide.context_options.orgs.acme"
    assert [(fault.path, fault.line) for fault in config.faults if fault.path.startswith(place)] == [
        (f"{place}.optional-contexts", 6),
        (f"{place}.optional-regex-contexts", 7),
        (f"{place}.optional-regex-contexts", 7),
    ]
