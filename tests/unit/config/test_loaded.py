"""What a loaded configuration says about one pool."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tide.config.loaded import LoadedConfig
from tide.config.loading import LoadOptions
from tide.domain.errors import ConfigError
from tide.domain.grants import NO_GRANTS, CloneGrants
from tide.domain.keys import PoolKey, RepoKey
from tide.domain.pulls import MergeMethod
from tide.domain.rules import BlocksPolicy, LandingMode, QueueSettings, Strategy

if TYPE_CHECKING:
    from tide.ports.job_config import JobConfig

Load = Callable[..., LoadedConfig]
MAIN = PoolKey("acme", "rocket", "main")
SPEC = "spec: {containers: [{}]}"


def test_it_is_what_the_port_promises(loaded: Load) -> None:
    config: JobConfig = loaded("github: {link_url: https://github.example/}")
    assert config.link_url == "https://github.example"
    assert config.search_per_repository is config.search_per_org is False
    assert len(config.digest) == 64


def test_a_scheduler_is_noticed(loaded: Load) -> None:
    assert loaded().has_scheduler is False
    assert loaded("scheduler: {enabled: true}").has_scheduler is True


@pytest.mark.parametrize(
    ("pool", "method"),
    [
        ("acme/rocket:main", MergeMethod.SQUASH),
        ("acme/rocket:release-1", MergeMethod.REBASE),
        ("acme/rocket:frozen", MergeMethod.MERGE),
        ("acme/other:main", MergeMethod.REBASE),
        ("flat/any:main", MergeMethod.SQUASH),
        ("unknown/any:main", MergeMethod.MERGE),
    ],
)
def test_the_merge_method_is_looked_up_from_narrow_to_wide(loaded: Load, pool: str, method: MergeMethod) -> None:
    config = loaded(
        """\
        tide:
          merge_method:
            acme/rocket@frozen: merge
            acme:
              rocket: {"^release-": rebase, "ma": squash}
              "*": rebase
            flat: squash
        """
    )
    assert config.rules(PoolKey.parse(pool)).merge_method is method


@pytest.mark.parametrize(
    ("table", "key", "expected"),
    [
        ("batch_size_limit: {}", "batch_size_limit", 0),
        ("batch_size_limit: {'*': 3}", "batch_size_limit", 3),
        ("batch_size_limit: {'*': 3, acme: 4}", "batch_size_limit", 4),
        ("batch_size_limit: {'*': 3, acme: 4, acme/rocket: -1}", "batch_size_limit", -1),
        ("prioritize_existing_batches: {}", "prioritize_existing_batches", True),
        ("prioritize_existing_batches: {acme: false}", "prioritize_existing_batches", False),
        ("github_merge_blocks_policy: {}", "blocks_policy", BlocksPolicy.PERMIT),
        ("github_merge_blocks_policy: {acme/rocket: block, acme: ignore}", "blocks_policy", BlocksPolicy.BLOCK),
        ("squash_label: s", "squash_label", "s"),
        ("rebase_label: r", "rebase_label", "r"),
        ("merge_label: m", "merge_label", "m"),
        ("priority: [{labels: [a, b]}, {labels: [c]}]", "priority", (("a", "b"), ("c",))),
    ],
)
def test_a_pool_gets_what_its_narrowest_key_says(loaded: Load, table: str, key: str, expected: object) -> None:
    assert getattr(loaded(f"tide: {{{table}}}").rules(MAIN), key) == expected


def test_a_pool_gets_the_queries_that_cover_its_repository(loaded: Load) -> None:
    config = loaded("tide: {queries: [{repos: [acme/rocket], labels: [a]}, {orgs: [z]}, {orgs: [acme], author: b}]}")
    assert [query.orgs or query.repos for query in config.rules(MAIN).queries] == [("acme",), ("acme/rocket",)]


@pytest.mark.parametrize(
    ("enabled", "expected"),
    [("{}", False), ("{'*': true}", True), ("{'*': true, acme: false}", False), ("{acme/rocket: true}", True)],
)
def test_in_repo_config_is_enabled_by_the_narrowest_key(loaded: Load, enabled: str, expected: bool) -> None:  # noqa: FBT001 - a table
    config = loaded(f"in_repo_config: {{enabled: {enabled}}}")
    assert config.in_repo_enabled(RepoKey("acme", "rocket")) is expected
    assert config.rules(MAIN).in_repo_config is expected


def test_context_options_refine_each_other_from_wide_to_narrow(loaded: Load) -> None:
    config = loaded(
        """\
        tide:
          context_options:
            skip-unknown-contexts: true
            optional-contexts: [a]
            orgs:
              acme:
                required-contexts: [b]
                repos:
                  rocket:
                    skip-unknown-contexts: false
                    branches:
                      main: {required-contexts: ["c (1, x)"], optional-regex-contexts: [^opt/]}
        """
    )
    policy = config.rules(MAIN).context_policy
    assert (policy.required, policy.optional) == (("b", "c (1, x)"), ("a",))
    assert (policy.optional_patterns, policy.skip_unknown) == (("^opt/",), False)
    assert config.rules(PoolKey("acme", "other", "main")).context_policy.skip_unknown is True


def test_jobs_decide_which_contexts_are_required(loaded: Load) -> None:
    config = loaded(
        jobs=f"""\
        presubmits:
          acme/rocket:
          - {{name: always, always_run: true, {SPEC}}}
          - {{name: changed, run_if_changed: a, {SPEC}}}
          - {{name: manual, {SPEC}}}
          - {{name: optional, always_run: true, optional: true, {SPEC}}}
          - {{name: silent, always_run: true, skip_report: true, {SPEC}}}
          - {{name: elsewhere, always_run: true, branches: [release], {SPEC}}}
        """
    )
    policy = config.rules(MAIN).context_policy
    assert policy.required == ("always",)
    assert policy.required_if_present == ("changed", "manual")
    assert policy.optional == ("optional", "silent")


def test_context_options_of_all_levels_are_one_with_what_jobs_say(loaded: Load) -> None:
    config = loaded(
        """\
        tide:
          context_options:
            required-if-present-contexts: [deploy]
            optional-contexts: [preview]
            orgs: {acme: {repos: {rocket: {branches: {main: {required-contexts: [cla]}}}}}}
        """,
        f"""\
        presubmits:
          acme/rocket:
          - {{name: unit, always_run: true, {SPEC}}}
          - {{name: docs, optional: true, {SPEC}}}
        """,
    )
    policy = config.rules(MAIN).context_policy
    assert (policy.required, policy.required_if_present) == (("cla", "unit"), ("deploy",))
    assert policy.optional == ("docs", "preview")
    dev = config.rules(PoolKey("acme", "rocket", "dev")).context_policy
    assert dev.required == ("unit",)


PROTECTED = """\
tide: {context_options: {from-branch-protection: true}}
branch-protection:
  required_status_checks: {contexts: [cla]}
  orgs:
    acme:
      protect: true
      required_status_checks: {contexts: [dco]}
      repos:
        rocket:
          branches:
            manual: {require_manually_triggered_jobs: true}
            open: {protect: false}
            unmanaged: {unmanaged: true}
"""


@pytest.mark.parametrize(
    ("pool", "required"),
    [
        ("acme/rocket:main", ("cla", "dco")),
        ("acme/other:main", ("cla", "dco")),
        ("acme/rocket:unmanaged", ("cla", "dco")),
        ("unlisted/rocket:main", ()),
        # protect: false beside other settings is broken: Tide goes on as if nothing were said.
        ("acme/rocket:open", ()),
    ],
)
def test_branch_protection_adds_contexts_where_it_is_asked(loaded: Load, pool: str, required: tuple[str, ...]) -> None:
    assert loaded(PROTECTED).rules(PoolKey.parse(pool)).context_policy.required == required
    without = PROTECTED.replace("from-branch-protection: true", "")
    assert loaded(without).rules(PoolKey.parse(pool)).context_policy.required == ()


def test_branch_protection_may_require_jobs_that_only_a_command_starts(loaded: Load) -> None:
    jobs = f"presubmits: {{acme/rocket: [{{name: manual, {SPEC}}}]}}"
    config = loaded(PROTECTED, jobs)
    rules = config.rules(PoolKey("acme", "rocket", "manual"))
    assert rules.require_manually_triggered is True
    assert "manual" in rules.context_policy.required
    assert config.rules(MAIN).require_manually_triggered is False
    assert config.rules(MAIN).context_policy.required_if_present == ("manual",)


@pytest.mark.parametrize(
    ("section", "required"),
    [
        # Required jobs make protection apply only where protect-tested-repos says so.
        ("{orgs: {acme: {required_status_checks: {contexts: [dco]}}}}", ("unit",)),
        ("{protect-tested-repos: true, orgs: {acme: {required_status_checks: {contexts: [dco]}}}}", ("dco", "unit")),
        ("{orgs: {acme: {protect: false}}}", ("unit",)),
        ("{allow_disabled_job_policies: true, orgs: {acme: {protect: false}}}", ("unit",)),
        # A configured branch must say whether it is protected.
        ("{orgs: {acme: {repos: {rocket: {branches: {main: {enforce_admins: true}}}}}}}", ("unit",)),
    ],
)
def test_protection_beside_required_jobs(loaded: Load, section: str, required: tuple[str, ...]) -> None:
    config = loaded(
        f"tide: {{context_options: {{from-branch-protection: true}}}}\nbranch-protection: {section}",
        f"presubmits: {{acme/rocket: [{{name: unit, always_run: true, {SPEC}}}]}}",
    )
    assert config.rules(MAIN).context_policy.required == required


def test_contexts_that_contradict_jobs_are_an_error_of_that_pool_alone(loaded: Load) -> None:
    config = loaded(
        "tide:\n  context_options: {optional-contexts: [unit]}\n",
        f"presubmits: {{acme/rocket: [{{name: unit, always_run: true, {SPEC}}}]}}",
    )
    with pytest.raises(
        ConfigError, match="for acme/rocket:main: contexts unit are defined as required and optional"
    ) as error:
        config.rules(MAIN)
    [problem] = error.value.problems
    assert (problem.line, problem.path) == (2, "tide.context_options")
    assert config.rules(PoolKey("acme", "other", "main")).context_policy.optional == ("unit",)


OWN = """\
merge_queue:
  "*": {max_runs: 4, freshness: 30s}
  acme: {strategy: gate, max_batch: 3}
  acme/rocket: {landing: push, max_runs: 2, update_branch: true}
  acme/rocket@main: {paused: true}
"""


@pytest.mark.parametrize(
    ("repo", "title", "body"),
    [("acme/rocket", "", "of the repository"), ("acme/other", "of the org", "too"), ("beta/x", "", "")],
)
def test_commit_templates_are_those_of_the_repository_or_else_of_its_org(
    loaded: Load, repo: str, title: str, body: str
) -> None:
    table = "{acme: {title: of the org, body: too}, acme/rocket: {body: of the repository}, '*': {title: no}}"
    templates = (
        loaded(f"tide: {{merge_commit_template: {table}}}").rules(PoolKey.parse(f"{repo}:main")).commit_templates
    )
    assert (templates.title, templates.body) == (title, body)


def test_our_own_settings_are_put_together_field_by_field(loaded: Load) -> None:
    settings = loaded(own=OWN).rules(MAIN).settings
    assert settings == QueueSettings(
        strategy=Strategy.GATE,
        paused=True,
        max_runs=2,
        max_batch=3,
        landing=LandingMode.PUSH,
        freshness=timedelta(seconds=30),
        update_branch=True,
    )
    assert loaded(own=OWN).rules(PoolKey("other", "a", "b")).settings.max_runs == 4


JOBS = """\
presubmits:
  acme/rocket:
    - name: unit
      always_run: true
      clone_uri: git@github.com:acme/rocket.git
      spec: {containers: [{}]}
      extra_refs:
        - {org: acme, repo: tools, base_ref: main}
        - {org: other, repo: lib, base_ref: main, clone_uri: "https://git.example.com/lib.git"}
"""


def test_jobs_may_clone_what_configured_jobs_name_and_what_is_listed_for_the_pool(loaded: Load) -> None:
    listed = "merge_queue: {acme: {jobs_may_read: [acme/plans]}, acme/rocket@dev: {jobs_may_read: []}}"
    config = loaded(jobs=JOBS, own=listed)
    tools, plans, rocket = (RepoKey("acme", name) for name in ("tools", "plans", "rocket"))
    assert config.clone_grants(MAIN) == CloneGrants(
        frozenset({tools, plans}),
        {"git@github.com:acme/rocket.git": rocket, "https://git.example.com/lib.git": RepoKey("other", "lib")},
    )
    assert config.clone_grants(PoolKey("acme", "rocket", "dev")).repositories == {tools}
    assert config.clone_grants(PoolKey("acme", "other", "main")) == CloneGrants(frozenset({plans}), {})
    assert config.clone_grants(PoolKey("beta", "x", "main")) == NO_GRANTS


def test_trigger_is_as_the_backend_wants_it_unless_it_is_set(loaded: Load) -> None:
    local = LoadOptions(trigger_by_default=True)
    assert loaded(options=local).rules(MAIN).settings.trigger is True
    assert loaded().rules(MAIN).settings.trigger is False
    assert loaded(own="merge_queue: {acme: {trigger: false}}", options=local).rules(MAIN).settings.trigger is False


@pytest.mark.parametrize(
    ("own", "path", "message"),
    [
        ("merge_queue: {'*': {speed: 3}}", 'merge_queue["*"].speed', "'speed' is no field that is known here"),
        ("queue: {}", "queue", "'queue' is no field that is known here"),
        ("merge_queue: {acme: {paused: 'yes'}}", "merge_queue.acme.paused", "must be true or false, not 'yes'"),
        ("merge_queue: {acme: {max_runs: 0}}", "merge_queue.acme.max_runs", "greater than or equal to 1"),
        ("merge_queue: {acme: {max_runs: '3'}}", "merge_queue.acme.max_runs", "must be a whole number, not '3'"),
        ("merge_queue: {acme: {strategy: fast}}", "merge_queue.acme.strategy", "'tide' or 'gate'"),
        ("merge_queue: {acme: {landing: tree}}", "merge_queue.acme.landing", "'rest' or 'push'"),
        ("merge_queue: {acme: {freshness: 60}}", "merge_queue.acme.freshness", "is not a duration such as"),
        ("merge_queue: {acme: {freshness: -1s}}", "merge_queue.acme.freshness", "must not be negative"),
        (
            "merge_queue: {acme: {jobs_may_read: [plans]}}",
            "merge_queue.acme.jobs_may_read[0]",
            "is not of the form org/repo",
        ),
        (
            "merge_queue: {acme: {jobs_may_read: ['a /b']}}",
            "merge_queue.acme.jobs_may_read[0]",
            "must be of the form org/repo",
        ),
        ("merge_queue: {a/b/c: {}}", 'merge_queue["a/b/c"]', "neither `*` nor of the form org"),
        ("merge_queue: {acme@main: {}}", 'merge_queue["acme@main"]', "neither `*` nor of the form org"),
        ("merge_queue: []", "merge_queue", "must be a mapping, not a list"),
        ("merge_queue: {acme: 3}", "merge_queue.acme", "must be a mapping, not 3"),
    ],
)
def test_mistakes_in_our_own_file_are_errors(
    problems: Callable[..., list[tuple[str, str]]], own: str, path: str, message: str
) -> None:
    [(found, text)] = problems(own=own)
    assert found == path
    assert message in text


def test_a_deprecated_address_stands_for_all_repositories(loaded: Load) -> None:
    config = loaded("tide: {target_url: a, pr_status_base_url: b}")
    for repo in (RepoKey("acme", "rocket"), RepoKey("other", "a")):
        assert (config.target_url(repo), config.pr_status_base_url(repo)) == ("a", "b")
    assert loaded("").target_url(RepoKey("acme", "rocket")) == ""


def test_a_method_that_is_null_or_empty_leaves_it_to_the_wider_levels(loaded: Load) -> None:
    methods = "{acme: squash, acme/rocket: null, acme/rocket@main: ''}"
    assert loaded(f"tide: {{merge_method: {methods}}}").rules(MAIN).merge_method is MergeMethod.SQUASH


def test_addresses_are_looked_up_from_narrow_to_wide(loaded: Load) -> None:
    config = loaded("tide: {target_urls: {'*': a, acme: b}, pr_status_base_urls: {'*': c, acme/rocket: d}}")
    rocket, other = RepoKey("acme", "rocket"), RepoKey("other", "a")
    assert (config.target_url(rocket), config.target_url(other)) == ("b", "a")
    assert (config.pr_status_base_url(rocket), config.pr_status_base_url(other)) == ("d", "c")
    assert loaded("tide: {target_url: e}").target_url(rocket) == "e"


def test_what_a_status_needs_is_part_of_the_rules(loaded: Load) -> None:
    config = loaded(
        """\
        tide:
          target_urls: {acme/rocket: a}
          pr_status_base_urls: {"*": b}
          display_all_tide_queries_in_status: true
          context_options:
            overwrite-pending-contexts: true
            orgs: {acme: {repos: {other: {overwrite-pending-contexts: false}}}}
        """
    )
    rocket, other = config.rules(MAIN), config.rules(PoolKey("acme", "other", "main"))
    assert (rocket.target_url, rocket.pr_status_base_url, other.target_url) == ("a", "b", "")
    assert (rocket.display_all_queries, loaded("").rules(MAIN).display_all_queries) == (True, False)
    assert (rocket.overwrite_pending, other.overwrite_pending) == (True, False)


@pytest.mark.parametrize(
    ("allowed", "clusters"),
    [
        ("{}", {"default"}),
        ("{'*': []}", set()),
        ("{acme: [a], acme/rocket: [b], other: [c]}", {"default", "a", "b"}),
        ("{'*': [x], acme/rocket: [b]}", {"x", "b"}),
    ],
)
def test_in_repo_jobs_may_run_in_the_clusters_of_all_keys(loaded: Load, allowed: str, clusters: set[str]) -> None:
    config = loaded(f"in_repo_config: {{allowed_clusters: {allowed}}}")
    assert config.allowed_clusters(RepoKey("acme", "rocket")) == clusters


def test_repositories_are_those_that_queries_and_jobs_name(loaded: Load) -> None:
    config = loaded(
        "tide: {queries: [{orgs: [acme]}, {repos: [acme-b/x], labels: [a]}]}",
        f"presubmits: {{acme/rocket: [{{name: a, {SPEC}}}], https://host/a/b: [{{name: a, {SPEC}}}]}}",
    )
    assert list(map(str, config.repositories)) == ["acme/rocket", "acme-b/x"]


ANY_CASE = """\
tide:
  queries: [{orgs: [ACME]}]
  merge_method: {Acme: {Rocket: squash}}
  merge_commit_template: {Acme/rocket: {title: t}}
  target_urls: {Acme: "https://a"}
  pr_status_base_urls: {"*": "https://b", ACME/rocket: "https://c"}
  batch_size_limit: {"*": 3, Acme: 4}
  prioritize_existing_batches: {acme/Rocket: false}
  github_merge_blocks_policy: {ACME: block}
  context_options: {from-branch-protection: true, orgs: {Acme: {repos: {Rocket: {optional-contexts: [a]}}}}}
in_repo_config: {enabled: {Acme: true}, allowed_clusters: {ACME/Rocket: [fast]}}
branch-protection:
  orgs: {Acme: {repos: {Rocket: {protect: true, required_status_checks: {contexts: [b]}}}}}
plank: {default_decoration_configs: {Acme/ROCKET: {timeout: 3m}}}
presubmits: {Acme/rocket: [{name: unit, always_run: true, decorate: true, spec: {containers: [{args: [a]}]}}]}
"""


def test_names_mean_what_github_takes_them_for_in_whatever_case_they_are_written(loaded: Load) -> None:
    config = loaded(ANY_CASE, own="merge_queue: {Acme/Rocket@main: {max_batch: 7}, ACME: {paused: true}}")
    rules, repo = config.rules(MAIN), MAIN.repository
    assert len(rules.queries) == 1
    assert (rules.merge_method, rules.commit_templates.title) == (MergeMethod.SQUASH, "t")
    assert (rules.target_url, rules.pr_status_base_url) == ("https://a", "https://c")
    assert (rules.batch_size_limit, rules.prioritize_existing_batches) == (4, False)
    assert (rules.blocks_policy, rules.in_repo_config) == (BlocksPolicy.BLOCK, True)
    assert config.allowed_clusters(repo) == {"default", "fast"}
    assert (rules.context_policy.required, rules.context_policy.optional) == (("b", "unit"), ("a",))
    assert (rules.settings.paused, rules.settings.max_batch) == (True, 7)
    [job] = config.presubmits(repo)
    assert job.definition["decoration_config"] == {"timeout": "3m"}
    assert config.repositories == (RepoKey("Acme", "rocket"),)


def test_prows_trigger_finds_jobs_by_their_very_spelling(loaded: Load) -> None:
    config = loaded("tide: {queries: [{repos: [ACME/rocket]}]}", f"presubmits: {{Acme/rocket: [{{name: a, {SPEC}}}]}}")
    [spelled] = config.repositories
    assert [job.name for job in config.presubmits_in_prow(spelled)] == ["a"]
    assert config.presubmits_in_prow(RepoKey("acme", "rocket")) == ()


def test_a_branch_behind_a_name_keeps_its_case(loaded: Load) -> None:
    config = loaded(own="merge_queue: {Acme/rocket@Main: {paused: true}}")
    assert config.rules(MAIN).settings.paused is False
    assert config.rules(PoolKey("acme", "rocket", "Main")).settings.paused is True


def test_what_is_written_as_github_spells_it_comes_before_another_case(loaded: Load) -> None:
    config = loaded("tide: {batch_size_limit: {ACME: 1, acme: 2}, merge_method: {Acme: rebase, acme: squash}}")
    assert (config.rules(MAIN).batch_size_limit, config.rules(MAIN).merge_method) == (2, MergeMethod.SQUASH)
