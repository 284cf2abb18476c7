"""What search knows of issues and pull requests, which may be a while behind what they are."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from tide.sandbox.changes import CommentChanged, IssueChanged, PullChanged, ReviewChanged
from tide.sandbox.model import PullRequest
from tide.sandbox.rules import decisive_reviews, review_decision

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from tide.sandbox.changes import AnyChange
    from tide.sandbox.model import Issue, Repository
    from tide.sandbox.state import Forge


@dataclass(frozen=True, kw_only=True)
class Document:
    """One issue or pull request as the index holds it; ``repository`` and ``record`` are live, the rest is a copy."""

    repository: Repository
    record: Issue
    is_pull: bool
    number: int
    is_open: bool
    is_approved: bool
    author: str
    labels: frozenset[str]
    milestone: str | None
    base: str | None
    created_at: datetime
    updated_at: datetime


@dataclass
class SearchIndex:
    """The documents of all repositories, brought up to date by the forge's changes after ``lag``.

    Archiving a repository is read live: GitHub's index lags there too, but nothing here depends on it.
    """

    forge: Forge
    lag: timedelta = timedelta(0)
    _documents: dict[int, dict[int, Document]] = field(default_factory=dict)
    _waiting: deque[tuple[datetime, Document]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        for repository in self.forge.repositories.values():
            for record in (*repository.issues.values(), *repository.pulls.values()):
                self._take(self._document(repository, record))
        self.forge.subscribe(self._changed)

    def documents(self, repositories: Iterable[Repository]) -> Iterable[Document]:
        """Return what is known by now of these repositories."""
        self._catch_up()
        for repository in repositories:
            yield from self._documents.get(repository.id, {}).values()

    def _changed(self, change: AnyChange) -> None:
        match change:
            case PullChanged(repository=repository, pull=record) | ReviewChanged(repository=repository, pull=record):
                self._waiting.append((change.at, self._document(repository, record)))
            case (
                IssueChanged(repository=repository, issue=record) | CommentChanged(repository=repository, issue=record)
            ):
                self._waiting.append((change.at, self._document(repository, record)))
            case _:
                return
        self._catch_up()

    def _catch_up(self) -> None:
        now = self.forge.now()
        while self._waiting and self._waiting[0][0] + self.lag <= now:
            self._take(self._waiting.popleft()[1])

    def _take(self, document: Document) -> None:
        self._documents.setdefault(document.repository.id, {})[document.number] = document

    def _document(self, repository: Repository, record: Issue) -> Document:
        pull = record if isinstance(record, PullRequest) else None
        milestone = repository.milestones.get(record.milestone) if record.milestone is not None else None
        return Document(
            repository=repository,
            record=record,
            is_pull=pull is not None,
            number=record.number,
            is_open=record.state == "open",
            is_approved=pull is not None and self._is_approved(repository, pull),
            author=record.author.lower(),
            labels=frozenset(name.lower() for name in record.labels),
            milestone=milestone.title.lower() if milestone else None,
            base=pull.base_ref if pull else None,
            created_at=record.created_at,
            updated_at=record.updated_at,
        )

    def _is_approved(self, repository: Repository, pull: PullRequest) -> bool:
        """Whether ``review:approved`` finds it, which also where no review is required counts those there are.

        GitHub docs, "Search by pull request review status": ``review:approved`` is what a reviewer has approved.
        """
        decision = review_decision(self.forge, repository, pull)
        if decision is not None:
            return decision == "APPROVED"
        reviews = decisive_reviews(self.forge, repository, pull, writers_only=True)
        return any(review.state == "APPROVED" for review in reviews)
