"""What check-config warns of in a configuration that loads."""

from collections.abc import Callable

import pytest

from tide.config.check import report
from tide.config.sources import ConfigPaths

Write = Callable[..., ConfigPaths]
SPEC = "spec: {containers: [{}]}"


@pytest.fixture
def warnings(write: Write) -> Callable[..., list[tuple[str, str]]]:
    """Give what check-config warns of as (path, message)."""

    def warnings(*texts: str) -> list[tuple[str, str]]:
        found = report(write(*texts))
        assert found.errors == ()
        return [(warning.path, warning.message) for warning in found.warnings]

    return warnings


Warnings = Callable[..., list[tuple[str, str]]]


def queries(*texts: str) -> str:
    return f"tide: {{queries: [{', '.join(texts)}]}}\n"


def jobs(*fields: str) -> str:
    written = ", ".join(f"{{name: j{at}, {SPEC}, {each}}}" for at, each in enumerate(fields))
    return f"presubmits: {{acme/rocket: [{written}]}}"


@pytest.mark.parametrize(
    ("query", "path", "message"),
    [
        ("labels: [LGTM], missingLabels: [lgtm]", "labels[0]", "'LGTM' is also in missingLabels, so no pull request"),
        ("labels: [x, 'a,b'], missingLabels: [b, c, a]", "labels[1]", "'a,b' is also in missingLabels, so no pull"),
        ("labels: ['']", "labels[0]", "no label has an empty name, so no pull request can meet this query"),
        ("missingLabels: ['a,b']", "missingLabels[0]", "'a,b' is one label here, as only labels takes alternatives"),
    ],
)
def test_a_query_that_no_pull_request_can_meet_is_warned_of(
    warnings: Warnings, query: str, path: str, message: str
) -> None:
    [(found, text)] = warnings(queries("{orgs: [good]}", f"{{orgs: [acme], {query}}}"))
    assert found == f"tide.queries[1].{path}"
    assert message in text


def test_jobs_of_what_is_no_repository_are_warned_of(warnings: Warnings) -> None:
    text = f"{{acme: [{{name: a, {SPEC}}}], acme/b/c: [], https://review.example/b: [{{name: a, {SPEC}}}]}}"
    assert warnings("", f"presubmits: {text}\npostsubmits: {{b: []}}") == [
        ("presubmits.acme", "'acme' is not of the form org/repo, so these jobs never run"),
        ('presubmits["acme/b/c"]', "'acme/b/c' is not of the form org/repo, so these jobs never run"),
        ("postsubmits.b", "'b' is not of the form org/repo, so these jobs never run"),
    ]


def test_a_map_of_merge_methods_under_a_repository_is_warned_of(warnings: Warnings) -> None:
    assert warnings("tide: {merge_method: {acme/rocket: {main: squash}, acme: {rocket: {main: squash}}}}") == [
        (
            'tide.merge_method["acme/rocket"]',
            "a map has no effect under acme/rocket; put it under acme, as the value of rocket",
        )
    ]


def test_a_query_with_an_alternative_left_is_no_matter(warnings: Warnings) -> None:
    assert warnings(queries("{orgs: [acme], labels: ['a,b'], missingLabels: [a]}")) == []


def test_a_branch_in_a_query_that_no_job_runs_on_is_warned_of(warnings: Warnings) -> None:
    text = queries("{orgs: [acme], includedBranches: [main, release, dev]}")
    assert warnings(text, jobs("branches: [^main$]", "branches: [^dev$], optional: true")) == [
        (
            "tide.queries[0].includedBranches[1]",
            "no job of acme/rocket runs on branch 'release': what merges there is untested",
        )
    ]


@pytest.mark.parametrize(
    "config",
    [
        queries("{orgs: [acme], includedBranches: [release]}") + "in_repo_config: {enabled: {acme: true}}",
        queries("{orgs: [other], includedBranches: [release]}"),
        queries("{orgs: [acme]}"),
    ],
)
def test_branches_are_no_matter_where_not_all_jobs_are_known(warnings: Warnings, config: str) -> None:
    assert warnings(config, jobs("branches: [^main$]")) == []


def test_a_label_that_one_query_requires_and_another_forbids_is_warned_of(warnings: Warnings) -> None:
    text = queries("{orgs: [acme], labels: [a, Fast]}", "{repos: [acme/rocket], missingLabels: [b]}")
    assert warnings(text) == []
    other = "{orgs: [acme], excludedRepos: [acme/x], missingLabels: [fast]}"
    [(path, message)] = warnings(queries("{orgs: [acme], labels: [a, Fast]}", other))
    assert path == "tide.queries[0].labels[1]"
    assert "'Fast' is required here and forbidden by another query for the same repositories (" in message
    assert message.endswith("config.yaml, query 1)")


@pytest.mark.parametrize(
    "other",
    [
        "orgs: [other]",
        "repos: [beta/x]",
        "orgs: [acme], author: bot",
        "orgs: [acme], milestone: v2",
        "orgs: [acme], excludedBranches: [main]",
        "orgs: [acme], includedBranches: [dev]",
    ],
)
def test_queries_that_no_pull_request_is_meant_by_together_may_differ(warnings: Warnings, other: str) -> None:
    one = "{orgs: [acme], labels: [fast], author: alice, milestone: v1, includedBranches: [main]}"
    assert warnings(queries(one, f"{{{other}, missingLabels: [fast]}}")) == []


CONTEXTS = """\
tide:
  queries: [{orgs: [acme]}]
  context_options:
    orgs:
      acme:
        repos:
          rocket: LEVEL
"""


@pytest.mark.parametrize(
    ("level", "job", "start"),
    [
        ("{required-contexts: [unit-test]}", "context: unit-tests", "reports 'unit-test' (is 'unit-tests' meant?);"),
        ("{required-contexts: [cla]}", "context: unit", "reports 'cla';"),
        ("{required-contexts: [unit]}", "context: unit, skip_report: true, optional: true", "reports 'unit';"),
        ("{branches: {dev: {required-contexts: [unit]}}}", "context: unit, branches: [^main$]", "reports 'unit';"),
    ],
)
def test_a_required_context_that_no_job_reports_is_warned_of(write: Write, level: str, job: str, start: str) -> None:
    [warning] = report(write(CONTEXTS.replace("LEVEL", level), jobs(job))).warnings
    assert warning.path.startswith("tide.context_options.orgs.acme.repos.rocket.")
    assert warning.path.endswith("required-contexts")
    assert warning.message.startswith(f"no job of acme/rocket {start}")
    assert warning.message.endswith("; nothing merges there unless something else reports it")


@pytest.mark.parametrize(
    ("level", "job"),
    [
        ("{required-contexts: [unit]}", "always_run: true, context: unit"),
        ("{branches: {main: {required-contexts: [unit]}}}", "always_run: true, context: unit, branches: [^main$]"),
    ],
)
def test_a_required_context_that_a_job_reports_is_no_matter(warnings: Warnings, level: str, job: str) -> None:
    assert warnings(CONTEXTS.replace("LEVEL", level), jobs(job)) == []


def test_a_required_context_of_repositories_without_jobs_is_no_matter(warnings: Warnings) -> None:
    assert warnings(CONTEXTS.replace("LEVEL", "{required-contexts: [cla]}")) == []


def test_many_repositories_are_told_together(warnings: Warnings) -> None:
    config = "tide: {queries: [{orgs: [acme]}], context_options: {required-contexts: [cla]}}"
    presubmits = ", ".join(f"acme/r{number}: [{{name: j, {SPEC}}}]" for number in range(5))
    [(path, message)] = warnings(config, f"presubmits: {{{presubmits}}}")
    assert path == "tide.context_options.required-contexts"
    assert message.startswith("no job of acme/r0, acme/r1, acme/r2 and 2 more reports 'cla'")


def test_contexts_that_contradict_jobs_are_an_error_of_check_config(write: Write) -> None:
    config = "tide: {queries: [{orgs: [acme]}], context_options: {optional-contexts: [j0]}}"
    found = report(write(config, jobs("always_run: true, branches: [^dev$]")))
    assert [error.message for error in found.errors] == [
        "for acme/rocket:dev: contexts j0 are defined as required and optional"
    ]


@pytest.mark.parametrize(
    ("key", "pattern", "message"),
    [
        ("run_if_changed", "^/docs/", "'^/docs/' never matches: a path does not begin with a slash"),
        ("run_if_changed", "^docs/|^/etc/", "its part '^/etc/' never matches: a path does not begin with a slash"),
        ("run_if_changed", r"^\./docs", r"'^\\./docs' never matches: a path does not begin with a dot and a slash"),
        ("skip_if_only_changed", "docs/$", "'docs/$' never matches: a path does not end with a slash"),
        ("run_if_changed", "docs/^README", "'docs/^README' never matches: nothing can stand before ^, as '/' does"),
        ("run_if_changed", r"\.go$x", r"'\\.go$x' never matches: nothing can stand behind $, as 'x' does"),
        ("branches", "^refs/heads/main$", "'^refs/heads/main$' never matches: a branch is named without refs/heads/"),
        ("branches", "release/$", "'release/$' never matches: a branch does not end with a slash"),
    ],
)
def test_an_expression_that_never_matches_is_warned_of(
    warnings: Warnings, key: str, pattern: str, message: str
) -> None:
    value = f"['{pattern}']" if key == "branches" else f"'{pattern}'"
    place = f'presubmits["acme/rocket"][0].{key}' + ("[0]" if key == "branches" else "")
    assert warnings("", jobs(f"{key}: {value}")) == [(place, f"job 'j0': {message}")]


@pytest.mark.parametrize(
    "pattern",
    [
        *("^/?docs/", "^/{0,1}docs", "^./docs", "docs/?$", "(x^b|c)d", "a*^b", "a$b?", "a$b*", "a{0}^b", "[/]$|^a"),
        *("(?m)a$\\nb", "(?s)x", "^(docs|/x)/", "$", "^", "", "\\Q^/\\E", "[^/]^?", "a|b", "(^a|b$)"),
    ],
)
def test_an_expression_that_may_match_is_no_matter(warnings: Warnings, pattern: str) -> None:
    assert warnings("", jobs(f"run_if_changed: '{pattern}'")) == []


@pytest.mark.parametrize(
    ("branches", "skipped", "is_warned"),
    [
        ("[main]", "[main]", True),
        ("[^main$, ^dev$]", "[main, d]", True),
        ("['^release-1\\.2$']", "['^release-']", True),
        ("[main]", "[^main$]", False),
        ("[^main$, ^dev$]", "[main]", False),
        ("[^main$]", "[]", False),
        ("[^ma.n$]", "[main]", False),
    ],
)
def test_a_job_all_of_whose_branches_are_skipped_is_warned_of(
    warnings: Warnings,
    branches: str,
    skipped: str,
    is_warned: bool,  # noqa: FBT001 - a table
) -> None:
    found = warnings("", jobs(f"branches: {branches}, skip_branches: {skipped}"))
    message = "job 'j0': each of these is also in skip_branches, so the job never runs"
    assert found == ([('presubmits["acme/rocket"][0].branches', message)] if is_warned else [])
