"""Answers search strings from the index, as GitHub's search does: scope, filters, order, and a cap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tide.sandbox.graphql.search_filters import compile_filters
from tide.sandbox.graphql.search_syntax import SearchSyntaxError, parse_search

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tide.sandbox.graphql.search_index import Document, SearchIndex
    from tide.sandbox.graphql.search_syntax import SearchQuery, Sort
    from tide.sandbox.model import Repository
    from tide.sandbox.state import Forge

    Sees = Callable[[Repository], bool]

REACHABLE = 1000
"""GitHub docs (REST, "About search"): up to 1,000 results for each search."""

NOTHING_TO_SEARCH = (
    "The listed users and repositories cannot be searched either because the resources do not exist "
    "or you do not have permission to view them."
)


@dataclass(frozen=True)
class Found:
    """The results that can be reached, best first, and how many there are in truth."""

    reachable: Sequence[Document]
    total: int


def search_issues(index: SearchIndex, text: str, is_seen: Sees = lambda _: True) -> Found:
    """Find issues and pull requests in the repositories that the caller sees.

    Raises:
        SearchSyntaxError: the string is not one that can be answered, or names only what does not exist.
    """
    query = parse_search(text)
    holds = compile_filters(query, index.forge.accounts)
    found = [document for document in index.documents(_scope(index.forge, query, is_seen)) if holds(document)]
    found.sort(key=_order(query.sort), reverse=query.sort.descending)
    return Found(found[:REACHABLE], len(found))


def _scope(forge: Forge, query: SearchQuery, is_seen: Sees) -> list[Repository]:
    """Return the repositories that ``org:`` and ``repo:`` leave; what does not exist is passed over."""
    owners = {value.lower() for value in query.values("org")}
    names = {value.lower() for value in query.values("repo")}
    without_owners = {value.lower() for value in query.values("org", negated=True)}
    without_names = {value.lower() for value in query.values("repo", negated=True)}
    listed = [
        repository
        for name, repository in forge.repositories.items()
        if is_seen(repository) and (not (owners or names) or repository.owner.lower() in owners or name in names)
    ]
    if (owners or names) and not listed and not owners & {login.lower() for login in forge.accounts}:
        raise SearchSyntaxError(NOTHING_TO_SEARCH)
    return [
        repository
        for repository in listed
        if repository.owner.lower() not in without_owners and repository.full_name.lower() not in without_names
    ]


def _order(sort: Sort) -> Callable[[Document], tuple[Any, int, int]]:
    """Return the sort key; ties, and best match which GitHub doesn't define, go by repository and number."""
    return lambda document: (getattr(document, f"{sort.field}_at"), document.repository.id, document.number)
