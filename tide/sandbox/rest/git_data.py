"""Endpoints of references and commits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tide.sandbox.rest.call import Answer, RestError, not_found
from tide.sandbox.rest.commits_lookup import known_commit
from tide.sandbox.rest.shapes_repositories import git_commit, git_ref

if TYPE_CHECKING:
    from tide.sandbox.rest.call import Call

HEADS = "refs/heads/"


async def _refs(call: Call, prefix: str) -> list[dict[str, object]]:
    await call.repository.git.flush()
    output = await call.repository.git.run("for-each-ref", "--format=%(objectname) %(refname)")
    pairs = [line.split(" ", 1) for line in output.decode().splitlines()]
    return [git_ref(call.base, call.repository, ref, sha) for sha, ref in pairs if ref.startswith(prefix)]


async def get_ref(call: Call) -> Answer:
    """``GET /git/ref/{ref}``: exactly that one."""
    ref = f"refs/{call.path('ref')}"
    branch = ref.removeprefix(HEADS)
    if ref.startswith(HEADS):
        if branch not in call.repository.branches:
            raise not_found()
        return Answer(git_ref(call.base, call.repository, ref, call.repository.branches[branch]))
    exact = [shown for shown in await _refs(call, ref) if shown["ref"] == ref]
    if not exact:
        raise not_found()
    return Answer(exact[0])


async def matching_refs(call: Call) -> Answer:
    """``GET /git/matching-refs/{ref}``: all that begin so."""
    return Answer(await _refs(call, f"refs/{call.path('ref')}"))


async def get_git_commit(call: Call) -> Answer:
    """``GET /git/commits/{sha}``."""
    try:
        found = await known_commit(call.repository, call.path("sha"))
    except RestError as error:
        raise not_found() from error
    return Answer(git_commit(call.base, call.repository, found))
