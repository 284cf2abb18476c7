"""Endpoints of references, commits and comparisons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tide.sandbox.branch_rules import fast_forward_only
from tide.sandbox.rest.call import Answer, Body, RestError, not_found
from tide.sandbox.rest.commits_lookup import known_commit, resolve
from tide.sandbox.rest.shapes_repositories import changed_file, commit, git_commit, git_ref, repository_url
from tide.sandbox.rules import push_refusal

if TYPE_CHECKING:
    from tide.sandbox.rest.call import Call

MAX_FILES = 300
"""How many files a comparison lists at most (GitHub: "Compare two commits")."""

HEADS = "refs/heads/"


class NewRefBody(Body):
    """Body of ``POST /git/refs``."""

    ref: str
    sha: str


class RefPatch(Body):
    """Body of ``PATCH /git/refs/{ref}``."""

    sha: str
    force: bool = False


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


async def list_refs(call: Call) -> Answer:
    """``GET /git/refs``: all (kept by GitHub for old clients)."""
    return call.page(await _refs(call, "refs/"), lambda shown: shown)


async def legacy_refs(call: Call) -> Answer:
    """``GET /git/refs/{ref}``: that one, or else a list of those that begin so (old clients; Prow's GetRef)."""
    ref = f"refs/{call.path('ref')}"
    found = await _refs(call, ref)
    if not found:
        raise not_found()
    exact = [shown for shown in found if shown["ref"] == ref]
    return Answer(exact[0] if exact else found)


async def create_ref(call: Call) -> Answer:
    """``POST /git/refs``."""
    body = call.body(NewRefBody)
    if not body.ref.startswith("refs/") or body.ref.count("/") < len(("refs", "heads")):
        raise RestError(422, "Reference name must start with 'refs/' and contain at least two slashes")
    await known_commit(call.repository, body.sha)
    branch = _branch(body.ref)
    if branch in call.repository.branches:
        raise RestError(422, "Reference already exists")
    _check_push(call, branch, body.sha)
    await call.forge.write_branch(call.repository, branch, body.sha, actor=call.login)
    return Answer(git_ref(call.base, call.repository, body.ref, body.sha), 201)


async def update_ref(call: Call) -> Answer:
    """``PATCH /git/refs/{ref}``: not backwards unless forced, and never against the branch's rules."""
    body = call.body(RefPatch)
    repository = call.repository
    ref = f"refs/{call.path('ref')}"
    branch = _branch(ref)
    if branch not in repository.branches:
        raise RestError(422, "Reference does not exist")
    await known_commit(repository, body.sha)
    forward_only = not body.force or fast_forward_only(call.forge, repository, branch, call.login)
    if forward_only and not await repository.git.is_ancestor(repository.branches[branch], body.sha):
        raise RestError(422, "Update is not a fast forward")
    _check_push(call, branch, body.sha)
    async with repository.git.lock:
        await call.forge.write_branch(repository, branch, body.sha, actor=call.login)
        await call.forge.close_contained_pulls(repository, branch, call.login)
    return Answer(git_ref(call.base, repository, ref, body.sha))


async def delete_ref(call: Call) -> Answer:
    """``DELETE /git/refs/{ref}``."""
    branch = _branch(f"refs/{call.path('ref')}")
    if branch not in call.repository.branches:
        raise RestError(422, "Reference does not exist")
    _check_push(call, branch, None)
    call.repository.git.delete_ref_later(f"{HEADS}{branch}")
    call.forge.branch_moved(call.repository, branch, None, actor=call.login)
    return Answer(None, 204)


def _branch(ref: str) -> str:
    if not ref.startswith(HEADS):
        raise RestError(422, "Only branches can be changed here")
    return ref.removeprefix(HEADS)


def _check_push(call: Call, branch: str, sha: str | None) -> None:
    refusal = push_refusal(call.forge, call.repository, branch, sha, login=call.login)
    if refusal is not None:
        raise RestError(422, "\n\n".join(refusal.reasons))


async def get_git_commit(call: Call) -> Answer:
    """``GET /git/commits/{sha}``."""
    try:
        found = await known_commit(call.repository, call.path("sha"))
    except RestError as error:
        raise not_found() from error
    return Answer(git_commit(call.base, call.repository, found))


async def get_commit(call: Call) -> Answer:
    """``GET /commits/{ref}``: with the files against the first parent."""
    found = await resolve(call.repository, call.path("ref"))
    shown = commit(call.base, call.repository, found)
    if not found.parents:
        return Answer(shown)
    files = await call.repository.git.changed_files(found.parents[0], found.sha)
    stats = {"additions": sum(one.additions for one in files), "deletions": sum(one.deletions for one in files)}
    shown["stats"] = {**stats, "total": sum(stats.values())}
    shown["files"] = [changed_file(call.base, call.repository, found.sha, one) for one in files[:MAX_FILES]]
    return Answer(shown)


async def list_commits(call: Call) -> Answer:
    """``GET /commits``: from ``sha`` (default: the default branch), newest first."""
    start = await resolve(call.repository, call.query("sha", call.repository.default_branch))
    output = await call.repository.git.run("rev-list", "--date-order", start.sha)
    chosen, headers = call.slice(output.decode().split())
    shown = [commit(call.base, call.repository, await call.repository.git.commit(sha)) for sha in chosen]
    return Answer(shown, headers=headers)


async def compare(call: Call) -> Answer:
    """``GET /compare/{base}...{head}``."""
    base_name, separator, head_name = call.path("basehead").partition("...")
    if not separator:
        raise not_found()
    try:
        base, head = await resolve(call.repository, base_name), await resolve(call.repository, head_name)
    except RestError as error:
        raise not_found() from error
    git = call.repository.git
    common = await git.merge_base(base.sha, head.sha)
    if common is None:
        raise RestError(404, f"No common ancestor between {base_name} and {head_name}.")
    ahead = await git.commits_between(base.sha, head.sha)
    behind = await git.commits_between(head.sha, base.sha)
    chosen, headers = call.slice(ahead)
    files = await git.changed_files(common, head.sha)
    words = {(False, False): "identical", (True, False): "ahead", (False, True): "behind"}
    page = f"{call.base}/{call.repository.full_name}/compare/{base_name}...{head_name}"
    shown = {
        "url": f"{repository_url(call.base, call.repository)}/compare/{base_name}...{head_name}",
        "html_url": page,
        "permalink_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "base_commit": commit(call.base, call.repository, base),
        "merge_base_commit": commit(call.base, call.repository, await git.commit(common)),
        "status": words.get((bool(ahead), bool(behind)), "diverged"),
        "ahead_by": len(ahead),
        "behind_by": len(behind),
        "total_commits": len(ahead),
        "commits": [commit(call.base, call.repository, one) for one in chosen],
        "files": [changed_file(call.base, call.repository, head.sha, one) for one in files[:MAX_FILES]],
    }
    return Answer(shown, headers=headers)
