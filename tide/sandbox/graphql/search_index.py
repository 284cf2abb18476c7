"""What search knows of issues and pull requests, which may be a while behind what they are."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from tide.sandbox.changes import CommentChanged, IssueChanged, PullChanged, ReviewChanged
from tide.sandbox.model import PullRequest
from tide.sandbox.rules import decisive_reviews, review_decision

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from tide.sandbox.changes import AnyChange
    from tide.sandbox.model import Issue, Repository
    from tide.sandbox.state import Forge

_WORD = re.compile(r"\w+")

ReviewDecision = Literal["APPROVED", "CHANGES_REQUESTED", "REVIEW_REQUIRED"] | None


@dataclass(frozen=True, kw_only=True)
class Document:
    """One issue or pull request as the index holds it; ``repository`` and ``record`` are live, the rest is a copy."""

    repository: Repository
    record: Issue
    is_pull: bool
    number: int
    is_open: bool
    is_merged: bool
    is_draft: bool
    author: str
    labels: frozenset[str]
    milestone: str | None
    base: str | None
    head: str | None
    head_sha: str | None
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    merged_at: datetime | None
    comments: int
    review_decision: ReviewDecision
    title: str
    body: str

    @cached_property
    def title_words(self) -> str:
        """The title's words, in small letters, with single spaces around each."""
        return spaced_words(self.title)

    @cached_property
    def body_words(self) -> str:
        """The body's words likewise."""
        return spaced_words(self.body)


def spaced_words(text: str) -> str:
    """Return ``" word word "`` of a text, so that ``in`` finds whole words and phrases."""
    return f" {' '.join(_WORD.findall(text.casefold()))} "


@dataclass
class SearchIndex:
    """The documents of all repositories, brought up to date by the forge's changes after ``lag``.

    Archiving a repository and the checks on a head are read live: GitHub's index lags there too, but nothing here
    depends on it.
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
            is_merged=pull is not None and pull.merged,
            is_draft=pull is not None and pull.draft,
            author=record.author.lower(),
            labels=frozenset(name.lower() for name in record.labels),
            milestone=milestone.title.lower() if milestone else None,
            base=pull.base_ref if pull else None,
            head=pull.head_ref if pull else None,
            head_sha=pull.head_sha if pull else None,
            created_at=record.created_at,
            updated_at=record.updated_at,
            closed_at=record.closed_at,
            merged_at=pull.merged_at if pull else None,
            comments=len(record.comments),
            review_decision=self._review_decision(repository, pull) if pull else None,
            title=record.title,
            body=record.body or "",
        )

    def _review_decision(self, repository: Repository, pull: PullRequest) -> ReviewDecision:
        """Return what ``review:`` finds, which also where no review is required counts those there are.

        GitHub docs, "Search by pull request review status": ``review:approved`` is what a reviewer has approved.
        """
        decision = review_decision(self.forge, repository, pull)
        states = {review.state for review in decisive_reviews(self.forge, repository, pull, writers_only=True)}
        return decision or ("APPROVED" if "APPROVED" in states else None)
