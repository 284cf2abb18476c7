"""GitHub's JSON for branch protection and rulesets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tide.sandbox.rest.shapes_repositories import repository_url, timestamp, user

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tide.sandbox.model import Repository
    from tide.sandbox.protection import BranchProtection, Ruleset
    from tide.sandbox.registry import Registry

Shape = dict[str, Any]


def protection(base: str, forge: Registry, repository: Repository, branch: str, found: BranchProtection) -> Shape:
    """Show classic branch protection (schema ``branch-protection``)."""
    url = f"{repository_url(base, repository)}/branches/{branch}/protection"
    shown: Shape = {
        "url": url,
        "enforce_admins": {"url": f"{url}/enforce_admins", "enabled": found.enforce_admins},
        "required_linear_history": {"enabled": found.required_linear_history},
        "allow_force_pushes": {"enabled": found.allow_force_pushes},
        "allow_deletions": {"enabled": found.allow_deletions},
        "block_creations": {"enabled": False},
        "required_conversation_resolution": {"enabled": False},
        "lock_branch": {"enabled": found.lock_branch},
        "allow_fork_syncing": {"enabled": False},
        "required_signatures": {"url": f"{url}/required_signatures", "enabled": found.required_signatures},
    }
    checks = found.required_status_checks
    if checks is not None:
        shown["required_status_checks"] = {
            "url": f"{url}/required_status_checks",
            "strict": checks.strict,
            "contexts": [check.context for check in checks.checks],
            "contexts_url": f"{url}/required_status_checks/contexts",
            "checks": [{"context": check.context, "app_id": check.app_id} for check in checks.checks],
        }
    reviews = found.required_pull_request_reviews
    if reviews is not None:
        shown["required_pull_request_reviews"] = {
            "url": f"{url}/required_pull_request_reviews",
            "dismiss_stale_reviews": reviews.dismiss_stale_reviews,
            "require_code_owner_reviews": reviews.require_code_owner_reviews,
            "require_last_push_approval": reviews.require_last_push_approval,
            "required_approving_review_count": reviews.required_approving_review_count,
            "bypass_pull_request_allowances": _allowances(base, forge, reviews.bypass_users),
        }
    if found.restrictions is not None:
        shown["restrictions"] = {
            "url": f"{url}/restrictions",
            "users_url": f"{url}/restrictions/users",
            "teams_url": f"{url}/restrictions/teams",
            "apps_url": f"{url}/restrictions/apps",
            **_allowances(base, forge, found.restrictions),
        }
    return shown


def _allowances(base: str, forge: Registry, logins: Iterable[str]) -> Shape:
    return {"users": [user(base, forge.account(login)) for login in sorted(logins)], "teams": [], "apps": []}


def ruleset(base: str, repository: Repository, found: Ruleset) -> Shape:
    """Show a ruleset (schema ``repository-ruleset``)."""
    url = f"{repository_url(base, repository)}/rulesets/{found.id}"
    return {
        "id": found.id,
        "name": found.name,
        "target": "branch",
        "source_type": "Repository",
        "source": repository.full_name,
        "enforcement": found.enforcement,
        "node_id": found.node_id,
        "bypass_actors": [
            {"actor_id": actor.actor_id, "actor_type": actor.actor_type, "bypass_mode": actor.bypass_mode}
            for actor in found.bypass_actors
        ],
        "conditions": {"ref_name": {"include": list(found.include), "exclude": list(found.exclude)}},
        "rules": [
            {"type": rule.type, "parameters": dict(rule.parameters)} if rule.parameters else {"type": rule.type}
            for rule in found.rules
        ],
        "created_at": timestamp(found.created_at),
        "updated_at": timestamp(found.updated_at),
        "_links": {
            "self": {"href": url},
            "html": {"href": f"{base}/{repository.full_name}/rules/{found.id}"},
        },
    }
