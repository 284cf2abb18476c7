"""The columns that name pools and pull requests."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, bindparam, func, tuple_
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import RowMapping

from tide.domain.keys import PoolKey, PullKey

POOL = ("org", "repo", "branch")
PULL = ("org", "repo", "number")


def key_in(table: Table, names: Sequence[str]) -> ColumnElement[Any]:
    """Give some columns of a table as one value."""
    return tuple_(*(table.c[name] for name in names))


def in_pool(table: Table, pool: PoolKey) -> ColumnElement[bool]:
    """Tell whether a row is about a pool."""
    return key_in(table, POOL) == tuple_(pool.org, pool.repo, pool.branch)


def in_pull(table: Table, pull: PullKey) -> ColumnElement[bool]:
    """Tell whether a row is about a pull request."""
    return key_in(table, PULL) == tuple_(pull.org, pull.repo, pull.number)


def in_its_pool(table: Table, names: Sequence[str] = POOL) -> ColumnElement[bool]:
    """Tell whether a row, by its columns `names`, is about the pool that the parameters `its_pool` name.

    It is for statements that every sync sends for every pool: one that is made once takes half the time of one that
    is made each time. Its parameters are not named as columns are, which SQLAlchemy would take for new values in a
    statement that updates.
    """
    return key_in(table, names) == tuple_(*(bindparam(f"its_{name}") for name in POOL))


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


def head_in(table: Table) -> ColumnElement[Any]:
    """Give the head that a row names, as the heads of a run that tests it alone."""
    return func.jsonb_build_array(func.jsonb_build_array(table.c.number, table.c.head_sha), type_=JSONB)


def pull_keys(found: Iterable[Sequence[object]]) -> list[PullKey]:
    """Read rows that hold nothing but the columns that name a pull request."""
    return [PullKey(str(org), str(repo), int(str(number))) for org, repo, number in found]


def heads_from(found: Iterable[Sequence[object]]) -> tuple[tuple[int, str], ...]:
    """Read a list of (number, head SHA)."""
    return tuple((int(str(number)), str(sha)) for number, sha in found)
