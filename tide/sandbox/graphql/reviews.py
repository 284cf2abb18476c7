"""Reviews as GraphQL shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tide.sandbox.graphql.accounts import AccountView, account_view

if TYPE_CHECKING:
    from datetime import datetime

    from tide.sandbox.graphql.reading import Reading
    from tide.sandbox.model import Review


@dataclass(frozen=True)
class ReviewView:
    """A ``PullRequestReview``."""

    reading: Reading
    record: Review
    typename: ClassVar[str] = "PullRequestReview"

    @property
    def id(self) -> str:
        """The node id."""
        return self.record.node_id

    @property
    def database_id(self) -> int:
        """REST's id."""
        return self.record.id

    @property
    def author(self) -> AccountView | None:
        """Who wrote it."""
        return account_view(self.reading, self.record.author)

    @property
    def body(self) -> str:
        """What it says."""
        return self.record.body

    @property
    def state(self) -> str:
        """What it comes to."""
        return self.record.state

    @property
    def submitted_at(self) -> datetime:
        """When it was submitted."""
        return self.record.submitted_at
