"""Which rules bind whom on a branch: classic protection and rulesets, brought to one form."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from tide.sandbox.protection import RequiredCheck, RequiredReviews, RequiredStatusChecks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tide.sandbox.model import Repository
    from tide.sandbox.protection import BranchProtection, Rule, Ruleset
    from tide.sandbox.registry import Registry


ALL_METHODS = frozenset({"merge", "squash", "rebase"})


@dataclass(frozen=True)
class BranchRules:
    """What one source (classic protection, or all rulesets together) asks of a branch."""

    required_status_checks: RequiredStatusChecks | None = None
    required_reviews: RequiredReviews | None = None
    pull_request_required: bool = False
    linear_history: bool = False
    signatures: bool = False
    update_restricted: bool = False
    creation_restricted: bool = False
    deletion_restricted: bool = False
    fast_forward_only: bool = False
    merge_queue: bool = False
    locked: bool = False
    merge_methods: frozenset[str] = ALL_METHODS


NO_RULES = BranchRules()


def classic_rules(forge: Registry, repository: Repository, branch: str, login: str | None) -> BranchRules:
    """Return what classic protection asks of ``login``; with None what it asks of someone without any privilege.

    Admins are exempt unless ``enforce_admins`` (GitHub: "About protected branches").
    """
    protection = repository.protections.get(branch)
    if protection is None:
        return NO_RULES
    if login is not None and not protection.enforce_admins and forge.permission(repository, login) == "admin":
        return NO_RULES
    reviews = protection.required_pull_request_reviews
    if reviews is not None and login in reviews.bypass_users:
        reviews = None
    return BranchRules(
        required_status_checks=protection.required_status_checks,
        required_reviews=reviews,
        pull_request_required=reviews is not None,
        linear_history=protection.required_linear_history,
        signatures=protection.required_signatures,
        update_restricted=_restricted(protection, login),
        deletion_restricted=not protection.allow_deletions,
        fast_forward_only=not protection.allow_force_pushes,
        locked=protection.lock_branch,
    )


def _restricted(protection: BranchProtection, login: str | None) -> bool:
    return protection.restrictions is not None and login is not None and login not in protection.restrictions


def active_rulesets(forge: Registry, repository: Repository, branch: str, login: str | None = None) -> list[Ruleset]:
    """Return the rulesets that bind ``login`` on a branch, oldest first; with None all active ones."""
    return [
        ruleset
        for _, ruleset in sorted(repository.rulesets.items())
        if ruleset.enforcement == "active"
        and ruleset.covers(branch, repository.default_branch)
        and not (login is not None and bypasses(forge, repository, ruleset, login))
    ]


def bypasses(forge: Registry, repository: Repository, ruleset: Ruleset, login: str) -> bool:
    """Whether a login is among the bypass actors of a ruleset."""
    return bypass_of(forge, repository, ruleset, login) != "never"


def bypass_of(
    forge: Registry, repository: Repository, ruleset: Ruleset, login: str
) -> Literal["always", "pull_requests_only", "never"]:
    """Return how a login may pass a ruleset by, in GitHub's words (role 5 is the repository's admins)."""
    account = forge.accounts.get(login)
    for actor in ruleset.bypass_actors:
        is_named = actor.login == login or (account is not None and actor.actor_id == account.id and not actor.login)
        is_role = actor.actor_type in {"OrganizationAdmin", "RepositoryRole"} and actor.login is None
        if is_named or (is_role and forge.permission(repository, login) == "admin"):
            return "always" if actor.bypass_mode == "always" else "pull_requests_only"
    return "never"


def requires_signatures(forge: Registry, repository: Repository, branch: str) -> bool:
    """Whether any rule of a branch asks for signed commits, whoever may pass it by."""
    return any(rules.signatures for rules in all_rules(forge, repository, branch, None))


def all_rules(
    forge: Registry, repository: Repository, branch: str, login: str | None
) -> tuple[BranchRules, BranchRules]:
    """Return what each source asks of ``login`` (None: of someone without bypass), classic protection's first."""
    return classic_rules(forge, repository, branch, login), ruleset_rules(forge, repository, branch, login)


def ruleset_rules(forge: Registry, repository: Repository, branch: str, login: str | None) -> BranchRules:
    """Return what the active rulesets together ask of ``login`` (None: of someone without bypass)."""
    found = NO_RULES
    for ruleset in active_rulesets(forge, repository, branch, login):
        for rule in ruleset.rules:
            found = _add_rule(found, rule)
    return found


def _add_rule(rules: BranchRules, rule: Rule) -> BranchRules:
    if rule.type == "required_status_checks":
        return replace(rules, required_status_checks=_add_checks(rules.required_status_checks, rule.parameters))
    if rule.type == "pull_request":
        return _add_pull_request(rules, rule.parameters)
    return replace(
        rules,
        creation_restricted=rules.creation_restricted or rule.type == "creation",
        update_restricted=rules.update_restricted or rule.type == "update",
        deletion_restricted=rules.deletion_restricted or rule.type == "deletion",
        linear_history=rules.linear_history or rule.type == "required_linear_history",
        signatures=rules.signatures or rule.type == "required_signatures",
        fast_forward_only=rules.fast_forward_only or rule.type == "non_fast_forward",
        merge_queue=rules.merge_queue or rule.type == "merge_queue",
    )


def _add_pull_request(rules: BranchRules, parameters: Mapping[str, Any]) -> BranchRules:
    methods = frozenset(parameters.get("allowed_merge_methods") or ALL_METHODS)
    return replace(
        rules,
        required_reviews=_add_reviews(rules.required_reviews, parameters),
        pull_request_required=True,
        merge_methods=rules.merge_methods & methods,
    )


def _add_checks(known: RequiredStatusChecks | None, parameters: Mapping[str, Any]) -> RequiredStatusChecks:
    checks = [
        RequiredCheck(check["context"], check.get("integration_id"))
        for check in parameters.get("required_status_checks", ())
    ]
    strict = bool(parameters.get("strict_required_status_checks_policy"))
    if known is None:
        return RequiredStatusChecks(strict, tuple(checks))
    return RequiredStatusChecks(known.strict or strict, tuple(dict.fromkeys([*known.checks, *checks])))


def _add_reviews(known: RequiredReviews | None, parameters: Mapping[str, Any]) -> RequiredReviews:
    count = int(parameters.get("required_approving_review_count", 0))
    most = max(count, known.required_approving_review_count if known else 0)
    return RequiredReviews(
        required_approving_review_count=most,
        dismiss_stale_reviews=bool(parameters.get("dismiss_stale_reviews_on_push")),
        require_code_owner_reviews=bool(parameters.get("require_code_owner_review"))
        or (known is not None and known.require_code_owner_reviews),
        require_last_push_approval=bool(parameters.get("require_last_push_approval")),
    )


def fast_forward_only(forge: Registry, repository: Repository, branch: str, login: str) -> bool:
    """Whether ``login`` may not force-push to a branch."""
    return any(rules.fast_forward_only for rules in all_rules(forge, repository, branch, login))
