from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from tide.domain.keys import RepoKey
from tide.domain.rules import Query
from tide.policy.search import (
    PoolSearch,
    blocker_search,
    by_org,
    changes_search,
    coverage,
    covers,
    pool_searches,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EVERYTHING = Query(
    index=3,
    orgs=("acme",),
    repos=("tools/saw",),
    excluded_repos=("acme/attic",),
    labels=("lgtm", "approved,override"),
    missing_labels=("do-not-merge/hold", "needs rebase"),
    excluded_branches=("old", "older"),
    author="bob",
    milestone="v1.0",
    review_approved_required=True,
)


def texts(*queries: Query, per_repository: bool = False) -> list[str]:
    return [one.text for one in pool_searches(queries, per_repository=per_repository)]


def test_tokens_come_in_tides_order_with_tides_quotes() -> None:
    expected = (
        'is:pr state:open archived:false author:"bob" -base:"old" -base:"older" label:"lgtm" '
        'label:"approved","override" -label:"do-not-merge/hold" -label:"needs rebase" milestone:"v1.0" review:approved '
        'org:"acme" -repo:"acme/attic" repo:"tools/saw"'
    )
    assert texts(EVERYTHING) == [expected]


def test_included_branches_come_before_labels() -> None:
    query = Query(0, repos=("a/b",), included_branches=("main", "dev"), labels=("x",))
    assert texts(query) == ['is:pr state:open archived:false base:"main" base:"dev" label:"x" repo:"a/b"']


def test_a_search_for_pools_spans_all_time_until_now() -> None:
    (search,) = pool_searches([Query(7, orgs=("acme",))], until=NOW)
    assert search == PoolSearch(
        7, 'is:pr state:open archived:false org:"acme" updated:2007-01-01T00:00:00Z..2026-01-02T03:04:05Z'
    )


def test_bounds_are_written_in_utc() -> None:
    local = NOW.astimezone(timezone(timedelta(hours=5)))
    (search,) = pool_searches([Query(0, orgs=("acme",))], until=local)
    assert search.text.endswith("..2026-01-02T03:04:05Z")


def test_a_setting_sends_one_search_per_repository() -> None:
    query = Query(0, orgs=("acme",), repos=("x/one", "x/two"), excluded_repos=("acme/no",))
    assert pool_searches([query], per_repository=True) == (
        PoolSearch(0, 'is:pr state:open archived:false org:"acme" -repo:"acme/no"', "acme"),
        PoolSearch(0, 'is:pr state:open archived:false repo:"x/one"', "x"),
        PoolSearch(0, 'is:pr state:open archived:false repo:"x/two"', "x"),
    )


@pytest.mark.parametrize("hostile", ['x" repo:"victim/secret', "x\\", "x\ny", "x\u202ey"])
def test_a_value_cannot_break_out_of_its_quotes(hostile: str) -> None:
    query = Query(
        0,
        repos=("a/b",),
        labels=(hostile, f"fine,{hostile}", "lgtm"),
        missing_labels=(hostile,),
        included_branches=(hostile,),
        author=hostile,
        milestone=hostile,
    )
    assert texts(query) == ['is:pr state:open archived:false label:"lgtm" repo:"a/b"']


@pytest.mark.parametrize("target", ['a/b" org:"victim', "no-slash", "a/b/c"])
def test_a_query_without_a_usable_target_is_never_sent(target: str) -> None:
    query = Query(0, repos=(target,), labels=("lgtm",))
    assert pool_searches([query]) == ()
    assert coverage([query]) == ""


def test_an_exception_that_cannot_be_quoted_only_makes_the_search_broader() -> None:
    query = Query(0, orgs=("acme",), excluded_repos=('acme/a"b',))
    assert texts(query) == ['is:pr state:open archived:false org:"acme"']


def test_coverage_is_the_union_of_all_queries() -> None:
    queries = [
        Query(0, orgs=("acme",), excluded_repos=("acme/a", "acme/b", "acme/c")),
        Query(1, orgs=("acme", "zoo"), excluded_repos=("acme/b", "acme/c", "zoo/lion")),
        Query(2, repos=("acme/c", "mid/one")),
    ]
    expected = 'org:"acme" -repo:"acme/b" org:"zoo" -repo:"zoo/lion" repo:"acme/c" repo:"mid/one"'
    assert coverage(queries) == expected
    assert coverage(reversed(queries)) == expected


def test_queries_are_split_by_organisation_and_keep_their_criteria_and_numbers() -> None:
    other = Query(index=4, repos=("tools/plane", "umbra/engine"), labels=("lgtm",))
    split = by_org([EVERYTHING, other])
    assert split == {
        "acme": (replace(EVERYTHING, repos=()),),
        "tools": (replace(EVERYTHING, orgs=(), excluded_repos=()), replace(other, repos=("tools/plane",))),
        "umbra": (replace(other, repos=("umbra/engine",)),),
    }
    assert coverage(split["acme"]) == 'org:"acme" -repo:"acme/attic"'
    assert by_org([]) == {}


@pytest.mark.parametrize("name", ["acme/rocket", "acme/attic", "tools/saw", "tools/plane", "other/thing"])
def test_queries_split_by_organisation_cover_what_they_covered_together(name: str) -> None:
    org, _, repo = name.partition("/")
    key = RepoKey(org, repo)
    parts = by_org([EVERYTHING])
    assert covers(parts.get(org, ()), key) == covers([EVERYTHING], key)
    assert not any(covers(queries, key) for other, queries in parts.items() if other != org)


def test_a_repository_is_covered_when_one_query_speaks_of_it() -> None:
    queries = [Query(0, orgs=("acme",), excluded_repos=("acme/a",)), Query(1, repos=("x/y",))]
    assert covers(queries, RepoKey("acme", "b"))
    assert covers(queries, RepoKey("x", "y"))
    assert not covers(queries, RepoKey("acme", "a"))
    assert not covers(queries, RepoKey("x", "z"))


def test_changes_are_searched_oldest_first_from_a_moment_on() -> None:
    assert changes_search([Query(0, orgs=("acme",))], since=NOW - timedelta(hours=1), until=NOW) == (
        'is:pr sort:updated-asc archived:false org:"acme" updated:2026-01-02T02:04:05Z..2026-01-02T03:04:05Z'
    )


def test_without_a_moment_all_that_are_open_are_searched_since_github_began() -> None:
    text = changes_search([Query(0, orgs=("acme",))], since=None, until=NOW)
    assert "updated:2007-01-01T00:00:00Z.." in text
    assert "state:open" in text


def test_nothing_is_searched_for_where_nothing_is_covered() -> None:
    queries = [Query(0, repos=('acme/"',), labels=("lgtm",))]
    assert changes_search(queries, since=None, until=NOW) == ""
    assert blocker_search("merge-blocker", queries) == ""


def test_blockers_are_searched_over_everything_covered() -> None:
    queries = [Query(0, orgs=("acme",), excluded_repos=("acme/a",)), Query(1, repos=("x/y",))]
    assert blocker_search("merge blocker", queries) == (
        '-repo:"acme/a" is:issue label:"merge blocker" org:"acme" repo:"x/y" state:open'
    )


def test_no_blocker_label_means_no_search() -> None:
    assert blocker_search("", [Query(0, orgs=("acme",))]) == ""


def test_names_that_differ_in_case_alone_are_one_organisation() -> None:
    queries = (
        Query(0, orgs=("Acme",), excluded_repos=("acme/Attic", "acme/old")),
        Query(1, orgs=("acme",), excluded_repos=("ACME/attic",)),
        Query(2, repos=("ACME/rocket", "tools/Saw")),
        Query(3, repos=("Tools/saw",)),
    )
    assert coverage(queries).lower() == 'org:"acme" -repo:"acme/attic" repo:"acme/rocket" repo:"tools/saw"'
    shards = by_org(queries)
    assert {org: [query.index for query in mine] for org, mine in shards.items()} == {
        "Acme": [0, 1, 2],
        "tools": [2, 3],
    }
    assert texts(queries[0])[0].endswith('org:"Acme" -repo:"acme/Attic" -repo:"acme/old"')
