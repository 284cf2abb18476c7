"""Pools that the configuration speaks of, whether or not they have pull requests."""

from collections.abc import Iterable, Iterator

from tide.domain.keys import PoolKey, RepoKey
from tide.domain.rules import Query
from tide.policy.queries import admits_branch


def is_configured(pool: PoolKey, queries: Iterable[Query]) -> bool:
    """Tell whether any query speaks of a branch."""
    return any(query.covers(pool.repository) and admits_branch(query, pool.branch) for query in queries)


def pools_named(queries: Iterable[Query]) -> tuple[PoolKey, ...]:
    """Give the pools that queries name outright: their repositories with the branches that they include; sorted."""
    return tuple(sorted(set(_pools_named(queries))))


def what_is_watched(queries: Iterable[Query]) -> tuple[str, ...]:
    """Name the repositories and the organisations that queries speak of; sorted."""
    return tuple(sorted({name for query in queries for name in (*query.repos, *query.orgs)}))


def _pools_named(queries: Iterable[Query]) -> Iterator[PoolKey]:
    for query in queries:
        for name in query.repos:
            try:
                repo = RepoKey.parse(name)
            except ValueError:
                continue  # checking the configuration tells of it
            for branch in query.included_branches:
                if admits_branch(query, branch):
                    yield PoolKey(repo.org, repo.name, branch)
