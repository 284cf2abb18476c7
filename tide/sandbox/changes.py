"""Every change of the simulated GitHub as a value, and the log that hands them out.

Subscribers are called at once, in the order in which they subscribed, in the middle of the change's own call: they must
not block and must not change the forge. The records they get are live; render what must not change later.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from tide.sandbox.commits import Commit
    from tide.sandbox.model import CheckRun, Comment, CommitStatus, Issue, PullRequest, Repository, Review

KEPT_CHANGES = 10_000
"""How many changes the log remembers for ``/_sandbox/events``."""

Action = Literal[
    "opened",
    "edited",
    "closed",
    "reopened",
    "labeled",
    "unlabeled",
    "milestoned",
    "demilestoned",
    "assigned",
    "synchronize",
    "converted_to_draft",
    "ready_for_review",
    "review_requested",
]
"""What can happen to a pull request; to an issue the first nine."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """What all changes say: where, by whom, when, and their place in the order of all."""

    sequence: int
    at: datetime
    actor: str
    repository: Repository


@dataclass(frozen=True, kw_only=True)
class PullChanged(Change):
    """A pull request changed. A merge is ``closed`` with ``pull.merged``; ``edited`` holds old values in ``before``.

    ``before`` maps a field (``title``, ``body``, ``base_ref``, ``head_sha``) to what it was; ``label`` is the name for
    ``labeled`` and ``unlabeled``.
    """

    action: Action
    pull: PullRequest
    label: str | None = None
    before: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class IssueChanged(Change):
    """An issue (not a pull request) changed."""

    action: Action
    issue: Issue
    label: str | None = None
    before: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class CommentChanged(Change):
    """A comment of an issue or pull request was made, edited or deleted."""

    action: Literal["created", "edited", "deleted"]
    issue: Issue
    comment: Comment


@dataclass(frozen=True, kw_only=True)
class ReviewChanged(Change):
    """A review was submitted or dismissed."""

    action: Literal["submitted", "dismissed"]
    pull: PullRequest
    review: Review


@dataclass(frozen=True, kw_only=True)
class StatusCreated(Change):
    """A commit status was set."""

    status: CommitStatus


@dataclass(frozen=True, kw_only=True)
class CheckRunChanged(Change):
    """A check run was created or completed."""

    action: Literal["created", "completed", "rerequested"]
    check_run: CheckRun


@dataclass(frozen=True)
class PushContent:
    """What git knows of a push: its new commits, oldest first, and whether it threw others away."""

    commits: tuple[Commit, ...] = ()
    forced: bool = False


@dataclass(frozen=True, kw_only=True)
class Pushed(Change):
    """A branch moved, by a push or by a merge (``pull``). ``before``/``after`` is None for created/deleted."""

    branch: str
    before: str | None
    after: str | None
    content: PushContent
    pull: PullRequest | None = None


@dataclass(frozen=True, kw_only=True)
class RepositoryChanged(Change):
    """A repository was made, or its settings, rules, labels or milestones changed (``what``)."""

    what: str


AnyChange = (
    PullChanged
    | IssueChanged
    | CommentChanged
    | ReviewChanged
    | StatusCreated
    | CheckRunChanged
    | Pushed
    | RepositoryChanged
)


class ChangeLog:
    """Numbers changes, remembers the last ones and tells the subscribers."""

    def __init__(self) -> None:
        self.recent: deque[AnyChange] = deque(maxlen=KEPT_CHANGES)
        self._subscribers: list[Callable[[AnyChange], None]] = []
        self._sequence = 0

    def subscribe(self, subscriber: Callable[[AnyChange], None]) -> Callable[[], None]:
        """Call ``subscriber`` with every change from now on; returns a function that ends this."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    def next_sequence(self) -> int:
        """Return the number of the next change."""
        self._sequence += 1
        return self._sequence

    def publish(self, change: AnyChange) -> None:
        """Remember a change and tell everyone."""
        self.recent.append(change)
        for subscriber in tuple(self._subscribers):
            subscriber(change)
