from collections.abc import Callable

from tide.config.loaded import LoadedConfig
from tide.domain.keys import RepoKey

Load = Callable[..., LoadedConfig]


def test_queries_with_equal_criteria_become_one(loaded: Load) -> None:
    config = loaded(
        """\
        tide:
          queries:
          - {repos: [acme/a], labels: [w, x], missingLabels: [z]}
          - {repos: [acme/b], labels: [x, w], missingLabels: [z]}
          - {orgs: [other], labels: [w, x], missingLabels: [z]}
          - {repos: [acme/c], labels: [x]}
        """
    )
    assert [(query.index, query.orgs, query.repos, query.labels) for query in config.queries] == [
        (0, ("other",), ("acme/a", "acme/b"), ("w", "x")),
        (1, (), ("acme/c",), ("x",)),
    ]
    assert config.counts.queries == 4


def test_queries_of_different_tenants_stay_apart(loaded: Load) -> None:
    queries = "tide: {queries: [{repos: [acme/a]}, {repos: [other/b]}]}\n"
    assert len(loaded(queries).queries) == 1
    tenants = "prowjob_default_entries: [{repo: acme, config: {tenant_id: rockets}}]\n"
    assert len(loaded(queries + tenants).queries) == 2


def test_the_order_is_that_of_the_json_and_not_of_the_file(loaded: Load) -> None:
    config = loaded("tide: {queries: [{orgs: [b]}, {orgs: [a], milestone: v1}, {orgs: [c], author: bot}]}")
    assert [query.orgs for query in config.queries] == [("c",), ("a",), ("b",)]
    assert [query.index for query in config.queries] == [0, 1, 2]


def test_a_repository_that_one_query_covers_is_not_lost_to_the_exclusion_of_another(loaded: Load) -> None:
    config = loaded("tide: {queries: [{orgs: [acme], excludedRepos: [acme/a, acme/b]}, {repos: [acme/a]}]}")
    [query] = config.queries
    assert [query.covers(RepoKey("acme", name)) for name in "abc"] == [True, False, True]


def test_rules_look_at_queries_as_they_are_written_and_not_fused(
    loaded: Load, problems: Callable[..., list[tuple[str, str]]]
) -> None:
    assert len(loaded("tide: {queries: [{orgs: [acme]}, {repos: [acme/rocket]}, {orgs: [acme]}]}").queries) == 1
    [(path, message)] = problems("tide: {queries: [{orgs: [b]}, {orgs: [a]}, {orgs: [a/b]}]}")
    assert path == "tide.queries[2].orgs[0]"
    assert message.startswith("tide query 2 is invalid: ")
