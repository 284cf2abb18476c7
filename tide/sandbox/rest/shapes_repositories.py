"""GitHub's JSON for accounts, repositories and commits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from tide.sandbox.commits import Commit
    from tide.sandbox.model import Account, Label, Milestone, Repository
    from tide.sandbox.registry import Registry

Shape = dict[str, Any]

_REPOSITORY_URLS = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
    "url": "",
}
_USER_URLS = {
    "events_url": "/events{/privacy}",
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "organizations_url": "/orgs",
    "received_events_url": "/received_events",
    "repos_url": "/repos",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "url": "",
}


def timestamp(moment: datetime | None) -> str | None:
    """Return a time as GitHub writes it: ``2026-01-02T03:04:05Z``."""
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def repository_url(base: str, repository: Repository) -> str:
    """Return the API address of a repository."""
    return f"{base}/repos/{repository.full_name}"


def user(base: str, account: Account) -> Shape:
    """Show an account (schema ``simple-user``)."""
    url = f"{base}/users/{account.login}"
    return {
        "login": account.login,
        "id": account.id,
        "node_id": account.node_id,
        "avatar_url": f"{base}/avatars/{account.id}",
        "gravatar_id": "",
        "html_url": f"{base}/{account.login}",
        "type": account.type,
        "site_admin": False,
        **{name: url + suffix for name, suffix in _USER_URLS.items()},
    }


def minimal_repository(base: str, forge: Registry, repository: Repository) -> Shape:
    """Show a repository in lists (schema ``minimal-repository``)."""
    url = repository_url(base, repository)
    settings = repository.settings
    return {
        "id": repository.id,
        "node_id": repository.node_id,
        "name": repository.name,
        "full_name": repository.full_name,
        "private": settings.private,
        "owner": user(base, forge.account(repository.owner)),
        "html_url": f"{base}/{repository.full_name}",
        "description": repository.description,
        "fork": False,
        **{name: url + suffix for name, suffix in _REPOSITORY_URLS.items()},
        "clone_url": f"{base}/{repository.full_name}.git",
        "git_url": f"{base}/{repository.full_name}.git",
        "ssh_url": f"{base}/{repository.full_name}.git",
        "svn_url": f"{base}/{repository.full_name}",
        "mirror_url": None,
        "homepage": None,
        "size": 0,
        "language": None,
        "license": None,
        "forks": 0,
        "forks_count": 0,
        "stargazers_count": 0,
        "watchers": 0,
        "watchers_count": 0,
        "open_issues": _open_count(repository),
        "open_issues_count": _open_count(repository),
        "has_issues": True,
        "has_projects": False,
        "has_wiki": False,
        "has_pages": False,
        "has_discussions": False,
        "has_downloads": True,
        "archived": settings.archived,
        "disabled": False,
        "visibility": "private" if settings.private else "public",
        "default_branch": repository.default_branch,
        "created_at": timestamp(repository.created_at),
        "updated_at": timestamp(repository.updated_at or repository.created_at),
        "pushed_at": timestamp(repository.pushed_at or repository.created_at),
    }


def _open_count(repository: Repository) -> int:
    everything = (*repository.issues.values(), *repository.pulls.values())
    return sum(issue.state == "open" for issue in everything)


def full_repository(base: str, forge: Registry, repository: Repository, login: str) -> Shape:
    """Show a repository with its merge settings (schema ``full-repository``)."""
    settings = repository.settings
    permission = forge.permission(repository, login) if login else "read"
    ranks = ("pull", "triage", "push", "maintain", "admin")
    rank = ("read", "triage", "write", "maintain", "admin").index(permission)
    return {
        **minimal_repository(base, forge, repository),
        "permissions": {name: index <= rank for index, name in enumerate(ranks)},
        "allow_merge_commit": settings.allow_merge_commit,
        "allow_squash_merge": settings.allow_squash_merge,
        "allow_rebase_merge": settings.allow_rebase_merge,
        "allow_auto_merge": False,
        "allow_update_branch": False,
        "delete_branch_on_merge": settings.delete_branch_on_merge,
        "network_count": 0,
        "subscribers_count": 0,
    }


def label(base: str, repository: Repository, found: Label) -> Shape:
    """Show a label."""
    return {
        "id": found.id,
        "node_id": found.node_id,
        "url": f"{repository_url(base, repository)}/labels/{found.name}",
        "name": found.name,
        "color": "ededed",
        "default": False,
        "description": None,
    }


def milestone(base: str, forge: Registry, repository: Repository, found: Milestone) -> Shape:
    """Show a milestone."""
    url = f"{repository_url(base, repository)}/milestones/{found.number}"
    everything = [*repository.issues.values(), *repository.pulls.values()]
    on_it = [issue for issue in everything if issue.milestone == found.number]
    return {
        "url": url,
        "html_url": f"{base}/{repository.full_name}/milestone/{found.number}",
        "labels_url": f"{url}/labels",
        "id": found.id,
        "node_id": found.node_id,
        "number": found.number,
        "title": found.title,
        "description": None,
        "creator": user(base, forge.account(found.creator)),
        "open_issues": sum(issue.state == "open" for issue in on_it),
        "closed_issues": sum(issue.state == "closed" for issue in on_it),
        "state": found.state,
        "created_at": timestamp(found.created_at),
        "updated_at": timestamp(found.updated_at),
        "due_on": None,
        "closed_at": None,
    }


def git_ref(base: str, repository: Repository, ref: str, sha: str) -> Shape:
    """Show a git reference."""
    url = repository_url(base, repository)
    return {
        "ref": ref,
        "node_id": f"REF_{repository.id}_{ref}",
        "url": f"{url}/git/{ref}",
        "object": {"type": "commit", "sha": sha, "url": f"{url}/git/commits/{sha}"},
    }


_UNVERIFIED = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}


def git_commit(base: str, repository: Repository, found: Commit) -> Shape:
    """Show a commit as ``/git/commits`` does."""
    url = repository_url(base, repository)
    return {
        "sha": found.sha,
        "node_id": f"C_{found.sha}",
        "url": f"{url}/git/commits/{found.sha}",
        "html_url": f"{base}/{repository.full_name}/commit/{found.sha}",
        **_commit_details(url, found),
        "parents": _parents(base, repository, found, "git/commits"),
        "verification": _UNVERIFIED,
    }


def _commit_details(url: str, found: Commit) -> Shape:
    return {
        "author": {"name": found.author_name, "email": found.author_email, "date": timestamp(found.authored_at)},
        "committer": {
            "name": found.committer_name,
            "email": found.committer_email,
            "date": timestamp(found.committed_at),
        },
        "tree": {"sha": found.tree, "url": f"{url}/git/trees/{found.tree}"},
        "message": found.message,
    }


def _parents(base: str, repository: Repository, found: Commit, kind: str) -> list[Shape]:
    url = repository_url(base, repository)
    page = f"{base}/{repository.full_name}/commit"
    return [
        {"sha": parent, "url": f"{url}/{kind}/{parent}", "html_url": f"{page}/{parent}"} for parent in found.parents
    ]


def commit(base: str, repository: Repository, found: Commit) -> Shape:
    """Show a commit as ``/commits`` does; its people have no accounts here."""
    url = repository_url(base, repository)
    return {
        "url": f"{url}/commits/{found.sha}",
        "sha": found.sha,
        "node_id": f"C_{found.sha}",
        "html_url": f"{base}/{repository.full_name}/commit/{found.sha}",
        "comments_url": f"{url}/commits/{found.sha}/comments",
        "commit": {
            "url": f"{url}/git/commits/{found.sha}",
            **_commit_details(url, found),
            "comment_count": 0,
            "verification": _UNVERIFIED,
        },
        "author": None,
        "committer": None,
        "parents": _parents(base, repository, found, "commits"),
    }
