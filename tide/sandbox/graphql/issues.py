"""Issues, and what pull requests share with them, as GraphQL shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tide.sandbox.graphql.accounts import AccountView, account_view
from tide.sandbox.graphql.connections import Connection, Paging, paged

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Unpack

    from tide.sandbox.graphql.reading import Reading
    from tide.sandbox.model import Issue, Repository


@dataclass(frozen=True)
class LabelView:
    """A ``Label``."""

    name: str


@dataclass(frozen=True)
class MilestoneView:
    """A ``Milestone``."""

    title: str


@dataclass(frozen=True)
class IssueView:
    """An ``Issue``."""

    reading: Reading
    repo: Repository
    record: Issue
    typename: ClassVar[str] = "Issue"
    page: ClassVar[str] = "issues"

    @property
    def id(self) -> str:
        """The node id."""
        return self.record.node_id

    @property
    def number(self) -> int:
        """The number within the repository."""
        return self.record.number

    @property
    def title(self) -> str:
        """The title."""
        return self.record.title

    @property
    def body(self) -> str:
        """The text; empty where there is none, which REST calls null."""
        return self.record.body or ""

    @property
    def url(self) -> str:
        """The page."""
        return f"{self.reading.url}/{self.repo.full_name}/{self.page}/{self.record.number}"

    @property
    def author(self) -> AccountView | None:
        """Who opened it."""
        return account_view(self.reading, self.record.author)

    @property
    def state(self) -> str:
        """``OPEN`` or ``CLOSED``."""
        return self.record.state.upper()

    @property
    def created_at(self) -> datetime:
        """When it was opened."""
        return self.record.created_at

    @property
    def updated_at(self) -> datetime:
        """When anything but its checks last changed."""
        return self.record.updated_at

    @property
    def milestone(self) -> MilestoneView | None:
        """The milestone it is on."""
        found = self.repo.milestones.get(self.record.milestone) if self.record.milestone is not None else None
        return MilestoneView(found.title) if found else None

    def labels(self, **paging: Unpack[Paging]) -> Connection:
        """The labels, in the order in which they were put on."""
        return paged(self.record.labels, paging, LabelView)
