"""Commits and refs as GraphQL shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tide.sandbox.branch_rules import active_rulesets, all_rules
from tide.sandbox.graphql.checks import RollupView, StatusView

if TYPE_CHECKING:
    from tide.sandbox.graphql.reading import Reading
    from tide.sandbox.model import Repository


@dataclass(frozen=True)
class CommitView:
    """A ``Commit``."""

    repo: Repository
    oid: str
    typename: ClassVar[str] = "Commit"

    @property
    def status(self) -> StatusView | None:
        """The commit statuses; None where there are none."""
        statuses = self.repo.latest_statuses(self.oid)
        return StatusView(statuses) if statuses else None

    @property
    def status_check_rollup(self) -> RollupView | None:
        """Statuses and check runs; None where there are none of both."""
        runs, statuses = self.repo.latest_check_runs(self.oid), self.repo.latest_statuses(self.oid)
        return RollupView(self, runs, statuses) if runs or statuses else None


@dataclass(frozen=True)
class RefView:
    """A branch as a ``Ref``."""

    reading: Reading
    repo: Repository
    name: str
    prefix: ClassVar[str] = "refs/heads/"

    @property
    def target(self) -> CommitView:
        """The branch's head."""
        return CommitView(self.repo, self.repo.branches[self.name])

    @property
    def branch_protection_rule(self) -> BranchProtectionRuleView | None:
        """Classic protection, for administrators only."""
        found = self.repo.protections.get(self.name)
        if found is None or self.reading.forge.permission(self.repo, self.reading.login) != "admin":
            return None
        checks = found.required_status_checks
        return BranchProtectionRuleView(
            is_admin_enforced=found.enforce_admins,
            requires_strict_status_checks=checks is not None and checks.strict,
        )

    @property
    def ref_update_rule(self) -> RefUpdateRuleView | None:
        """What binds the viewer on this branch; None on an unprotected one."""
        forge, login = self.reading.forge, self.reading.login
        if self.name not in self.repo.protections and not active_rulesets(forge, self.repo, self.name):
            return None
        rules = all_rules(forge, self.repo, self.name, login)
        counts = [each.required_reviews.required_approving_review_count for each in rules if each.required_reviews]
        checks = [each.required_status_checks.checks for each in rules if each.required_status_checks]
        return RefUpdateRuleView(
            required_approving_review_count=max(counts, default=None),
            required_status_check_contexts=sorted({check.context for each in checks for check in each}),
            requires_code_owner_reviews=any(
                each.required_reviews.require_code_owner_reviews for each in rules if each.required_reviews
            ),
            requires_linear_history=any(each.linear_history for each in rules),
            requires_signatures=any(each.signatures for each in rules),
            viewer_can_push=not any(each.update_restricted or each.locked for each in rules),
        )


@dataclass(frozen=True, kw_only=True)
class BranchProtectionRuleView:
    """A ``BranchProtectionRule``."""

    is_admin_enforced: bool
    requires_strict_status_checks: bool


@dataclass(frozen=True, kw_only=True)
class RefUpdateRuleView:
    """A ``RefUpdateRule``."""

    required_approving_review_count: int | None
    required_status_check_contexts: list[str]
    requires_code_owner_reviews: bool
    requires_linear_history: bool
    requires_signatures: bool
    viewer_can_push: bool


async def git_object(repo: Repository, oid: str) -> CommitView | None:
    """Return the commit of a full SHA, None where the repository has none."""
    if oid in repo.branches.values() or oid in repo.statuses or oid in repo.check_runs:
        return CommitView(repo, oid)
    try:
        await repo.git.commit(oid)
    except KeyError:
        return None
    return CommitView(repo, oid)
