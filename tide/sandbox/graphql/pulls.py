"""Pull requests as GraphQL shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tide.sandbox.graphql.commits import CommitView, RefView
from tide.sandbox.graphql.connections import Connection, Paging, paged
from tide.sandbox.graphql.issues import IssueView
from tide.sandbox.graphql.reviews import ReviewView
from tide.sandbox.rules import decisive_reviews, merge_state_status, review_decision

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import Unpack

    from tide.sandbox.graphql.checks import RollupView
    from tide.sandbox.model import PullRequest


@dataclass(frozen=True)
class PullView(IssueView):
    """A ``PullRequest``."""

    record: PullRequest
    typename: ClassVar[str] = "PullRequest"
    page: ClassVar[str] = "pull"

    @property
    def state(self) -> str:
        """``OPEN``, ``CLOSED`` or ``MERGED``."""
        return "MERGED" if self.record.merged else self.record.state.upper()

    @property
    def is_draft(self) -> bool:
        """Whether it is a draft."""
        return self.record.draft

    @property
    def base_ref_name(self) -> str:
        """The base branch's name."""
        return self.record.base_ref

    @property
    def base_ref_oid(self) -> str:
        """The base branch's head as the pull request last noted it; ``baseRef.target`` is where it is now."""
        return self.record.base_sha

    @property
    def base_ref(self) -> RefView | None:
        """The base branch; None when it is deleted."""
        name = self.record.base_ref
        return RefView(self.reading, self.repo, name) if name in self.repo.branches else None

    @property
    def head_ref_name(self) -> str:
        """The head branch's name."""
        return self.record.head_ref

    @property
    def head_ref_oid(self) -> str:
        """The head."""
        return self.record.head_sha

    @property
    def mergeable(self) -> str:
        """``MERGEABLE``, ``CONFLICTING``, or ``UNKNOWN`` where GitHub has not worked it out or no longer does."""
        answer = self.reading.mergeability(self.record)
        if answer is None or not answer.known:
            return "UNKNOWN"
        return "MERGEABLE" if answer.mergeable else "CONFLICTING"

    @property
    def merge_state_status(self) -> str:
        """What GitHub itself thinks of merging now."""
        answer = self.reading.mergeability(self.record)
        return merge_state_status(self.reading.forge, self.repo, self.record, answer) if answer else "UNKNOWN"

    @property
    def can_be_rebased(self) -> bool:
        """Whether its commits apply one after the other onto the base."""
        answer = self.reading.mergeability(self.record)
        return answer is not None and answer.known and answer.rebaseable

    @property
    def review_decision(self) -> str | None:
        """The sum of the reviews."""
        return review_decision(self.reading.forge, self.repo, self.record)

    def latest_opinionated_reviews(self, *, writers_only: bool, **paging: Unpack[Paging]) -> Connection:
        """The last word of each reviewer, or of each with write access."""
        found = decisive_reviews(self.reading.forge, self.repo, self.record, writers_only=writers_only)
        return paged(found, paging, lambda review: ReviewView(self.reading, review))

    @property
    def status_check_rollup(self) -> RollupView | None:
        """The head's checks."""
        return self._head.status_check_rollup

    def commits(self, **paging: Unpack[Paging]) -> Connection | Awaitable[Connection]:
        """Its commits, oldest first; the newest alone is known without git."""
        if paging.get("last") == 1 and not paging.get("after"):
            return paged([self._head], paging, PullCommitView)
        return self._all_commits(paging)

    async def _all_commits(self, paging: Paging) -> Connection:
        """Page through the commits that the base branch lacks."""
        base = self.record.merge_commit_sha if self.record.merged else self.repo.branches.get(self.record.base_ref)
        commits = await self.repo.git.commits_between(base or self.record.base_sha, self.record.head_sha)
        return paged([CommitView(self.repo, commit.sha) for commit in commits], paging, PullCommitView)

    @property
    def _head(self) -> CommitView:
        return CommitView(self.repo, self.record.head_sha)


@dataclass(frozen=True)
class PullCommitView:
    """A ``PullRequestCommit``."""

    commit: CommitView
