"""Fetch the heads of pull requests; one that cannot be had does not keep the others from coming."""

from collections.abc import Mapping

from tide.domain.errors import NotFound
from tide.domain.keys import PoolKey
from tide.ports.git import Git


async def fetch_heads(git: Git, pool: PoolKey, base_sha: str, heads: Mapping[int, str]) -> dict[int, str]:
    """Make the base and the heads (number -> SHA) present; give the reason for each head that cannot be had.

    Raises:
        NotFound: the base cannot be had.
        RemoteError: the server cannot be reached.
    """
    base = {base_sha: f"refs/heads/{pool.branch}"} if base_sha else {}
    try:
        await git.fetch(pool.repository, base | {sha: pull_ref(number) for number, sha in heads.items()})
    except NotFound:
        await git.fetch(pool.repository, base)
        return await _fetch_each(git, pool, heads)
    return {}


async def _fetch_each(git: Git, pool: PoolKey, heads: Mapping[int, str]) -> dict[int, str]:
    lost = {}
    for number, sha in heads.items():
        try:
            await git.fetch(pool.repository, {sha: pull_ref(number)})
        except NotFound as error:
            lost[number] = f"its head cannot be fetched: {error}"
    return lost


def pull_ref(number: int) -> str:
    """Name the ref under which GitHub keeps the head of a pull request."""
    return f"refs/pull/{number}/head"
