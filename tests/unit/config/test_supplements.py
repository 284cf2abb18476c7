"""Supplemental files: what they may say, and how they are merged into config.yaml."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tide.config.check import report
from tide.config.loaded import LoadedConfig
from tide.config.reload import ConfigSource
from tide.config.sources import ConfigPaths
from tide.domain.errors import Problem
from tide.domain.keys import PoolKey
from tide.domain.pulls import MergeMethod

Load = Callable[..., LoadedConfig]
Problems = Callable[..., list[tuple[str, str]]]
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def test_queries_of_supplemental_files_are_added(loaded: Load) -> None:
    config = loaded(
        "tide: {queries: [{orgs: [acme], labels: [lgtm]}]}",
        more={
            "b": "tide: {queries: [{repos: [b/x], author: bot}]}",
            "a": "tide: {queries: [{repos: [a/x], labels: [lgtm]}]}",
        },
    )
    assert [list(query.orgs + query.repos) for query in config.queries] == [["b/x"], ["acme", "a/x"]]
    assert config.counts.queries == 3


def test_merge_methods_of_all_files_are_united(loaded: Load) -> None:
    config = loaded(
        "tide: {merge_method: {acme: squash}}",
        more={
            "a": "tide: {merge_method: {acme/rocket: rebase}}",
            "b": "tide: {merge_method: {b: {x: {main: rebase}}}}",
        },
    )
    methods = [config.rules(PoolKey.parse(pool)).merge_method for pool in ("acme/a:m", "acme/rocket:m", "b/x:main")]
    assert methods == [MergeMethod.SQUASH, MergeMethod.REBASE, MergeMethod.REBASE]


def test_merge_methods_may_come_from_supplemental_files_alone(loaded: Load) -> None:
    config = loaded(more={"a": "tide: {merge_method: {acme: squash}}"})
    assert config.rules(PoolKey("acme", "rocket", "main")).merge_method is MergeMethod.SQUASH


SMALL = "tide: {queries: [{repos: [acme/rocket]}]}"
JOB = "presubmits: {acme/rocket: [{name: unit, spec: {containers: [{}]}}]}"
PROTECTION = "tide: {context_options: {from-branch-protection: true}}\nbranch-protection:\n"


def test_protection_policies_of_all_levels_are_united(loaded: Load) -> None:
    config = loaded(
        PROTECTION + "  protect: true\n  orgs: {acme: {repos: {rocket: {}}}}",
        more={
            "a": "branch-protection: {orgs: {acme: {required_status_checks: {contexts: [org]}}}}",
            "b": "branch-protection: {orgs: {acme: {repos: {rocket: {required_status_checks: {contexts: [repo]}}}}}}",
            "c": """\
            branch-protection:
              orgs:
                acme:
                  repos:
                    rocket:
                      branches: {main: {protect: true, required_status_checks: {contexts: [branch]}}}
                    other: {}
            """,
        },
    )
    policy = config.rules(PoolKey("acme", "rocket", "main")).context_policy
    assert policy.required == ("branch", "org", "repo")
    assert config.rules(PoolKey("acme", "other", "main")).context_policy.required == ("org",)
    assert config.rules(PoolKey("elsewhere", "a", "main")).context_policy.required == ()


def test_what_holds_for_all_of_branch_protection_may_come_from_a_supplemental_file(loaded: Load) -> None:
    jobs = "presubmits: {acme/rocket: [{name: unit, always_run: true, spec: {containers: [{}]}}]}"
    section = PROTECTION + "  orgs: {acme: {required_status_checks: {contexts: [dco]}}}"
    pool = PoolKey("acme", "rocket", "main")
    assert loaded(section, jobs).rules(pool).context_policy.required == ("unit",)
    config = loaded(section, jobs, more={"a": "branch-protection: {protect-tested-repos: true}"})
    assert config.rules(pool).context_policy.required == ("dco", "unit")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("tide: {merge_method: {acme: squash}}", "tide.merge_method.acme"),
        ("branch-protection: {protect: true}", "branch-protection"),
        ("branch-protection: {protect-tested-repos: true}", "branch-protection.protect-tested-repos"),
        ("branch-protection: {allow_disabled_policies: true}", "branch-protection.allow_disabled_policies"),
        ("branch-protection: {allow_disabled_job_policies: true}", "branch-protection.allow_disabled_job_policies"),
        (
            "branch-protection: {protect_repos_with_optional_jobs: true}",
            "branch-protection.protect_repos_with_optional_jobs",
        ),
        ("branch-protection: {orgs: {acme: {protect: true}}}", "branch-protection.orgs.acme"),
        ("branch-protection: {orgs: {a: {repos: {b: {protect: true}}}}}", "branch-protection.orgs.a.repos.b"),
        (
            "branch-protection: {orgs: {a: {repos: {b: {branches: {c: {protect: true}}}}}}}",
            "branch-protection.orgs.a.repos.b.branches.c",
        ),
        ("slack_reporter_configs: {acme: {channel: a}}", "slack_reporter_configs.acme"),
    ],
)
@pytest.mark.parametrize("where", ["config.yaml and a supplemental file", "two supplemental files"])
def test_what_two_files_set_is_refused_with_both_named(
    refused: Callable[..., tuple[Problem, ...]], text: str, path: str, where: str
) -> None:
    two = where.startswith("two")
    [problem] = refused("" if two else text, more={"a": text, "b": text} if two else {"b": text})
    earlier = "more/a_prowconfig.yaml" if two else "config.yaml"
    assert (problem.path, problem.line) == (path, 1)
    assert problem.file.endswith("more/b_prowconfig.yaml")
    assert "is also set in " in problem.message
    assert f"{earlier}; keep it in one of the two files" in problem.message


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("tide: {sync_period: 1m}", "tide.sync_period"),
        ("tide: {context_options: {skip-unknown-contexts: false}}", "tide.context_options"),
        ("tide: {batch_size_limit: {acme: 1}}", "tide.batch_size_limit"),
        ("plank: {job_queue_capacities: {a: 1}}", "plank"),
        ("deck: {spyglass: {size_limit: 5}}", "deck"),
        ("in_repo_config: {enabled: {'*': true}}", "in_repo_config"),
        ("pod_namespace: pods", "pod_namespace"),
        ("prowjob_default_entries: [{config: {tenant_id: a}}]", "prowjob_default_entries"),
    ],
)
def test_anything_else_in_a_supplemental_file_is_refused(problems: Problems, text: str, path: str) -> None:
    [(found, message)] = problems(more={"a": text})
    assert found == path
    assert message == (
        "cannot be set in a supplemental file: only branch-protection, slack_reporter_configs, tide.merge_method and "
        "tide.queries can"
    )


def test_what_says_nothing_is_no_harm_in_a_supplemental_file(problems: Problems) -> None:
    text = "{plank: {}, deck: {spyglass: {}}, log_level: '', tide: {max_goroutines: 0, context_options: {orgs: {}}}}"
    assert problems(more={"a": text, "b": "", "c": "# nothing"}) == []


def test_jobs_in_a_supplemental_file_have_no_effect_and_are_warned_of(write: Callable[..., ConfigPaths]) -> None:
    found = report(write(more={"a": "presubmits: {acme/rocket: [{name: unit, spec: {containers: [{}]}}]}"}))
    assert found.counts.presubmits == 0
    assert [(warning.path, warning.message) for warning in found.warnings] == [
        ("presubmits", "has no effect in a supplemental file; jobs belong under --job-config-path")
    ]


def test_the_rules_for_queries_and_methods_hold_in_supplemental_files(
    refused: Callable[..., tuple[Problem, ...]],
) -> None:
    found = refused(
        "tide: {queries: [{orgs: [acme]}]}",
        more={"a": "tide:\n  queries:\n  - labels: [a]\n  merge_method: {b: fast}\n", "c": "tide: ["},
    )
    assert [(problem.file.rsplit("/", 1)[1], problem.line, problem.path) for problem in found] == [
        ("c_prowconfig.yaml", 2, ""),
        ("a_prowconfig.yaml", 3, "tide.queries[0]"),
        ("a_prowconfig.yaml", 4, "tide.merge_method.b"),
    ]


def test_unknown_keys_of_supplemental_files_are_told(write: Callable[..., ConfigPaths]) -> None:
    paths = write(SMALL, JOB, more={"a": "tide: {querys: []}\ngadget: 1"})
    assert [warning.path for warning in report(paths).warnings] == ["gadget", "tide.querys"]
    assert [error.path for error in report(paths, strict=True).errors] == ["gadget", "tide.querys"]


def test_a_changed_supplemental_file_is_taken_over(write: Callable[..., ConfigPaths]) -> None:
    source = ConfigSource(write(more={"a": "tide: {queries: [{orgs: [acme]}]}"}))
    write(more={"a": "tide: {queries: [{orgs: [acme, beta]}]}"})
    assert source.refresh(NOW) is True
    assert list(source.current.queries[0].orgs) == ["acme", "beta"]
    write(more={"_": "tide: {queries: [{orgs: [gamma]}]}"})
    assert source.refresh(NOW) is True
    assert list(source.current.queries[0].orgs) == ["gamma", "acme", "beta"]
    write(more={"_": "tide: {sync_period: 1m}"})
    assert source.refresh(NOW) is False
    assert [problem.path for problem in source.problems] == ["tide.sync_period"]


def test_another_suffix_may_be_asked_for(write: Callable[..., ConfigPaths]) -> None:
    paths = write(more={"a": "tide: {queries: [{orgs: [acme]}]}"})
    (paths.supplemental[0] / "b.conf").write_text("tide: {queries: [{orgs: [beta]}]}")
    other = ConfigPaths(paths.config, None, None, paths.supplemental, ".conf")
    assert [query.orgs for query in ConfigSource(other).current.queries] == [("beta",)]
