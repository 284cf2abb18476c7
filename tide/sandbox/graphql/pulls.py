"""Pull requests as GraphQL shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tide.sandbox.graphql.accounts import AccountView, account_view
from tide.sandbox.graphql.commits import CommitView, RefView
from tide.sandbox.graphql.connections import Connection, PageInfo, Paging, paged
from tide.sandbox.graphql.issues import IssueView
from tide.sandbox.graphql.reviews import ReviewView
from tide.sandbox.rules import decisive_reviews, merge_state_status, review_decision

if TYPE_CHECKING:
    from datetime import datetime
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
    def permalink(self) -> str:
        """The page."""
        return self.url

    @property
    def state(self) -> str:
        """``OPEN``, ``CLOSED`` or ``MERGED``."""
        return "MERGED" if self.record.merged else self.record.state.upper()

    @property
    def is_draft(self) -> bool:
        """Whether it is a draft."""
        return self.record.draft

    @property
    def merged(self) -> bool:
        """Whether it is merged."""
        return self.record.merged

    @property
    def merged_at(self) -> datetime | None:
        """When it was merged."""
        return self.record.merged_at

    @property
    def merged_by(self) -> AccountView | None:
        """Who merged it."""
        return account_view(self.reading, self.record.merged_by)

    @property
    def merge_commit(self) -> CommitView | None:
        """What it became on its base."""
        sha = self.record.merge_commit_sha if self.record.merged else None
        return self._commit(sha) if sha else None

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
        return self._ref(self.record.base_ref)

    @property
    def head_ref_name(self) -> str:
        """The head branch's name."""
        return self.record.head_ref

    @property
    def head_ref_oid(self) -> str:
        """The head."""
        return self.record.head_sha

    @property
    def head_ref(self) -> RefView | None:
        """The head branch; None when it is deleted."""
        return self._ref(self.record.head_ref)

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
    def potential_merge_commit(self) -> CommitView | None:
        """GitHub's test merge."""
        answer = self.reading.mergeability(self.record)
        return self._commit(answer.merge_commit.sha) if answer and answer.known and answer.merge_commit else None

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
        return self._commit(self.record.head_sha).status_check_rollup

    def commits(self, **paging: Unpack[Paging]) -> object:
        """Its commits, oldest first; the newest alone is known without git."""
        if paging.get("last") == 1 and not paging.get("before") and not paging.get("after"):
            return NewestCommit(self)
        return self.all_commits(paging)

    async def all_commits(self, paging: Paging) -> Connection:
        """Page through the commits that the base branch lacks."""
        base = self.record.merge_commit_sha if self.record.merged else self.repo.branches.get(self.record.base_ref)
        commits = await self.repo.git.commits_between(base or self.record.base_sha, self.record.head_sha)
        return paged([commit.sha for commit in commits], paging, self.pull_commit)

    def pull_commit(self, sha: str) -> PullCommitView:
        """Return the view of one of its commits."""
        return PullCommitView(self, self._commit(sha))

    def _commit(self, sha: str) -> CommitView:
        return CommitView(self.reading, self.repo, sha)

    def _ref(self, name: str) -> RefView | None:
        return RefView(self.reading, self.repo, name) if name in self.repo.branches else None


@dataclass(frozen=True)
class PullCommitView:
    """A ``PullRequestCommit``."""

    pull_request: PullView
    commit: CommitView
    typename: ClassVar[str] = "PullRequestCommit"

    @property
    def id(self) -> str:
        """The node id."""
        return f"PURC_{self.pull_request.id}_{self.commit.oid}"


@dataclass(frozen=True)
class NewestCommit:
    """The page ``commits(last: 1)``: its node is known at once, what counts the others is a coroutine."""

    pull: PullView

    @property
    def nodes(self) -> list[PullCommitView]:
        """The head."""
        return [self.pull.pull_commit(self.pull.record.head_sha)]

    async def _connection(self) -> Connection:
        return await self.pull.all_commits({"last": 1})

    @property
    async def edges(self) -> object:
        """The head with its cursor."""
        return (await self._connection()).edges

    @property
    async def total_count(self) -> int:
        """How many commits there are."""
        return (await self._connection()).total_count

    @property
    async def page_info(self) -> PageInfo:
        """Whether there are others."""
        return (await self._connection()).page_info
