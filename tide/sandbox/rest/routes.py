"""GitHub's REST paths and the endpoints that answer them, most specific first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tide.sandbox.rest import accounts, apps, branches, evidence, git_data, issues, pulls, repositories, reviews

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
SIGNATURES = f"{REPO}/branches/{{branch:path}}/protection/required_signatures"

FREE = frozenset({accounts.get_rate_limit})
"""Endpoints that cost no point."""

ROUTES: tuple[RestRoute, ...] = (
    RestRoute("GET", "/rate_limit", accounts.get_rate_limit),
    RestRoute("GET", "/app", apps.get_app, for_apps=True),
    RestRoute("GET", "/app/installations", apps.list_installations, for_apps=True),
    RestRoute("POST", "/app/installations/{number}/access_tokens", apps.create_token, for_apps=True),
    RestRoute("PUT", "/app/installations/{number}/suspended", apps.suspend, for_apps=True),
    RestRoute("DELETE", "/app/installations/{number}/suspended", apps.unsuspend, for_apps=True),
    RestRoute("DELETE", "/app/installations/{number}", apps.uninstall, for_apps=True),
    RestRoute("GET", "/orgs/{org}/installation", apps.get_org_installation, for_apps=True),
    RestRoute("GET", "/user", accounts.get_user),
    RestRoute("POST", "/user/repos", accounts.create_user_repository),
    RestRoute("GET", "/users/{login}", accounts.get_account),
    RestRoute("GET", "/users/{org}/repos", accounts.list_repositories),
    RestRoute("GET", "/orgs/{org}/repos", accounts.list_repositories),
    RestRoute("POST", "/orgs/{org}/repos", accounts.create_org_repository),
    RestRoute("GET", REPO, repositories.get_repository),
    RestRoute("PATCH", REPO, repositories.patch_repository),
    RestRoute("GET", f"{REPO}/hooks", repositories.list_hooks),
    RestRoute("POST", f"{REPO}/hooks", repositories.create_hook),
    RestRoute("DELETE", f"{REPO}/hooks/{{number}}", repositories.delete_hook),
    RestRoute("GET", f"{REPO}/labels", repositories.list_labels),
    RestRoute("POST", f"{REPO}/labels", repositories.create_label),
    RestRoute("GET", f"{REPO}/labels/{{name:path}}", repositories.get_label),
    RestRoute("GET", f"{REPO}/milestones", repositories.list_milestones),
    RestRoute("POST", f"{REPO}/milestones", repositories.create_milestone),
    RestRoute("GET", f"{REPO}/git/refs", git_data.list_refs),
    RestRoute("POST", f"{REPO}/git/refs", git_data.create_ref),
    RestRoute("GET", f"{REPO}/git/ref/{{ref:path}}", git_data.get_ref),
    RestRoute("GET", f"{REPO}/git/matching-refs/{{ref:path}}", git_data.matching_refs),
    RestRoute("GET", f"{REPO}/git/refs/{{ref:path}}", git_data.legacy_refs),
    RestRoute("PATCH", f"{REPO}/git/refs/{{ref:path}}", git_data.update_ref),
    RestRoute("DELETE", f"{REPO}/git/refs/{{ref:path}}", git_data.delete_ref),
    RestRoute("GET", f"{REPO}/git/commits/{{sha}}", git_data.get_git_commit),
    RestRoute("GET", f"{REPO}/compare/{{basehead:path}}", git_data.compare),
    RestRoute("GET", f"{REPO}/commits", git_data.list_commits),
    RestRoute("GET", f"{REPO}/commits/{{ref:path}}/status", evidence.combined_status),
    RestRoute("GET", f"{REPO}/commits/{{ref:path}}/statuses", evidence.list_statuses),
    RestRoute("GET", f"{REPO}/commits/{{ref:path}}/check-runs", evidence.list_check_runs),
    RestRoute("GET", f"{REPO}/commits/{{ref:path}}", git_data.get_commit),
    RestRoute("POST", f"{REPO}/statuses/{{sha}}", evidence.create_status),
    RestRoute("POST", f"{REPO}/check-runs", evidence.create_check_run),
    RestRoute("GET", f"{REPO}/check-runs/{{number}}", evidence.get_check_run),
    RestRoute("PATCH", f"{REPO}/check-runs/{{number}}", evidence.patch_check_run),
    RestRoute("GET", f"{REPO}/branches", branches.list_branches),
    RestRoute("GET", SIGNATURES, branches.get_signatures),
    RestRoute("POST", SIGNATURES, branches.require_signatures),
    RestRoute("DELETE", SIGNATURES, branches.waive_signatures),
    RestRoute("GET", f"{REPO}/branches/{{branch:path}}/protection", branches.get_protection),
    RestRoute("PUT", f"{REPO}/branches/{{branch:path}}/protection", branches.put_protection),
    RestRoute("DELETE", f"{REPO}/branches/{{branch:path}}/protection", branches.delete_protection),
    RestRoute("GET", f"{REPO}/branches/{{branch:path}}", branches.get_branch),
    RestRoute("GET", f"{REPO}/rules/branches/{{branch:path}}", branches.rules_of_branch),
    RestRoute("GET", f"{REPO}/rulesets", branches.list_rulesets),
    RestRoute("POST", f"{REPO}/rulesets", branches.create_ruleset),
    RestRoute("GET", f"{REPO}/rulesets/{{number}}", branches.get_ruleset),
    RestRoute("DELETE", f"{REPO}/rulesets/{{number}}", branches.delete_ruleset),
    RestRoute("GET", f"{REPO}/pulls", pulls.list_pulls),
    RestRoute("POST", f"{REPO}/pulls", pulls.create_pull, makes_content=True, open_to_readers=True),
    RestRoute("GET", f"{REPO}/pulls/{{number}}", pulls.get_pull),
    RestRoute("PATCH", f"{REPO}/pulls/{{number}}", pulls.patch_pull),
    RestRoute("GET", f"{REPO}/pulls/{{number}}/files", pulls.list_files),
    RestRoute("GET", f"{REPO}/pulls/{{number}}/commits", pulls.list_commits),
    RestRoute("GET", f"{REPO}/pulls/{{number}}/merge", pulls.is_merged),
    RestRoute("PUT", f"{REPO}/pulls/{{number}}/merge", pulls.merge, makes_content=True),
    RestRoute("PUT", f"{REPO}/pulls/{{number}}/update-branch", pulls.update_branch),
    RestRoute("POST", f"{REPO}/pulls/{{number}}/requested_reviewers", pulls.request_reviewers),
    RestRoute("GET", f"{REPO}/pulls/{{number}}/reviews", reviews.list_reviews),
    RestRoute(
        "POST", f"{REPO}/pulls/{{number}}/reviews", reviews.create_review, makes_content=True, open_to_readers=True
    ),
    RestRoute("PUT", f"{REPO}/pulls/{{number}}/reviews/{{review}}/dismissals", reviews.dismiss_review),
    RestRoute("GET", f"{REPO}/issues", issues.list_issues),
    RestRoute("POST", f"{REPO}/issues", issues.create_issue, makes_content=True, open_to_readers=True),
    RestRoute("GET", f"{REPO}/issues/comments/{{comment}}", issues.get_comment),
    RestRoute("PATCH", f"{REPO}/issues/comments/{{comment}}", issues.edit_comment),
    RestRoute("DELETE", f"{REPO}/issues/comments/{{comment}}", issues.delete_comment),
    RestRoute("GET", f"{REPO}/issues/{{number}}", issues.get_issue),
    RestRoute("PATCH", f"{REPO}/issues/{{number}}", issues.patch_issue),
    RestRoute("GET", f"{REPO}/issues/{{number}}/labels", issues.list_labels),
    RestRoute("POST", f"{REPO}/issues/{{number}}/labels", issues.add_labels),
    RestRoute("PUT", f"{REPO}/issues/{{number}}/labels", issues.set_labels),
    RestRoute("DELETE", f"{REPO}/issues/{{number}}/labels", issues.remove_labels),
    RestRoute("DELETE", f"{REPO}/issues/{{number}}/labels/{{name:path}}", issues.remove_label),
    RestRoute("GET", f"{REPO}/issues/{{number}}/comments", issues.list_comments),
    RestRoute(
        "POST", f"{REPO}/issues/{{number}}/comments", issues.create_comment, makes_content=True, open_to_readers=True
    ),
)
