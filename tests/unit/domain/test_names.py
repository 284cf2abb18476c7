"""GitHub's names, which know no case."""

import pytest

from tide.domain.keys import RepoKey
from tide.domain.names import ByName, folded
from tide.domain.rules import Query


def test_a_table_is_asked_by_names_in_any_case() -> None:
    table = ByName({"Acme/Rocket": 1, "*": 2})
    assert (table.get("acme/rocket"), table["ACME/ROCKET"], table["*"]) == (1, 1, 2)
    assert "acme/Rocket" in table
    assert "acme/other" not in table
    assert table.get("acme/other", 3) == 3
    assert list(table) == ["Acme/Rocket", "*"]


def test_what_is_spelled_just_so_comes_first() -> None:
    table = ByName({"ACME": 1, "acme": 2, "Acme": 3})
    assert [table[name] for name in ("Acme", "acme", "aCme")] == [3, 2, 1]


def test_a_branch_keeps_its_case() -> None:
    assert folded("Acme/Rocket@Release") == "acme/rocket@Release"


@pytest.mark.parametrize(
    ("query", "repo", "is_covered"),
    [
        (Query(0, orgs=("Acme",)), "acme/rocket", True),
        (Query(0, repos=("acme/Rocket",)), "acme/rocket", True),
        (Query(0, repos=("acme/rocket",)), "Acme/ROCKET", True),
        (Query(0, orgs=("Acme",), excluded_repos=("acme/Rocket",)), "acme/rocket", False),
        (Query(0, orgs=("Acme",), repos=("acme/Rockets",)), "acne/rocket", False),
    ],
)
def test_a_query_covers_names_in_any_case(query: Query, repo: str, is_covered: bool) -> None:  # noqa: FBT001 - a table
    assert query.covers(RepoKey.parse(repo)) is is_covered
