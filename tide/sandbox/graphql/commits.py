"""Commits, trees and refs as GraphQL shows them."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tide.sandbox.branch_rules import active_rulesets, all_rules
from tide.sandbox.graphql.checks import RollupView, StatusView
from tide.sandbox.graphql.connections import Connection, Paging, paged

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Unpack

    from tide.sandbox.graphql.reading import Reading
    from tide.sandbox.model import Commit, Repository

ABBREVIATED = 7


@dataclass(frozen=True)
class GitObjectView:
    """What commits and trees have in common."""

    reading: Reading
    repo: Repository
    oid: str
    typename: ClassVar[str]
    id_prefix: ClassVar[str]

    @property
    def id(self) -> str:
        """The node id."""
        return f"{self.id_prefix}_{base64.urlsafe_b64encode(f'{self.repo.id}:{self.oid}'.encode()).decode()}"

    @property
    def abbreviated_oid(self) -> str:
        """The first characters of the SHA."""
        return self.oid[:ABBREVIATED]


class TreeView(GitObjectView):
    """A ``Tree``."""

    typename = "Tree"
    id_prefix = "T"


class CommitView(GitObjectView):
    """A ``Commit``; what only git knows is a coroutine, so that a head's SHA and checks cost no git call."""

    typename = "Commit"
    id_prefix = "C"

    @property
    def url(self) -> str:
        """The commit's page."""
        return f"{self.reading.url}/{self.repo.full_name}/commit/{self.oid}"

    @property
    def status(self) -> StatusView | None:
        """The commit statuses; None where there are none."""
        statuses = self.repo.latest_statuses(self.oid)
        return StatusView(self, statuses) if statuses else None

    @property
    def status_check_rollup(self) -> RollupView | None:
        """Statuses and check runs; None where there are none of both."""
        runs, statuses = self.repo.latest_check_runs(self.oid), self.repo.latest_statuses(self.oid)
        return RollupView(self, runs, statuses) if runs or statuses else None

    async def _commit(self) -> Commit:
        return await self.repo.git.commit(self.oid)

    @property
    async def tree(self) -> TreeView:
        """The tree."""
        return TreeView(self.reading, self.repo, (await self._commit()).tree)

    @property
    async def message(self) -> str:
        """The whole message."""
        return (await self._commit()).message

    @property
    async def message_headline(self) -> str:
        """The first line of the message."""
        return (await self._commit()).message.partition("\n")[0]

    @property
    async def authored_date(self) -> datetime:
        """When it was written."""
        return (await self._commit()).authored_at

    @property
    async def committed_date(self) -> datetime:
        """When it was committed."""
        return (await self._commit()).committed_at

    async def parents(self, **paging: Unpack[Paging]) -> Connection:
        """The parents, first parent first."""
        return paged((await self._commit()).parents, paging, lambda oid: CommitView(self.reading, self.repo, oid))


@dataclass(frozen=True)
class RefView:
    """A branch as a ``Ref``."""

    reading: Reading
    repo: Repository
    name: str
    typename: ClassVar[str] = "Ref"
    prefix: ClassVar[str] = "refs/heads/"

    @property
    def id(self) -> str:
        """The node id."""
        return f"REF_{base64.urlsafe_b64encode(f'{self.repo.id}:{self.name}'.encode()).decode()}"

    @property
    def target(self) -> CommitView:
        """The branch's head."""
        return CommitView(self.reading, self.repo, self.repo.branches[self.name])

    @property
    def branch_protection_rule(self) -> BranchProtectionRuleView | None:
        """Classic protection, for administrators only."""
        found = self.repo.protections.get(self.name)
        if found is None or self.reading.forge.permission(self.repo, self.reading.login) != "admin":
            return None
        checks = found.required_status_checks
        return BranchProtectionRuleView(
            id=f"BPR_{base64.urlsafe_b64encode(f'{self.repo.id}:{self.name}'.encode()).decode()}",
            pattern=self.name,
            allows_deletions=found.allow_deletions,
            allows_force_pushes=found.allow_force_pushes,
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
            pattern=self.name,
            allows_deletions=not any(each.deletion_restricted for each in rules),
            allows_force_pushes=not any(each.fast_forward_only for each in rules),
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

    id: str
    pattern: str
    allows_deletions: bool
    allows_force_pushes: bool
    is_admin_enforced: bool
    requires_strict_status_checks: bool
    typename: ClassVar[str] = "BranchProtectionRule"


@dataclass(frozen=True, kw_only=True)
class RefUpdateRuleView:
    """A ``RefUpdateRule``."""

    pattern: str
    allows_deletions: bool
    allows_force_pushes: bool
    required_approving_review_count: int | None
    required_status_check_contexts: list[str]
    requires_code_owner_reviews: bool
    requires_linear_history: bool
    requires_signatures: bool
    viewer_can_push: bool


async def git_object(reading: Reading, repo: Repository, oid: str) -> CommitView | None:
    """Return the commit of a full SHA, None where the repository has none."""
    if oid in repo.branches.values() or oid in repo.statuses or oid in repo.check_runs:
        return CommitView(reading, repo, oid)
    try:
        await repo.git.commit(oid)
    except KeyError:
        return None
    return CommitView(reading, repo, oid)
