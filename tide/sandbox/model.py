"""What exists on the simulated GitHub: plain records, read freely and changed only through ``Forge``.

SHAs are full, times are aware UTC, names are GitHub's own. ``author``, ``login`` and the like are logins; the account
behind one is ``forge.accounts[login]``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from tide.sandbox.commits import Commit
    from tide.sandbox.git_store import GitStore
    from tide.sandbox.protection import BranchProtection, Ruleset

AccountType = Literal["User", "Bot", "Organization"]
Permission = Literal["read", "triage", "write", "maintain", "admin"]
IssueState = Literal["open", "closed"]
ReviewState = Literal["APPROVED", "CHANGES_REQUESTED", "COMMENTED", "DISMISSED", "PENDING"]
StatusState = Literal["error", "failure", "pending", "success"]
CheckStatus = Literal["queued", "in_progress", "completed"]
CheckConclusion = Literal[
    "action_required", "cancelled", "failure", "neutral", "skipped", "stale", "success", "timed_out"
]
MergeMethod = Literal["merge", "squash", "rebase"]


@dataclass(eq=False)
class Account:
    """A user, a bot or an organization."""

    id: int
    node_id: str
    login: str
    type: AccountType
    created_at: datetime


@dataclass(eq=False)
class Label:
    """A label of a repository; pulls and issues hold its name."""

    id: int
    node_id: str
    name: str


@dataclass(eq=False)
class Milestone:
    """A milestone of a repository."""

    id: int
    node_id: str
    number: int
    title: str
    creator: str
    created_at: datetime
    updated_at: datetime
    state: IssueState = "open"


@dataclass(eq=False)
class Comment:
    """A comment in the conversation of an issue or a pull request."""

    id: int
    node_id: str
    author: str
    body: str
    created_at: datetime
    updated_at: datetime


@dataclass(eq=False)
class Review:
    """One submitted review; the latest decisive one of each author counts (``decisive_reviews``)."""

    id: int
    node_id: str
    author: str
    state: ReviewState
    body: str
    commit_id: str
    submitted_at: datetime


@dataclass(eq=False)
class CommitStatus:
    """A commit status; the newest of each context is the one that counts."""

    id: int
    node_id: str
    sha: str
    context: str
    state: StatusState
    description: str | None
    target_url: str | None
    creator: str
    created_at: datetime


@dataclass(eq=False)
class CheckRun:
    """A check run of an app on a commit; the newest of each name and suite is the one that counts."""

    id: int
    node_id: str
    head_sha: str
    name: str
    status: CheckStatus
    conclusion: CheckConclusion | None
    started_at: datetime | None
    completed_at: datetime | None
    app_id: int
    app_slug: str
    suite_id: int
    details_url: str | None = None
    external_id: str = ""
    title: str | None = None
    summary: str | None = None
    text: str | None = None


@dataclass(eq=False)
class Issue:
    """An issue, or what a pull request has in common with one (numbers are shared)."""

    id: int
    node_id: str
    number: int
    title: str
    body: str | None
    author: str
    created_at: datetime
    updated_at: datetime
    state: IssueState = "open"
    state_reason: str | None = None
    labels: list[str] = field(default_factory=list)
    milestone: int | None = None
    comments: list[Comment] = field(default_factory=list)
    closed_at: datetime | None = None
    closed_by: str | None = None


@dataclass(eq=False, kw_only=True)
class PullRequest(Issue):
    """A pull request. Whether it can be merged is not stored: ask ``forge.mergeability(repository, pull)``.

    ``base_sha`` is the branch head when the pull was opened, retargeted or last pushed to, as REST shows it; what a
    merge would rest on is ``repository.branches[pull.base_ref]``. ``state`` is ``closed`` for a merged one too.
    """

    head_ref: str
    head_sha: str
    base_ref: str
    base_sha: str
    head_owner: str
    draft: bool = False
    reviews: list[Review] = field(default_factory=list)
    merged_at: datetime | None = None
    merged_by: str | None = None
    merge_commit_sha: str | None = None
    merge_method: MergeMethod | None = None
    closing_head_sha: str | None = None

    @property
    def merged(self) -> bool:
        """Whether it has been merged."""
        return self.merged_at is not None

    def decisive_reviews(self) -> dict[str, Review]:
        """Return each reviewer's latest review that approves, requests changes or was dismissed."""
        decisive = [review for review in self.reviews if review.state not in {"COMMENTED", "PENDING"}]
        return {review.author: review for review in sorted(decisive, key=lambda review: review.submitted_at)}


@dataclass(eq=False)
class Hook:
    """A webhook that hears of every repository, as an organization's or a GitHub App's does."""

    id: int
    url: str
    secret: str | None
    events: tuple[str, ...]


@dataclass
class RepositorySettings:
    """The switches of a repository that a merge depends on."""

    allow_merge_commit: bool = True
    allow_squash_merge: bool = True
    allow_rebase_merge: bool = True
    delete_branch_on_merge: bool = False
    archived: bool = False
    private: bool = False
    has_pre_receive_hooks: bool = False


@dataclass(eq=False)
class Repository:
    """A repository with everything in it.

    ``branches`` mirrors ``refs/heads/*`` of the bare repository (name -> SHA) and is right whenever no git operation of
    the forge is under way. ``statuses`` and ``check_runs`` are keyed by SHA, oldest first; ``check_suites`` are the ids
    of the suites by SHA, app and workflow. ``git`` reads commits.
    """

    id: int
    node_id: str
    owner: str
    name: str
    default_branch: str
    created_at: datetime
    git: GitStore
    settings: RepositorySettings = field(default_factory=RepositorySettings)
    description: str | None = None
    pushed_at: datetime | None = None
    updated_at: datetime | None = None
    branches: dict[str, str] = field(default_factory=dict)
    collaborators: dict[str, Permission] = field(default_factory=dict)
    labels: dict[str, Label] = field(default_factory=dict)
    milestones: dict[int, Milestone] = field(default_factory=dict)
    pulls: dict[int, PullRequest] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    statuses: dict[str, list[CommitStatus]] = field(default_factory=dict)
    check_runs: dict[str, list[CheckRun]] = field(default_factory=dict)
    check_suites: dict[tuple[str, int, str], int] = field(default_factory=dict)
    protections: dict[str, BranchProtection] = field(default_factory=dict)
    rulesets: dict[int, Ruleset] = field(default_factory=dict)
    next_number: int = 1

    @property
    def full_name(self) -> str:
        """``owner/name``."""
        return f"{self.owner}/{self.name}"

    def issue_or_pull(self, number: int) -> Issue | None:
        """Return the issue or pull request of that number, as GitHub's issue endpoints do."""
        return self.pulls.get(number) or self.issues.get(number)

    def latest_statuses(self, sha: str) -> list[CommitStatus]:
        """Return the newest status of each context of a commit, newest first."""
        newest = {status.context: status for status in self.statuses.get(sha, ())}
        return sorted(newest.values(), key=lambda status: status.id, reverse=True)

    def latest_check_runs(self, sha: str) -> list[CheckRun]:
        """Return the newest check run of each name and suite of a commit, newest first."""
        newest = {(run.name, run.suite_id): run for run in self.check_runs.get(sha, ())}
        return sorted(newest.values(), key=lambda run: run.id, reverse=True)


@dataclass(frozen=True)
class Mergeability:
    """What git says about merging a head into a base; nothing about rules (for those: ``protection``).

    ``merge_commit`` is GitHub's test merge (``potentialMergeCommit``, ``refs/pull/N/merge``): None on a conflict.
    ``behind``: the base has commits that the head lacks. ``known`` is False where GitHub has not worked it out yet.
    ``unsigned``: one of its commits has no signature; looked at only where a rule of the base asks for them.
    """

    base_sha: str
    head_sha: str
    mergeable: bool
    rebaseable: bool
    behind: bool
    merge_commit: Commit | None
    known: bool = True
    unsigned: bool = False


Payload = dict[str, Any]
