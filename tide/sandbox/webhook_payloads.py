"""Changes as the webhook events that GitHub sends for them."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING, Any

from tide.sandbox.changes import (
    AnyChange,
    Change,
    CheckRunChanged,
    CommentChanged,
    IssueChanged,
    PullChanged,
    Pushed,
    RepositoryChanged,
    ReviewChanged,
    StatusCreated,
)
from tide.sandbox.model import PullRequest, Repository
from tide.sandbox.registry import Registry
from tide.sandbox.rest import shapes_pulls, shapes_repositories
from tide.sandbox.rest.shapes_repositories import repository_url

if TYPE_CHECKING:
    from tide.sandbox.commits import Commit

Payload = dict[str, Any]

NO_COMMIT = "0" * 40
MAX_COMMITS = 2048
"""How many commits a push event lists (docs: "Webhook events and payloads", push)."""


def event_of(change: AnyChange, base: str, forge: Registry) -> tuple[str, Payload] | None:
    """Return the event's name (``X-GitHub-Event``) and its payload; None for a change that GitHub does not tell.

    Args:
        change: what happened just now; the payload is rendered from the live records at once.
        base: the server's address, for the URLs.
        forge: for accounts.
    """
    found = _event(change, base, forge)
    if found is None:
        return None
    name, payload = found
    return name, {**payload, **_common(change, base, forge)}


def _common(change: Change, base: str, forge: Registry) -> Payload:
    owner = forge.account(change.repository.owner)
    shown: Payload = {
        "repository": shapes_repositories.minimal_repository(base, forge, change.repository),
        "sender": shapes_repositories.user(base, forge.account(change.actor)),
    }
    if owner.type == "Organization":
        url = f"{base}/orgs/{owner.login}"
        shown["organization"] = {"login": owner.login, "id": owner.id, "node_id": owner.node_id, "url": url}
    return shown


@singledispatch
def _event(change: Change, base: str, forge: Registry) -> tuple[str, Payload] | None:
    raise TypeError(f"no event for {change} at {base} of {forge}")


@_event.register
def _(change: PullChanged, base: str, forge: Registry) -> tuple[str, Payload]:
    payload: Payload = {
        "action": change.action,
        "number": change.pull.number,
        "pull_request": _pull(change, change.pull, base, forge),
    }
    if change.action == "synchronize":
        payload |= {"before": change.before["head_sha"], "after": change.pull.head_sha}
    return "pull_request", payload | _details(change, base, forge)


@_event.register
def _(change: IssueChanged, base: str, forge: Registry) -> tuple[str, Payload]:
    shown = shapes_pulls.issue(base, forge, change.repository, change.issue)
    return "issues", {"action": change.action, "issue": shown} | _details(change, base, forge)


def _details(change: PullChanged | IssueChanged, base: str, forge: Registry) -> Payload:
    if change.label is not None:
        label = forge.ensure_label(change.repository, change.label)
        return {"label": shapes_repositories.label(base, change.repository, label)}
    return {"changes": _edits(change)} if change.action == "edited" else {}


def _edits(change: PullChanged | IssueChanged) -> Payload:
    edits: Payload = {name: {"from": change.before[name]} for name in ("title", "body") if name in change.before}
    if "base_ref" in change.before:
        before = change.before
        edits["base"] = {"ref": {"from": before["base_ref"]}, "sha": {"from": before["base_sha"]}}
    return edits


def _pull(change: Change, pull: PullRequest, base: str, forge: Registry) -> Payload:
    merger = pull.merged_by
    return {
        **shapes_pulls.pull(base, forge, change.repository, pull),
        **shapes_pulls.mergeable_fields(pull, None, "UNKNOWN"),
        "merged_by": shapes_repositories.user(base, forge.account(merger)) if merger else None,
    }


@_event.register
def _(change: CommentChanged, base: str, forge: Registry) -> tuple[str, Payload]:
    issue = change.issue
    as_pull = isinstance(issue, PullRequest)
    show = shapes_pulls.issue_of_pull if as_pull else shapes_pulls.issue
    return "issue_comment", {
        "action": change.action,
        "issue": show(base, forge, change.repository, issue),  # type: ignore[arg-type]  # chosen by what it is
        "comment": shapes_pulls.comment(base, forge, change.repository, issue, change.comment),
    }


@_event.register
def _(change: ReviewChanged, base: str, forge: Registry) -> tuple[str, Payload]:
    review = shapes_pulls.review(base, forge, change.repository, change.pull, change.review)
    return "pull_request_review", {
        "action": change.action,
        # Webhooks say the state in small letters, REST in capitals.
        "review": {**review, "state": change.review.state.lower()},
        "pull_request": shapes_pulls.pull(base, forge, change.repository, change.pull),
    }


@_event.register
def _(change: StatusCreated, base: str, forge: Registry) -> tuple[str, Payload]:
    status = change.status
    url = f"{repository_url(base, change.repository)}/commits/{status.sha}"
    branches = [name for name, sha in change.repository.branches.items() if sha == status.sha]
    return "status", {
        **shapes_pulls.status(base, forge, change.repository, status),
        "sha": status.sha,
        "name": change.repository.full_name,
        "commit": {"sha": status.sha, "url": url},
        "branches": [
            {"name": name, "commit": {"sha": status.sha, "url": url}, "protected": False} for name in branches
        ],
    }


@_event.register
def _(change: CheckRunChanged, base: str, forge: Registry) -> tuple[str, Payload]:
    shown = shapes_pulls.check_run(base, forge, change.repository, change.check_run)
    return "check_run", {"action": change.action, "check_run": shown}


@_event.register
def _(change: Pushed, base: str, forge: Registry) -> tuple[str, Payload]:
    account = forge.account(change.actor)
    before, after = change.before or NO_COMMIT, change.after or NO_COMMIT
    commits = [_pushed_commit(commit, base, change.repository) for commit in change.content.commits[-MAX_COMMITS:]]
    return "push", {
        "ref": f"refs/heads/{change.branch}",
        "before": before,
        "after": after,
        "created": change.before is None,
        "deleted": change.after is None,
        "forced": change.content.forced,
        "base_ref": None,
        "compare": f"{base}/{change.repository.full_name}/compare/{before[:12]}...{after[:12]}",
        "commits": commits,
        "head_commit": commits[-1] if commits else None,
        "pusher": {"name": account.login, "email": f"{account.login}@users.noreply.github.com"},
    }


def _pushed_commit(commit: Commit, base: str, repository: Repository) -> Payload:
    return {
        "id": commit.sha,
        "tree_id": commit.tree,
        "distinct": True,
        "message": commit.message,
        "timestamp": commit.committed_at.isoformat(),
        "url": f"{base}/{repository.full_name}/commit/{commit.sha}",
        "author": {"name": commit.author_name, "email": commit.author_email},
        "committer": {"name": commit.committer_name, "email": commit.committer_email},
    }


@_event.register
def _(change: RepositoryChanged, base: str, forge: Registry) -> tuple[str, Payload] | None:
    del base, forge
    return ("repository", {"action": "created"}) if change.what == "created" else None
