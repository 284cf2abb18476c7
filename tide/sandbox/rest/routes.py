"""GitHub's REST paths and the endpoints that answer them, most specific first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tide.sandbox.rest import apps, branches, evidence, git_data, issues, pulls, rate_limit, repositories, reviews

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tide.sandbox.rest.call import Answer, Call

    Endpoint = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True)
class RestRoute:
    """One operation.

    ``makes_content``: it counts towards GitHub's limit on content; ``open_to_readers``: it needs no write permission;
    ``for_apps``: it is for Apps in their own name, and for nobody else.
    """

    method: str
    path: str
    endpoint: Endpoint
    makes_content: bool = False
    open_to_readers: bool = False
    for_apps: bool = False


REPO = "/repos/{owner}/{repo}"

FREE = frozenset({rate_limit.get_rate_limit})
"""Endpoints that cost no point."""

ROUTES: tuple[RestRoute, ...] = (
    RestRoute("GET", "/rate_limit", rate_limit.get_rate_limit),
    RestRoute("GET", "/app/installations", apps.list_installations, for_apps=True),
    RestRoute("POST", "/app/installations/{number}/access_tokens", apps.create_token, for_apps=True),
    RestRoute("PUT", "/app/installations/{number}/suspended", apps.suspend, for_apps=True),
    RestRoute("DELETE", "/app/installations/{number}/suspended", apps.unsuspend, for_apps=True),
    RestRoute("GET", "/users/{org}/repos", repositories.list_repositories),
    RestRoute("GET", "/orgs/{org}/repos", repositories.list_repositories),
    RestRoute("POST", "/orgs/{org}/repos", repositories.create_repository),
    RestRoute("GET", REPO, repositories.get_repository),
    RestRoute("GET", f"{REPO}/git/ref/{{ref:path}}", git_data.get_ref),
    RestRoute("GET", f"{REPO}/git/matching-refs/{{ref:path}}", git_data.matching_refs),
    RestRoute("GET", f"{REPO}/git/commits/{{sha}}", git_data.get_git_commit),
    RestRoute("GET", f"{REPO}/commits/{{ref:path}}/status", evidence.combined_status),
    RestRoute("GET", f"{REPO}/commits/{{ref:path}}/statuses", evidence.list_statuses),
    RestRoute("GET", f"{REPO}/commits/{{ref:path}}/check-runs", evidence.list_check_runs),
    RestRoute("POST", f"{REPO}/statuses/{{sha}}", evidence.create_status),
    RestRoute("POST", f"{REPO}/check-runs", evidence.create_check_run),
    RestRoute("PATCH", f"{REPO}/check-runs/{{number}}", evidence.patch_check_run),
    RestRoute("GET", f"{REPO}/branches/{{branch:path}}/protection", branches.get_protection),
    RestRoute("PUT", f"{REPO}/branches/{{branch:path}}/protection", branches.put_protection),
    RestRoute("GET", f"{REPO}/rules/branches/{{branch:path}}", branches.rules_of_branch),
    RestRoute("POST", f"{REPO}/rulesets", branches.create_ruleset),
    RestRoute("GET", f"{REPO}/rulesets/{{number}}", branches.get_ruleset),
    RestRoute("GET", f"{REPO}/pulls", pulls.list_pulls),
    RestRoute("POST", f"{REPO}/pulls", pulls.create_pull, makes_content=True, open_to_readers=True),
    RestRoute("GET", f"{REPO}/pulls/{{number}}", pulls.get_pull),
    RestRoute("PATCH", f"{REPO}/pulls/{{number}}", pulls.patch_pull),
    RestRoute("PUT", f"{REPO}/pulls/{{number}}/merge", pulls.merge, makes_content=True),
    RestRoute("PUT", f"{REPO}/pulls/{{number}}/update-branch", pulls.update_branch),
    RestRoute("GET", f"{REPO}/pulls/{{number}}/reviews", reviews.list_reviews),
    RestRoute(
        "POST", f"{REPO}/pulls/{{number}}/reviews", reviews.create_review, makes_content=True, open_to_readers=True
    ),
    RestRoute("POST", f"{REPO}/issues", issues.create_issue, makes_content=True, open_to_readers=True),
    RestRoute("PATCH", f"{REPO}/issues/comments/{{comment}}", issues.edit_comment),
    RestRoute("DELETE", f"{REPO}/issues/comments/{{comment}}", issues.delete_comment),
    RestRoute("GET", f"{REPO}/issues/{{number}}", issues.get_issue),
    RestRoute("PATCH", f"{REPO}/issues/{{number}}", issues.patch_issue),
    RestRoute("GET", f"{REPO}/issues/{{number}}/labels", issues.list_labels),
    RestRoute("POST", f"{REPO}/issues/{{number}}/labels", issues.add_labels),
    RestRoute("DELETE", f"{REPO}/issues/{{number}}/labels/{{name:path}}", issues.remove_label),
    RestRoute("GET", f"{REPO}/issues/{{number}}/comments", issues.list_comments),
    RestRoute(
        "POST", f"{REPO}/issues/{{number}}/comments", issues.create_comment, makes_content=True, open_to_readers=True
    ),
)
