"""The columns that name pools and pull requests."""

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, Table, bindparam, tuple_
from sqlalchemy.engine import RowMapping

from tide.domain.keys import PoolKey, PullKey

POOL = ("org", "repo", "branch")
PULL = ("org", "repo", "number")


def in_pool(table: Table, pool: PoolKey) -> ColumnElement[bool]:
    """Tell whether a row is about a pool."""
    return tuple_(*(table.c[name] for name in POOL)) == tuple_(pool.org, pool.repo, pool.branch)


def in_its_pool(table: Table, names: Sequence[str] = POOL) -> ColumnElement[bool]:
    """Tell whether a row, by its columns `names`, is about the pool that the parameters `its_pool` name.

    It is for statements that every sync sends for every pool: one that is made once takes half the time of one that
    is made each time. Its parameters are not named as columns are, which SQLAlchemy would take for new values in a
    statement that updates.
    """
    return tuple_(*(table.c[name] for name in names)) == tuple_(*(bindparam(f"its_{name}") for name in POOL))


def its_pool(pool: PoolKey) -> dict[str, object]:
    """Give the parameters of a statement with `in_its_pool`."""
    return {f"its_{name}": value for name, value in pool_row(pool).items()}


def pool_row(pool: PoolKey) -> dict[str, object]:
    """Give the columns that name a pool."""
    return {"org": pool.org, "repo": pool.repo, "branch": pool.branch}


def pool_of(row: RowMapping) -> PoolKey:
    """Read the columns that name a pool."""
    return PoolKey(row["org"], row["repo"], row["branch"])


def pull_row(pull: PullKey) -> dict[str, object]:
    """Give the columns that name a pull request."""
    return {"org": pull.org, "repo": pull.repo, "number": pull.number}


def pull_keys(found: Iterable[Sequence[object]]) -> list[PullKey]:
    """Read rows that hold nothing but the columns that name a pull request."""
    return [PullKey(str(org), str(repo), int(str(number))) for org, repo, number in found]
