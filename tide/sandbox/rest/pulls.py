"""Endpoints of pull requests: opening, changing, listing, merging."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from tide.sandbox.faults import striking
from tide.sandbox.merging import MergeRefusedError, MergeRequest, merge_pull
from tide.sandbox.rest.call import Answer, Body, RestError, invalid
from tide.sandbox.rest.shapes_pulls import mergeable_fields, pull
from tide.sandbox.rest.shapes_repositories import user
from tide.sandbox.rest.texts import check_texts
from tide.sandbox.rules import merge_state_status
from tide.sandbox.state import NewPull, PullRefusedError

if TYPE_CHECKING:
    from tide.sandbox.model import PullRequest
    from tide.sandbox.rest.call import Call


class NewPullBody(Body):
    """Body of ``POST /pulls``."""

    title: str
    head: str
    base: str
    body: str | None = None
    draft: bool = False


class PullPatch(Body):
    """Body of ``PATCH /pulls/{number}``."""

    title: str | None = None
    body: str | None = None
    base: str | None = None
    state: Literal["open", "closed"] | None = None


class MergeBody(Body):
    """Body of ``PUT /pulls/{number}/merge``."""

    merge_method: Literal["merge", "squash", "rebase"] = "merge"
    sha: str | None = None
    commit_title: str | None = None
    commit_message: str | None = None


class UpdateBody(Body):
    """Body of ``PUT /pulls/{number}/update-branch``."""

    expected_head_sha: str | None = None


async def list_pulls(call: Call) -> Answer:
    """``GET /pulls``."""
    state, base, head = call.query("state", "open"), call.query("base"), call.query("head")
    found = [
        one
        for one in call.repository.pulls.values()
        if state in {"all", one.state} and base in {"", one.base_ref} and head in {"", _label(one)}
    ]
    moved = call.query("sort") == "updated"
    found.sort(key=lambda one: (one.updated_at if moved else one.created_at, one.number))
    if call.query("direction", "asc" if call.query("sort") else "desc") == "desc":
        found.reverse()
    return call.page(found, lambda one: pull(call.base, call.forge, call.repository, one))


def _label(found: PullRequest) -> str:
    return f"{found.head_owner}:{found.head_ref}"


async def create_pull(call: Call) -> Answer:
    """``POST /pulls``."""
    body = call.body(NewPullBody)
    check_texts(body.title, body.body)
    owner, separator, branch = body.head.rpartition(":")
    if separator and owner != call.repository.owner:
        raise invalid("PullRequest", field="head")
    await _check_commits(call, branch, body.base)
    new = NewPull(title=body.title, head_ref=branch, base_ref=body.base, body=body.body, draft=body.draft)
    try:
        made = call.forge.open_pull(call.repository, new, call.login)
    except PullRefusedError as error:
        raise _refused(error) from error
    return Answer(await _shown(call, made), 201)


async def _check_commits(call: Call, head: str, base: str) -> None:
    shas = call.repository.branches
    if head in shas and base in shas and await call.repository.git.is_ancestor(shas[head], shas[base]):
        raise invalid("PullRequest", code="custom", message=f"No commits between {base} and {head}")


def _refused(error: PullRefusedError) -> RestError:
    return invalid("PullRequest", field=error.field, code=error.code, message=str(error) or None)


async def get_pull(call: Call) -> Answer:
    """``GET /pulls/{number}``: with what git and the rules say about merging it."""
    return Answer(await _shown(call, call.pull))


async def _shown(call: Call, found: PullRequest) -> dict[str, Any]:
    repository = call.repository
    shown = pull(call.base, call.forge, repository, found)
    mergeability = await call.forge.mergeability(repository, found)
    status = merge_state_status(call.forge, repository, found, mergeability)
    shown |= mergeable_fields(found, mergeability, status)
    merger = found.merged_by
    files = await repository.git.changed_files(*await _range(call, found))
    shown |= {
        "merged_by": user(call.base, call.forge.account(merger)) if merger else None,
        "commits": len(await _commits(call, found)),
        "additions": sum(one.additions for one in files),
        "deletions": sum(one.deletions for one in files),
        "changed_files": len(files),
    }
    return shown


async def _range(call: Call, found: PullRequest) -> tuple[str, str]:
    base = _base_sha(call, found)
    common = await call.repository.git.merge_base(base, found.head_sha)
    return common or base, found.head_sha


def _base_sha(call: Call, found: PullRequest) -> str:
    """Return what the pull's own changes are counted from: a merged one's base as it was before."""
    if found.merged:
        return found.base_sha
    return call.repository.branches.get(found.base_ref, found.base_sha)


async def _commits(call: Call, found: PullRequest) -> list[Any]:
    return await call.repository.git.commits_between(_base_sha(call, found), found.head_sha)


async def patch_pull(call: Call) -> Answer:
    """``PATCH /pulls/{number}``."""
    body, found, repository = call.body(PullPatch), call.pull, call.repository
    check_texts(body.title, body.body)
    try:
        if body.base is not None:
            call.forge.retarget_pull(repository, found, body.base, call.login)
        call.forge.edit_issue(repository, found, title=body.title, body=body.body, actor=call.login)
        if body.state == "closed":
            call.forge.close_pull(repository, found, call.login)
        elif body.state == "open":
            call.forge.reopen_pull(repository, found, call.login)
    except PullRefusedError as error:
        raise _refused(error) from error
    return await get_pull(call)


async def merge(call: Call) -> Answer:
    """``PUT /pulls/{number}/merge``."""
    body, found = call.body(MergeBody), call.pull
    retargeting = striking("retarget_before_merge")
    if retargeting is not None and retargeting.branch is not None:
        call.forge.retarget_pull(call.repository, found, retargeting.branch)
    request = MergeRequest(
        method=body.merge_method,
        sha=body.sha,
        commit_title=body.commit_title,
        commit_message=body.commit_message,
        wrong_tree=striking("wrong_tree") is not None,
    )
    try:
        sha = await merge_pull(call.forge, call.repository, found, request, call.login)
    except MergeRefusedError as error:
        raise RestError(
            error.status,
            error.message,
            documentation_url="https://docs.github.com/rest/pulls/pulls#merge-a-pull-request",
        ) from error
    return Answer({"sha": sha, "merged": True, "message": "Pull Request successfully merged"})


async def update_branch(call: Call) -> Answer:
    """``PUT /pulls/{number}/update-branch``: merges the base into the head's branch."""
    body, found, repository = call.body(UpdateBody), call.pull, call.repository
    if body.expected_head_sha not in {None, found.head_sha}:
        raise RestError(422, "expected head sha didn\u2019t match current head ref.")
    answer = await call.forge.mergeability(repository, found)
    if not answer.behind:
        raise RestError(422, "There are no new commits on the base branch.")
    if answer.merge_commit is None:
        raise RestError(422, "merge conflict between base and head")
    message = f"Merge branch '{found.base_ref}' into {found.head_ref}\n".encode()
    async with repository.git.lock:
        await repository.git.flush()
        output = await repository.git.run(
            "commit-tree", answer.merge_commit.tree, "-p", found.head_sha, "-p", answer.base_sha, stdin=message
        )
        await call.forge.write_branch(repository, found.head_ref, output.decode().strip(), actor=call.login)
    url = f"{call.base}/repos/{repository.full_name}/pulls/{found.number}"
    return Answer({"message": "Updating pull request branch.", "url": url}, 202)
