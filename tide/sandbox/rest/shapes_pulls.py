"""GitHub's JSON for pull requests, issues and what hangs on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tide.sandbox.rest.shapes_repositories import (
    label,
    milestone,
    minimal_repository,
    repository_url,
    timestamp,
    user,
)

if TYPE_CHECKING:
    from tide.sandbox.model import (
        CheckRun,
        Comment,
        CommitStatus,
        Issue,
        Mergeability,
        PullRequest,
        Repository,
        Review,
    )
    from tide.sandbox.registry import Registry

Shape = dict[str, Any]


def author_association(repository: Repository, login: str) -> str:
    """Return how an author stands to a repository, as GitHub says it."""
    if login == repository.owner:
        return "OWNER"
    return "COLLABORATOR" if login in repository.collaborators else "CONTRIBUTOR"


def issue(base: str, forge: Registry, repository: Repository, found: Issue) -> Shape:
    """Show an issue, or a pull request as one (then without ``pull_request``: see ``issue_of_pull``)."""
    url = f"{repository_url(base, repository)}/issues/{found.number}"
    return {
        "url": url,
        "repository_url": repository_url(base, repository),
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "html_url": f"{base}/{repository.full_name}/issues/{found.number}",
        "comments": len(found.comments),
        "state_reason": found.state_reason,
        "closed_by": user(base, forge.account(found.closed_by)) if found.closed_by else None,
        "active_lock_reason": None,
        **_conversation(base, forge, repository, found),
    }


def _conversation(base: str, forge: Registry, repository: Repository, found: Issue) -> Shape:
    number = found.milestone
    return {
        "id": found.id,
        "node_id": found.node_id,
        "number": found.number,
        "state": found.state,
        "locked": False,
        "title": found.title,
        "body": found.body,
        "user": user(base, forge.account(found.author)),
        "labels": [label(base, repository, forge.ensure_label(repository, name)) for name in found.labels],
        "milestone": milestone(base, forge, repository, repository.milestones[number]) if number else None,
        "assignee": None,
        "assignees": [],
        "author_association": author_association(repository, found.author),
        "created_at": timestamp(found.created_at),
        "updated_at": timestamp(found.updated_at),
        "closed_at": timestamp(found.closed_at),
    }


def issue_of_pull(base: str, forge: Registry, repository: Repository, found: PullRequest) -> Shape:
    """Show a pull request where the issues API lists it."""
    page = f"{base}/{repository.full_name}/pull/{found.number}"
    return {
        **issue(base, forge, repository, found),
        "html_url": page,
        "draft": found.draft,
        "pull_request": {
            "url": f"{repository_url(base, repository)}/pulls/{found.number}",
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "merged_at": timestamp(found.merged_at),
        },
    }


def pull(base: str, forge: Registry, repository: Repository, found: PullRequest) -> Shape:
    """Show a pull request as lists do (schema ``pull-request-simple``)."""
    api = repository_url(base, repository)
    url = f"{api}/pulls/{found.number}"
    page = f"{base}/{repository.full_name}/pull/{found.number}"
    addresses = {
        "issue_url": f"{api}/issues/{found.number}",
        "commits_url": f"{url}/commits",
        "review_comments_url": f"{url}/comments",
        "review_comment_url": f"{api}/pulls/comments{{/number}}",
        "comments_url": f"{api}/issues/{found.number}/comments",
        "statuses_url": f"{api}/statuses/{found.head_sha}",
    }
    return {
        "url": url,
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        **addresses,
        **_conversation(base, forge, repository, found),
        "draft": found.draft,
        "merged_at": timestamp(found.merged_at),
        "merge_commit_sha": found.merge_commit_sha,
        "requested_reviewers": [],
        "requested_teams": [],
        "head": _branch(base, forge, repository, found.head_ref, found.head_sha),
        "base": _branch(base, forge, repository, found.base_ref, found.base_sha),
        "auto_merge": None,
        "active_lock_reason": None,
        "_links": {
            "self": {"href": url},
            "html": {"href": page},
            "issue": {"href": addresses["issue_url"]},
            "comments": {"href": addresses["comments_url"]},
            "review_comments": {"href": addresses["review_comments_url"]},
            "review_comment": {"href": addresses["review_comment_url"]},
            "commits": {"href": addresses["commits_url"]},
            "statuses": {"href": addresses["statuses_url"]},
        },
    }


def _branch(base: str, forge: Registry, repository: Repository, ref: str, sha: str) -> Shape:
    return {
        "label": f"{repository.owner}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": user(base, forge.account(repository.owner)),
        "repo": minimal_repository(base, forge, repository),
    }


def mergeable_fields(found: PullRequest, mergeability: Mergeability | None, status: str) -> Shape:
    """Return what only the answer for a single pull says about merging it; None: not worked out."""
    known = mergeability if mergeability is not None and mergeability.known and found.state == "open" else None
    shown: Shape = {
        "merged": found.merged,
        "mergeable": known.mergeable if known else None,
        "rebaseable": known.rebaseable if known else None,
        "mergeable_state": status.lower(),
        "maintainer_can_modify": False,
        "review_comments": 0,
        "comments": len(found.comments),
    }
    if known is not None and known.merge_commit is not None:
        shown["merge_commit_sha"] = known.merge_commit.sha
    return shown


def comment(base: str, forge: Registry, repository: Repository, found: Issue, written: Comment) -> Shape:
    """Show a comment."""
    api = repository_url(base, repository)
    return {
        "id": written.id,
        "node_id": written.node_id,
        "url": f"{api}/issues/comments/{written.id}",
        "html_url": f"{base}/{repository.full_name}/issues/{found.number}#issuecomment-{written.id}",
        "issue_url": f"{api}/issues/{found.number}",
        "user": user(base, forge.account(written.author)),
        "author_association": author_association(repository, written.author),
        "body": written.body,
        "created_at": timestamp(written.created_at),
        "updated_at": timestamp(written.updated_at),
    }


def review(base: str, forge: Registry, repository: Repository, found: PullRequest, written: Review) -> Shape:
    """Show a review."""
    url = f"{repository_url(base, repository)}/pulls/{found.number}"
    page = f"{base}/{repository.full_name}/pull/{found.number}#pullrequestreview-{written.id}"
    return {
        "id": written.id,
        "node_id": written.node_id,
        "user": user(base, forge.account(written.author)),
        "body": written.body,
        "state": written.state,
        "html_url": page,
        "pull_request_url": url,
        "author_association": author_association(repository, written.author),
        "_links": {"html": {"href": page}, "pull_request": {"href": url}},
        "submitted_at": timestamp(written.submitted_at),
        "commit_id": written.commit_id,
    }


def simple_status(base: str, forge: Registry, repository: Repository, found: CommitStatus) -> Shape:
    """Show a status inside a combined one."""
    return {
        "url": f"{repository_url(base, repository)}/statuses/{found.sha}",
        "avatar_url": user(base, forge.account(found.creator))["avatar_url"],
        "id": found.id,
        "node_id": found.node_id,
        "state": found.state,
        "description": found.description,
        "target_url": found.target_url,
        "context": found.context,
        "created_at": timestamp(found.created_at),
        "updated_at": timestamp(found.created_at),
    }


def status(base: str, forge: Registry, repository: Repository, found: CommitStatus) -> Shape:
    """Show a status with its creator."""
    return {
        **simple_status(base, forge, repository, found),
        "creator": user(base, forge.account(found.creator)),
    }


def check_run(base: str, forge: Registry, repository: Repository, found: CheckRun) -> Shape:
    """Show a check run."""
    url = f"{repository_url(base, repository)}/check-runs/{found.id}"
    output = {"title": found.title, "summary": found.summary, "text": found.text}
    return {
        "id": found.id,
        "node_id": found.node_id,
        "head_sha": found.head_sha,
        "name": found.name,
        "external_id": found.external_id,
        "url": url,
        "html_url": f"{base}/{repository.full_name}/runs/{found.id}",
        "details_url": found.details_url,
        "status": found.status,
        "conclusion": found.conclusion,
        "started_at": timestamp(found.started_at),
        "completed_at": timestamp(found.completed_at),
        "output": {**output, "annotations_count": 0, "annotations_url": f"{url}/annotations"},
        "check_suite": {"id": found.suite_id},
        "app": _app(base, forge, found),
        "pull_requests": [],
    }


def _app(base: str, forge: Registry, found: CheckRun) -> Shape:
    bot = forge.account(f"{found.app_slug}[bot]", "Bot")
    return {
        "id": found.app_id,
        "slug": found.app_slug,
        "node_id": f"A_{found.app_id}",
        "owner": user(base, bot),
        "name": found.app_slug,
        "description": None,
        "external_url": f"{base}/apps/{found.app_slug}",
        "html_url": f"{base}/apps/{found.app_slug}",
        "created_at": timestamp(bot.created_at),
        "updated_at": timestamp(bot.created_at),
        "permissions": {"checks": "write", "metadata": "read"},
        "events": [],
    }
