import pytest

from tide.domain.keys import PoolKey
from tide.domain.rules import Query
from tide.web.configured import is_configured, pools_named, what_is_watched

QUERIES = (
    Query(0, repos=("acme/rocket",), included_branches=("main", "dev"), excluded_branches=("dev",)),
    Query(1, orgs=("umbra",), excluded_repos=("umbra/old",), excluded_branches=("wip",)),
    Query(2, repos=("not a repository",), included_branches=("main",)),
)


@pytest.mark.parametrize(
    ("pool", "expected"),
    [
        ("acme/rocket:main", True),
        ("acme/rocket:dev", False),
        ("acme/engine:main", False),
        ("umbra/engine:any", True),
        ("umbra/engine:wip", False),
        ("umbra/old:main", False),
    ],
)
def test_a_pool_is_configured_where_a_query_admits_its_branch(pool: str, *, expected: bool) -> None:
    assert is_configured(PoolKey.parse(pool), QUERIES) is expected


def test_pools_are_named_by_repository_and_branch_alone() -> None:
    assert pools_named(QUERIES) == (PoolKey("acme", "rocket", "main"),)
    assert what_is_watched(QUERIES[:2]) == ("acme/rocket", "umbra")
