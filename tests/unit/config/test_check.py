import json
from collections.abc import Callable

import pytest

from tide.config.check import report
from tide.config.loading import load
from tide.config.parsing import Parser
from tide.config.sources import ConfigPaths, read_sources
from tide.domain.errors import ConfigError

Write = Callable[..., ConfigPaths]
SPEC = "spec: {containers: [{}]}"
QUERY = "queries: [{orgs: [a], labels: [lgtm]}]"
JOBS = f"presubmits: {{a/b: [{{name: j, {SPEC}}}]}}"


def test_a_configuration_without_queries_is_an_error_though_the_daemon_starts(write: Write) -> None:
    for nothing in ("", "tide: {queries: []}", "plank: {}"):
        paths = write(nothing)
        [error] = report(paths).errors
        assert (error.file, error.path) == (str(paths.config), "tide.queries")
        assert error.message == "no query: nothing will ever merge"
        assert load(read_sources(paths), Parser()).queries == ()


def test_a_manifest_is_told_to_be_one(write: Write) -> None:
    manifest = f"apiVersion: v1\nkind: ConfigMap\ndata:\n  config.yaml: |\n    tide: {{{QUERY}}}\n"
    paths = write(manifest)
    found = report(paths)
    [error] = found.errors
    assert found.warnings == ()
    assert (error.line, error.path) == (2, "kind")
    assert error.message == (
        "this is a manifest of the kind ConfigMap, and no configuration: nothing in it is read; give what stands in it "
        "under data"
    )
    with pytest.raises(ConfigError, match="manifest of the kind ConfigMap"):
        load(read_sources(paths), Parser())


def test_a_manifest_among_the_jobs_is_warned_of(write: Write) -> None:
    manifest = (
        f"apiVersion: v1\nkind: ConfigMap\ndata:\n  jobs.yaml: |\n    presubmits: {{a/b: [{{name: a, {SPEC}}}]}}\n"
    )
    found = report(write(f"tide: {{{QUERY}}}", manifest))
    [warning] = [one for one in found.warnings if one.path == "kind"]
    assert found.errors == ()
    assert (warning.line, warning.message.partition(",")[0]) == (2, "this is a manifest of the kind ConfigMap")


def test_a_good_configuration_has_counts_and_no_problems(write: Write) -> None:
    found = report(
        write(
            "tide: {queries: [{orgs: [a]}, {orgs: [b]}]}",
            f"""\
            presubmits: {{a/b: [{{name: a, {SPEC}}}], b/c: [{{name: a, {SPEC}}}, {{name: b, {SPEC}}}]}}
            postsubmits: {{a/b: [{{name: a, {SPEC}}}]}}
            periodics: [{{name: a, interval: 1h, {SPEC}}}]
            """,
        )
    )
    assert found.is_good
    assert json.loads(found.as_json()) == {
        "presubmits": 3,
        "postsubmits": 1,
        "periodics": 1,
        "queries": 2,
        "errors": [],
        "warnings": [],
    }
    assert found.as_text() == "3 presubmits, 1 postsubmit, 1 periodic, 2 queries: 0 errors, 0 warnings"


def test_what_refuses_the_load_is_an_error(write: Write) -> None:
    paths = write("tide:\n  max_goroutines: -1\n")
    found = report(paths)
    assert json.loads(found.as_json())["errors"] == [
        {
            "file": str(paths.config),
            "line": 2,
            "path": "tide.max_goroutines",
            "message": "must be above 0, not -1; leave it out for 20",
        }
    ]
    assert found.as_text().splitlines()[0] == (
        f"error: {paths.config}:2: tide.max_goroutines: must be above 0, not -1; leave it out for 20"
    )


def test_what_breaks_single_pools_is_an_error_though_the_daemon_starts(write: Write) -> None:
    found = report(write(f"tide: {{{QUERY}, context_options: {{required-contexts: [a], optional-contexts: [a]}}}}"))
    assert [error.path for error in found.errors] == ["tide.context_options.optional-contexts"]


def test_what_refuses_the_load_does_not_hide_what_else_is_wrong(write: Write) -> None:
    section = "context_options: {required-contexts: [a], optional-contexts: [a]}, pr_status_base_url: b"
    found = report(write(f"tide: {{max_goroutines: -1, {section}}}"))
    assert [error.path for error in found.errors] == ["tide.max_goroutines", "tide.context_options.optional-contexts"]
    assert [warning.path for warning in found.warnings] == ["tide.pr_status_base_url"]


def test_what_is_not_available_yet_is_a_warning(write: Write) -> None:
    found = report(
        write(
            f"tide: {{{QUERY}}}",
            JOBS,
            own="merge_queue:\n  '*':\n    strategy: gate\n  acme/rocket: {strategy: tide, landing: push}",
        )
    )
    assert found.is_good
    assert [(warning.line, warning.path, warning.message) for warning in found.warnings] == [
        (
            3,
            'merge_queue["*"].strategy',
            "the strategy `gate` is not available yet: the pools that this applies to will wait; set it to `tide`",
        ),
        (
            4,
            'merge_queue["acme/rocket"].landing',
            "landing by `push` is not available yet: the pools that this applies to will wait; set it to `rest`",
        ),
    ]


def test_unknown_keys_are_warnings_and_with_strict_errors(write: Write) -> None:
    jobs = "presubmits:\n  a/b:\n  - name: a\n    decorate_config: {}\n    " + SPEC
    paths = write(f"tide: {{{QUERY}, sync_perod: 2m}}", jobs)
    assert [(warning.path, warning.line) for warning in report(paths).warnings] == [
        ("tide.sync_perod", 1),
        ('presubmits["a/b"][0].decorate_config', 4),
    ]
    assert report(paths).is_good
    strict = report(paths, strict=True)
    assert [error.path for error in strict.errors] == ["tide.sync_perod", 'presubmits["a/b"][0].decorate_config']
    assert strict.warnings == ()


def test_a_key_that_is_unknown_again_and_again_is_one_warning(write: Write) -> None:
    job = f"{{name: NAME, odd: 1, {SPEC}}}"
    jobs = ", ".join(job.replace("NAME", name) for name in "abc")
    paths = write(f"tide: {{{QUERY}}}", f"presubmits:\n  a/b: [{jobs}]\n  a/c: [{job}]\n")
    [warning] = report(paths).warnings
    assert warning.path == 'presubmits["a/b"][0].odd'
    place = f"{paths.job_config}/jobs.yaml:2"
    assert warning.message == f"is not known to Prow; likewise in 3 more places, such as {place} and {place}"


def test_each_unknown_key_of_a_query_is_a_warning_that_says_what_it_leads_to(write: Write) -> None:
    unknown = ("lables: [a]", "lables: [b]", "missing_label: [a]", "milstone: a", "age: 3", "repo: [a/b]")
    queries = ", ".join(f"{{orgs: [acme{number}], {field}}}" for number, field in enumerate(unknown))
    found = report(write(f"tide:\n  queries: [{queries}]"))
    wider = "unknown field; the query is wider than you may think"
    again = f"likewise in 1 more place, such as {found.warnings[0].file}:2"
    assert found.is_good
    assert [(warning.path, warning.message) for warning in found.warnings if "unknown field" in warning.message] == [
        (
            "tide.queries[0].lables",
            f"{wider}: pull requests may merge without these labels; did you mean `labels`?; {again}",
        ),
        (
            "tide.queries[2].missing_label",
            f"{wider}: pull requests may merge that have these labels; did you mean `missingLabels`?",
        ),
        ("tide.queries[3].milstone", f"{wider}; did you mean `milestone`?"),
        ("tide.queries[4].age", wider),
        ("tide.queries[5].repo", "unknown field; did you mean `repos`?"),
    ]


def test_text_that_is_lost_is_a_warning(write: Write) -> None:
    found = report(
        write(
            f"tide: {{{QUERY}}}",
            """\
            presubmits:
              a/b:
              - name: 1.10
                labels: {a: 2, b: yes, c: "1.10"}
                spec:
                  containers:
                  - env:
                    - {name: A, value: 017}
                    - {name: B, value: 17}
            """,
        )
    )
    assert [(warning.line, warning.path, warning.message) for warning in found.warnings] == [
        (3, 'presubmits["a/b"][0].name', "is read as '1.1', not as '1.10'; put it in quotes"),
        (4, 'presubmits["a/b"][0].labels.b', "is read as 'true', not as 'yes'; put it in quotes"),
        (
            8,
            'presubmits["a/b"][0].spec.containers[0].env[0].value',
            "is read as '15', not as '017'; put it in quotes",
        ),
    ]


def test_one_text_that_is_lost_again_and_again_is_one_warning(write: Write) -> None:
    labels = "labels: {a: on, b: no, c: on, d: on, e: on}"
    paths = write(f"tide: {{{QUERY}}}", f"presubmits: {{a/b: [{{name: a, {labels}, {SPEC}}}]}}")
    place = f"{paths.job_config}/jobs.yaml:1"
    assert [(warning.path, warning.message) for warning in report(paths).warnings] == [
        (
            'presubmits["a/b"][0].labels.a',
            f"is read as 'true', not as 'on'; put it in quotes; likewise in 3 more places, such as {place} and {place}",
        ),
        ('presubmits["a/b"][0].labels.b', "is read as 'false', not as 'no'; put it in quotes"),
    ]


def test_one_contradiction_is_told_once(write: Write) -> None:
    itself = f"tide: {{{QUERY}, context_options: {{required-contexts: [a], optional-contexts: [a]}}}}"
    assert len(report(write(itself, JOBS)).errors) == 1
    jobs = f"presubmits: {{a/b: [{{name: j, always_run: true, {SPEC}}}], a/c: [{{name: j, always_run: true, {SPEC}}}]}}"
    [error] = report(write(f"tide: {{{QUERY}, context_options: {{optional-contexts: [j]}}}}", jobs)).errors
    reason = "contexts j are defined as required and optional"
    assert error.message == f"for a/b:main, a/b:master, a/c:main and 1 more: {reason}"


def test_a_configuration_that_is_refused_is_counted_and_looked_at_all_the_same(write: Write) -> None:
    jobs = f"presubmits: {{a/b: [{{name: a b, naem: c, {SPEC}}}]}}"
    found = report(write("tide: {queries: [{orgs: [a]}]}", jobs), strict=True)
    assert (found.counts.presubmits, found.counts.queries) == (1, 1)
    assert [error.path for error in found.errors] == [
        'presubmits["a/b"][0].name',
        'presubmits["a/b"][0].naem',
    ]


def test_a_file_that_cannot_be_read_is_the_only_thing_told(write: Write) -> None:
    paths = write()
    paths.config.unlink()
    found = report(paths)
    assert [error.message for error in found.errors] == ["cannot be read: No such file or directory"]
