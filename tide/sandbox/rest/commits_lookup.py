"""Finds the commit that a part of a path means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tide.sandbox.rest.call import RestError, not_found

if TYPE_CHECKING:
    from tide.sandbox.commits import Commit
    from tide.sandbox.model import Repository

FULL_SHA = re.compile(r"[0-9a-f]{40}")


async def known_commit(repository: Repository, sha: str) -> Commit:
    """Return the commit of a full SHA.

    Raises:
        RestError: 422 with GitHub's "No commit found for SHA".
    """
    if FULL_SHA.fullmatch(sha):
        try:
            return await repository.git.commit(sha)
        except KeyError:
            pass
    raise RestError(422, f"No commit found for SHA: {sha}")


async def resolve(repository: Repository, ref: str) -> Commit:
    """Return the commit that a branch name, ``heads/BRANCH`` or a full SHA means.

    Raises:
        RestError: 404 for an empty repository, 422 for what is unknown.
    """
    if not repository.branches:
        raise not_found()
    branch = ref.removeprefix("refs/").removeprefix("heads/")
    return await known_commit(repository, repository.branches.get(branch, ref))
