"""Merges a pull request as GitHub does it: the checks in GitHub's order, then git in a work tree."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from tide.sandbox.git_program import GitFailedError
from tide.sandbox.rules import merge_refusal
from tide.sandbox.work_trees import ConflictError, WorkTree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tide.sandbox.commits import Commit
    from tide.sandbox.model import MergeMethod, PullRequest, Repository
    from tide.sandbox.state import Forge

NOT_MERGEABLE = "Pull Request is not mergeable"
BASE_MODIFIED = "Base branch was modified. Review and try the merge again."
HEAD_MODIFIED = "Head branch was modified. Review and try the merge again."
STILL_DRAFT = "Pull Request is still a draft"
NOT_REBASEABLE = "This branch can't be rebased"
ARCHIVED = "Repository was archived so is read-only."
FORBIDDEN = "Resource not accessible by personal access token"
TOO_SLOW = "We couldn't respond to your request in time. Sorry about that."
# GitHub ends a request that takes longer (docs: "Troubleshooting the REST API", timeouts): what is not done by then
# is not done later either.
REQUEST_LASTS = timedelta(seconds=10)


class MergeRefusedError(Exception):
    """GitHub does not merge; ``status`` is the HTTP status of its answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, kw_only=True)
class MergeRequest:
    """What a client asks for. ``sha`` pins the head; ``wrong_tree`` is a fault: the landed tree is another one."""

    method: MergeMethod = "merge"
    sha: str | None = None
    commit_title: str | None = None
    commit_message: str | None = None
    wrong_tree: bool = False


async def merge_pull(forge: Forge, repository: Repository, pull: PullRequest, request: MergeRequest, login: str) -> str:
    """Merge a pull into its base branch and return the new head of that branch.

    Raises:
        MergeRefusedError: with GitHub's status and text (docs: "Merge a pull request").
    """
    began = forge.now()
    async with repository.git.lock:
        head_sha, base_ref = pull.head_sha, pull.base_ref
        await _check(forge, repository, pull, request, login)
        base_sha = repository.branches[base_ref]
        sha = await _merged_commit(forge, repository, pull, request, login)
        content = await forge.push_content(repository, pull.base_ref, sha)
        # Contributors push and retarget while git works: what was checked is what may land.
        if pull.head_sha != head_sha:
            raise MergeRefusedError(409, HEAD_MODIFIED)
        if pull.base_ref != base_ref:
            raise MergeRefusedError(405, BASE_MODIFIED)
        if forge.now() - began > REQUEST_LASTS:
            raise MergeRefusedError(502, TOO_SLOW)
        try:
            await repository.git.set_ref(f"refs/heads/{base_ref}", sha, expected=base_sha)
        except GitFailedError as error:
            raise MergeRefusedError(405, BASE_MODIFIED) from error
        forge.pull_merged(repository, pull, sha, method=request.method, actor=login, content=content)
        await forge.close_contained_pulls(repository, pull.base_ref, login)
        return sha


async def _check(forge: Forge, repository: Repository, pull: PullRequest, request: MergeRequest, login: str) -> None:
    if repository.settings.archived:
        raise MergeRefusedError(403, ARCHIVED)
    if forge.permission(repository, login) in {"read", "triage"}:
        raise MergeRefusedError(403, FORBIDDEN)
    if pull.state != "open" or pull.base_ref not in repository.branches:
        raise MergeRefusedError(405, NOT_MERGEABLE)
    if request.sha is not None and request.sha != pull.head_sha:
        raise MergeRefusedError(409, HEAD_MODIFIED)
    if pull.draft:
        raise MergeRefusedError(405, STILL_DRAFT)
    mergeability = await forge.mergeability(repository, pull)
    refusal = merge_refusal(forge, repository, pull, mergeability, login=login, method=request.method)
    if refusal is not None:
        raise MergeRefusedError(405, refusal)
    if not mergeability.mergeable:
        raise MergeRefusedError(405, NOT_MERGEABLE)


async def _merged_commit(
    forge: Forge, repository: Repository, pull: PullRequest, request: MergeRequest, login: str
) -> str:
    git = repository.git
    base_sha = repository.branches[pull.base_ref]
    commits = await git.commits_between(base_sha, pull.head_sha)
    await git.flush()
    tree = WorkTree(git, _identity(forge, login))
    await tree.check_out(base_sha)
    try:
        await _apply(tree, repository, pull, request, commits)
    except ConflictError as error:
        await tree.check_out(base_sha)
        message = NOT_REBASEABLE if request.method == "rebase" else NOT_MERGEABLE
        raise MergeRefusedError(405, message) from error
    sha = await tree.head()
    return await _with_wrong_tree(repository, pull, sha, base_sha) if request.wrong_tree else sha


async def _apply(
    tree: WorkTree,
    repository: Repository,
    pull: PullRequest,
    request: MergeRequest,
    commits: Sequence[Commit],
) -> None:
    if request.method == "merge":
        await tree.merge(pull.head_sha, merge_message(repository, pull, request))
    elif request.method == "squash":
        last = commits[-1] if commits else await repository.git.commit(pull.head_sha)
        author = f"{last.author_name} <{last.author_email}>"
        await tree.squash(pull.head_sha, squash_message(pull, request, commits), author)
    else:
        await tree.replay([commit for commit in commits if len(commit.parents) == 1])


def _identity(forge: Forge, login: str) -> dict[str, str]:
    account = forge.account(login)
    when = f"{int(forge.now().timestamp())} +0000"
    return {
        "GIT_AUTHOR_NAME": login,
        "GIT_AUTHOR_EMAIL": f"{account.id}+{login}@users.noreply.github.com",
        "GIT_AUTHOR_DATE": when,
        "GIT_COMMITTER_DATE": when,
    }


def merge_message(repository: Repository, pull: PullRequest, request: MergeRequest) -> str:
    """Return the message of a merge commit; GitHub's own where the request has none."""
    title = request.commit_title or f"Merge pull request #{pull.number} from {repository.owner}/{pull.head_ref}"
    body = pull.title if request.commit_message is None else request.commit_message
    return _joined(title, body)


def squash_message(pull: PullRequest, request: MergeRequest, commits: Sequence[Commit]) -> str:
    """Return the message of a squash; GitHub's own (title, then the commits' messages) where the request has none."""
    single = commits[0].message if len(commits) == 1 else None
    title, _, rest = (single or pull.title).partition("\n")
    listed = "\n\n".join(f"* {commit.message}" for commit in commits)
    default = rest.strip("\n") if single is not None else listed
    body = default if request.commit_message is None else request.commit_message
    return _joined(request.commit_title or f"{title} (#{pull.number})", body)


def _joined(title: str, body: str) -> str:
    return f"{title}\n\n{body}\n" if body else f"{title}\n"


async def _with_wrong_tree(repository: Repository, pull: PullRequest, sha: str, base_sha: str) -> str:
    """Return a commit like ``sha`` with the head's own tree: what landed on the base meanwhile is undone.

    That is what GitHub's incident of 23 April 2026 did. Where head and result agree, the base's tree is taken: the
    pull's changes are missing then.
    """
    git = repository.git
    made = await git.commit(sha)
    head, base = await git.commit(pull.head_sha), await git.commit(base_sha)
    tree = head.tree if head.tree != made.tree else base.tree
    parents = [argument for parent in made.parents for argument in ("-p", parent)]
    output = await git.run("commit-tree", tree, *parents, stdin=made.message.encode())
    return output.decode().strip()
