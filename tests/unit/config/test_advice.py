"""What check-config warns of in a configuration that loads."""

from collections.abc import Callable

import pytest

from tide.config.check import report
from tide.config.sources import ConfigPaths

LEFT_OUT = ("no job is configured for", "no query covers")
Write = Callable[..., ConfigPaths]
SPEC = "spec: {containers: [{}]}"


@pytest.fixture
def warnings(write: Write) -> Callable[..., list[tuple[str, str]]]:
    """Give what check-config warns of as (path, message), but for what most texts here leave out: jobs or queries."""

    def warnings(config: str, *texts: str) -> list[tuple[str, str]]:
        found = report(write(config or queries("{orgs: [acme]}"), *texts))
        assert found.errors == ()
        told = [(warning.path, warning.message) for warning in found.warnings]
        return [(path, message) for path, message in told if not message.startswith(LEFT_OUT)]

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
    [(path, message)] = warnings("", f"presubmits: {text}\npostsubmits: {{b: []}}")
    assert path == "presubmits.acme"
    assert message.startswith("'acme' is not of the form org/repo, so these jobs never run; likewise in 2 more places")
    assert "jobs.yaml:1 ('acme/b/c') and " in message
    assert message.endswith("jobs.yaml:2 ('b')")


def test_a_map_of_merge_methods_under_a_repository_is_warned_of(warnings: Warnings) -> None:
    methods = "merge_method: {acme/rocket: {main: squash}, acme: {rocket: {main: squash}}}"
    assert warnings(f"tide: {{queries: [{{orgs: [acme]}}], {methods}}}") == [
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


def test_one_mistake_in_many_expressions_is_told_once(warnings: Warnings) -> None:
    patterns = [f"run_if_changed: ^/part{number}/" for number in range(4)]
    [(path, message)] = warnings("", jobs(*patterns))
    assert path == 'presubmits["acme/rocket"][0].run_if_changed'
    assert message.startswith(
        "job 'j0': '^/part0/' never matches: a path does not begin with a slash; likewise in 3 more"
    )
    assert message.endswith("jobs.yaml:1 (job 'j2')")


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


def test_many_contexts_that_no_job_reports_are_told_once(warnings: Warnings) -> None:
    repos = "\n".join(f"        r{number}: {{required-contexts: [cla{number}]}}" for number in range(5))
    config = f"tide:\n  queries: [{{orgs: [acme]}}]\n  context_options:\n    orgs:\n      acme:\n       repos:\n{repos}"
    presubmits = ", ".join(f"acme/r{number}: [{{name: j, {SPEC}}}]" for number in range(5))
    [(path, message)] = warnings(config, f"presubmits: {{{presubmits}}}")
    assert path == "tide.context_options.orgs.acme.repos.r0.required-contexts"
    assert message.startswith("no job of acme/r0 reports 'cla0'; nothing merges there unless something else reports it")
    assert "; likewise in 4 more places, such as " in message
    second, _, third = message.partition("such as ")[2].partition(" and ")
    assert second.endswith("config.yaml:8 ('cla1' of acme/r1)")
    assert third.endswith("config.yaml:9 ('cla2' of acme/r2)")


def test_many_jobs_of_one_unknown_agent_are_told_once(warnings: Warnings) -> None:
    presubmits = ", ".join(f"{{name: j{number}, agent: own}}" for number in range(85))
    [(path, message)] = warnings("", f"presubmits: {{acme/rocket: [{presubmits}]}}")
    assert path == 'presubmits["acme/rocket"][0].agent'
    assert message.startswith("job 'j0': agent 'own' is unknown: the job is not checked further; likewise in 84 more")
    assert message.endswith("jobs.yaml:1 (job 'j2')")


@pytest.mark.parametrize(
    ("section", "path", "start"),
    [
        (
            "orgs: {acme: {repos: {rocket: {branches: {main: {enforce_admins: true}}}}}}",
            "orgs.acme.repos.rocket.branches.main",
            "for acme/rocket:main: defined branch policies must set protect; Prow refuses that",
        ),
        (
            "orgs: {acme: {repos: {rocket: {protect: false}}}}",
            "orgs.acme.repos.rocket",
            "for acme/rocket:main: required prow jobs require branch protection; Prow refuses that",
        ),
        (
            "orgs: {acme: {protect: false, repos: {plain: {branches: {main: {enforce_admins: true}}}}}}",
            "orgs.acme.repos.plain.branches.main",
            "for acme/plain:main: protect must be enabled where anything else is set; Prow refuses that",
        ),
    ],
)
def test_branch_protection_that_prow_refuses_is_warned_of(
    warnings: Warnings, section: str, path: str, start: str
) -> None:
    config = queries("{orgs: [acme]}") + f"branch-protection: {{{section}}}"
    told = warnings(config, jobs("always_run: true"))
    assert {place for place, message in told if message.startswith(start)} == {f"branch-protection.{path}"}


@pytest.mark.parametrize(
    "section",
    [
        "orgs: {acme: {repos: {rocket: {branches: {main: {protect: true}}}}}}",
        "orgs: {acme: {protect: true, repos: {rocket: {branches: {main: {enforce_admins: true}}}}}}",
        "allow_disabled_job_policies: true, orgs: {acme: {repos: {rocket: {protect: false}}}}",
        "orgs: {acme: {repos: {rocket: {branches: {main: {unmanaged: true}}}}}}",
    ],
)
def test_branch_protection_that_prow_takes_is_no_matter(warnings: Warnings, section: str) -> None:
    config = queries("{orgs: [acme]}") + f"branch-protection: {{{section}}}"
    assert warnings(config, jobs("always_run: true")) == []


def test_strict_protection_beside_a_queue_is_warned_of(warnings: Warnings) -> None:
    strict = "{protect: true, required_status_checks: {strict: true}}"
    section = f"branch-protection: {{orgs: {{acme: {{repos: {{rocket: {strict}}}}}}}}}"
    [(path, message)] = warnings(queries("{orgs: [acme]}") + section, jobs("always_run: true"))
    assert path == "branch-protection.orgs.acme.repos.rocket"
    assert message.startswith(
        "for acme/rocket:main: required_status_checks.strict refuses every head that is not up to"
    )
    assert warnings(queries("{orgs: [other]}") + section, jobs("always_run: true")) == []


def test_what_is_cloned_twice_or_to_no_effect_is_warned_of(warnings: Warnings) -> None:
    refs = "extra_refs: [{org: a, repo: b}, {org: Acme, repo: rocket}, {org: a, repo: b}]"
    periodic = f"{{name: p, interval: 1h, clone_uri: git@host:a/b, extra_refs: [{{org: a, repo: b}}], {SPEC}}}"
    found = warnings("", f"{jobs(refs)}\nperiodics: [{periodic}]")
    assert [path for path, _ in found] == ['presubmits["acme/rocket"][0].extra_refs[1]', "periodics[0].clone_uri"]
    assert found[0][1].startswith(
        "job 'j0': acme/rocket is cloned more than once, which Prow's clonerefs refuses; like"
    )
    assert found[1][1] == "job 'p': clone_uri has no effect in a periodic; it belongs into extra_refs"


def test_a_name_that_no_label_holds_is_warned_of(warnings: Warnings) -> None:
    names = ("a" * 63, "b" * 64)
    texts = [", ".join(f"{{name: {name}, {SPEC}{more}}}" for name in names) for more in ("", ", interval: 1h")]
    text = f"presubmits: {{acme/rocket: [{texts[0]}]}}\nperiodics: [{texts[1]}]"
    [(path, message)] = warnings("", text)
    assert path == 'presubmits["acme/rocket"][1].name'
    assert "its name is longer than the 63 characters of a label" in message
    assert "; likewise in 1 more place, such as " in message


@pytest.mark.parametrize(
    ("plank", "job", "is_warned"),
    [
        ("default_decoration_configs: {'*': {timeout: 1h}}", "always_run: true", True),
        ("default_decoration_configs: {'*': {timeout: 1h}}", "decorate: false", False),
        ("default_decoration_configs: {'*': {timeout: 1h}}", "agent: own", False),
        ("", "always_run: true", False),
    ],
)
def test_a_job_without_pod_utilities_is_warned_of_where_there_are_defaults_for_them(
    warnings: Warnings,
    plank: str,
    job: str,
    is_warned: bool,  # noqa: FBT001 - a table
) -> None:
    told = warnings(queries("{orgs: [acme]}") + f"plank: {{{plank}}}", jobs(job))
    start = "job 'j0': runs without Prow's pod utilities, though plank has defaults for them"
    assert [message.startswith(start) for _, message in told if "utilities" in message] == [True] * is_warned


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ("{preset-gcs: 'true'}", []),
        ("{preset-gsc: 'true'}", ["no preset has the label preset-gsc: 'true', so it brings the job nothing"]),
        ("{preset-gcs: 'yes'}", ["no preset has the label preset-gcs: 'yes', so it brings the job nothing"]),
        ("{plain: '2'}", ["no preset has the label plain: '2', so it brings the job nothing"]),
        ("{team: storage}", []),
    ],
)
def test_a_label_of_no_preset_is_warned_of(warnings: Warnings, labels: str, told: list[str]) -> None:
    presets = "presets: [{labels: {preset-gcs: 'true'}}, {labels: {plain: '1'}}]"
    text = f"presubmits: {{acme/rocket: [{{name: j, labels: {labels}, {SPEC}}}]}}"
    found = warnings(queries("{orgs: [acme]}") + presets, text)
    assert [message for _, message in found] == [f"job 'j': {message}" for message in told]
    assert all(path.startswith('presubmits["acme/rocket"][0].labels') for path, _ in found)


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("title: '{{.Title}} (#{{.Number}})', body: '{{.GitHub.Author.Login}}{{.Body}}'", ""),
        ("title: '{{.Titel}}'", "title"),
        ("title: ok, body: '{{if .Title}}{{.GitHub.Autor.Login}}{{end}}'", "body"),
        ("body: '{{.GitHub.Milestone.Title}}'", ""),
    ],
)
def test_a_template_that_fails_on_every_pull_request_is_warned_of(warnings: Warnings, template: str, told: str) -> None:
    found = warnings(f"tide: {{queries: [{{orgs: [acme]}}], merge_commit_template: {{acme: {{{template}}}}}}}")
    assert [path for path, _ in found] == ([f"tide.merge_commit_template.acme.{told}"] if told else [])
    assert all(
        "gives no text for any pull request, so that the code host's own is taken: " in text for _, text in found
    )


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (
            queries("{repos: [acme/rocket, acme/saw, acme/axe]}"),
            ("repos[1]", "no job is configured for acme/saw: what merges there needs every status and check run that"),
        ),
        (
            queries("{orgs: [umbrella, acme]}"),
            ("orgs[0]", "no job is configured for umbrella: what merges there needs every status and check run that"),
        ),
        (
            "tide: {queries: [{repos: [acme/saw]}], context_options: {skip-unknown-contexts: true}}",
            ("repos[0]", "no job is configured for acme/saw: what merges there is tested only where GitHub's own"),
        ),
        ("tide: {queries: [{repos: [acme/saw]}], context_options: {required-contexts: [ci]}}", None),
        (queries("{repos: [acme/saw]}") + "in_repo_config: {enabled: {acme/Saw: true}}", None),
        (queries("{repos: [acme/Rocket]}"), None),
    ],
)
def test_what_a_query_names_and_no_job_is_configured_for_is_warned_of(
    write: Write, config: str, told: tuple[str, str] | None
) -> None:
    found = report(write(config, jobs("always_run: true"))).warnings
    jobless = [warning for warning in found if warning.message.startswith("no job is configured")]
    assert len(jobless) == bool(told)
    if told:
        assert jobless[0].path == f"tide.queries[0].{told[0]}"
        assert jobless[0].message.startswith(told[1])


def test_jobs_that_no_query_covers_are_warned_of_once(write: Write) -> None:
    presubmits = ", ".join(f"{repo}: [{{name: j, {SPEC}}}]" for repo in ("Acme/rocket", "acme/saw", "b/c", "b/d"))
    paths = write(queries("{orgs: [acme], excludedRepos: [acme/saw], labels: [a]}"), f"presubmits: {{{presubmits}}}")
    [warning] = [one for one in report(paths).warnings if one.message.startswith("no query")]
    assert warning.path == 'presubmits["acme/saw"]'
    assert warning.message == (
        "no query covers acme/saw: whatever its jobs say, this queue merges nothing there; likewise in 2 more places, "
        f"such as {paths.job_config}/jobs.yaml:1 (b/c) and {paths.job_config}/jobs.yaml:1 (b/d)"
    )


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ("optimistic: true, flake_retries: 0", ["optimistic", "flake_retries"]),
        ("trigger: false, max_runs: 4", ["max_runs"]),
        ("trigger: true, max_runs: 4, max_batch: 2, paused: true, freshness: 30s, jobs_may_read: [a/b]", []),
        ("max_runs: 4, strategy: tide, landing: rest", []),
    ],
)
def test_a_field_of_our_own_file_that_has_no_effect_is_warned_of(
    warnings: Warnings, fields: str, told: list[str]
) -> None:
    found = warnings("", jobs("always_run: true"), f"merge_queue: {{acme: {{{fields}}}}}")
    assert [path for path, _ in found] == [f"merge_queue.acme.{name}" for name in told]
    assert all("has no effect" in message for _, message in found)
