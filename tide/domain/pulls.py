"""A pull request as the code host tells it, and the contexts on its head."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tide.domain.keys import PoolKey, PullKey


class ContextState(StrEnum):
    """The state of a commit status, or of a check run seen as one (GitHub: StatusState)."""

    SUCCESS = "SUCCESS"
    PENDING = "PENDING"
    FAILURE = "FAILURE"
    ERROR = "ERROR"
    EXPECTED = "EXPECTED"

    @property
    def is_failed(self) -> bool:
        """Whether it says that something is wrong."""
        return self in {ContextState.FAILURE, ContextState.ERROR}


class ContextSource(StrEnum):
    """Where a context comes from."""

    STATUS = "status"
    CHECK_RUN = "check_run"


@dataclass(frozen=True, slots=True)
class Context:
    """A commit status or a check run on a head, treated alike.

    `suite` is the code host's id of what a check run was made in, "" for a status: check runs of one name that are in
    several suites are several contexts.
    """

    name: str
    state: ContextState
    description: str = ""
    source: ContextSource = ContextSource.STATUS
    target_url: str = ""
    suite: str = ""


class Mergeable(StrEnum):
    """Whether the head merges into its base without a conflict (GitHub: MergeableState)."""

    MERGEABLE = "MERGEABLE"
    CONFLICTING = "CONFLICTING"
    UNKNOWN = "UNKNOWN"


class MergeState(StrEnum):
    """What the code host itself thinks of merging now (GitHub: MergeStateStatus)."""

    BEHIND = "BEHIND"
    BLOCKED = "BLOCKED"
    CLEAN = "CLEAN"
    DIRTY = "DIRTY"
    DRAFT = "DRAFT"
    HAS_HOOKS = "HAS_HOOKS"
    UNKNOWN = "UNKNOWN"
    UNSTABLE = "UNSTABLE"


class ReviewDecision(StrEnum):
    """The sum of the reviews (GitHub: PullRequestReviewDecision); NONE where no review is asked for."""

    APPROVED = "APPROVED"
    CHANGES_REQUESTED = "CHANGES_REQUESTED"
    REVIEW_REQUIRED = "REVIEW_REQUIRED"
    NONE = ""


class MergeMethod(StrEnum):
    """How a pull request lands."""

    MERGE = "merge"
    SQUASH = "squash"
    REBASE = "rebase"


@dataclass(frozen=True, slots=True)
class Pull:
    """A pull request as it was read at one moment.

    `labels` are sorted. `contexts` are those of `head_sha`, complete when `contexts_known`; a pull request whose
    contexts could not be read is never merged. `base_branch` and `head_branch` are names without `refs/heads/`.
    """

    key: PullKey
    title: str
    body: str
    author: str
    base_branch: str
    head_branch: str
    head_sha: str
    updated_at: datetime
    author_is_bot: bool = False
    is_open: bool = True
    is_merged: bool = False
    is_draft: bool = False
    mergeable: Mergeable = Mergeable.UNKNOWN
    merge_state: MergeState = MergeState.UNKNOWN
    can_be_rebased: bool = True
    review_decision: ReviewDecision = ReviewDecision.NONE
    labels: tuple[str, ...] = ()
    milestone: str = ""
    contexts: tuple[Context, ...] = ()
    contexts_known: bool = True

    @property
    def number(self) -> int:
        """The number within the repository."""
        return self.key.number

    @property
    def pool(self) -> PoolKey:
        """The pool that the pull request would be in."""
        return PoolKey(self.key.org, self.key.repo, self.base_branch)


@dataclass(frozen=True, slots=True)
class RepoSettings:
    """Which merge methods a repository allows (GitHub: GET /repos/{owner}/{repo})."""

    allow_merge: bool = True
    allow_squash: bool = True
    allow_rebase: bool = True
    is_archived: bool = False

    def allows(self, method: MergeMethod) -> bool:
        """Tell whether the repository allows merging by `method`."""
        return {
            MergeMethod.MERGE: self.allow_merge,
            MergeMethod.SQUASH: self.allow_squash,
            MergeMethod.REBASE: self.allow_rebase,
        }[method]


EVERY_METHOD = RepoSettings()


@dataclass(frozen=True, slots=True)
class Blocker:
    """An open issue that blocks merging; no `branches` means all of the repository's."""

    number: int
    title: str
    url: str
    branches: tuple[str, ...] = ()
