"""What is kept for people and machines to read: history, pool views, decisions as recorded."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tide.domain.decisions import Verdict
from tide.domain.keys import PoolKey, RepoKey
from tide.domain.pulls import Blocker, Pull
from tide.domain.snapshot import PROVEN, Standing

TIDE_ACTIONS = frozenset({"TRIGGER", "TRIGGER_BATCH", "MERGE", "MERGE_BATCH"})
"""The actions that Tide's history tells; what else is recorded is for our own readers."""

TEST_FAILED, BATCH_FAILED = "TEST_FAILED", "BATCH_FAILED"
HISTORY_ACTIONS = TIDE_ACTIONS | {TEST_FAILED, BATCH_FAILED}
"""All that is recorded."""

MERGED_BUT = "merged, but "
"""How the error of a record begins whose pull requests are all merged."""


@dataclass(frozen=True, slots=True)
class HistoryTarget:
    """A pull request in a history record (Prow: prowapi.Pull)."""

    number: int
    author: str
    sha: str
    title: str
    head_branch: str

    @classmethod
    def of(cls, pull: Pull) -> "HistoryTarget":
        """Name a pull request as it is now."""
        return cls(pull.number, pull.author, pull.head_sha, pull.title, pull.head_branch)


@dataclass(frozen=True, slots=True)
class HistoryRecord:
    """One thing that was done to a pool, or a test that failed (Prow: history.Record); `reason` is ours.

    `error` says what went wrong, "" when nothing did.
    """

    pool: PoolKey
    time: datetime
    action: str
    base_sha: str
    targets: tuple[HistoryTarget, ...]
    error: str = ""
    reason: str = ""
    tenant_ids: tuple[str, ...] = ()
    id: int = 0

    @property
    def is_done(self) -> bool:
        """Tell whether it was done, be it otherwise than planned."""
        return not self.error or self.error.startswith(MERGED_BUT)

    @property
    def mark(self) -> "HistoryMark":
        """The place of the record in the history of all pools."""
        return HistoryMark(self.time, self.id)


@dataclass(frozen=True, slots=True, order=True)
class HistoryMark:
    """A place in the history of all pools: that of the record with this moment and id."""

    time: datetime
    id: int


@dataclass(frozen=True, slots=True)
class HistoryState:
    """What tells whether the history has changed: how many records there are, and the newest of their ids."""

    count: int
    newest: int


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """Which records are wanted (Prow: the filters of Deck's /tide-history); None leaves a thing open.

    `pull` and `author` are of any of the targets; `has_failed` tells whether the record has an error.
    """

    repo: RepoKey | None = None
    branch: str | None = None
    pull: int | None = None
    author: str | None = None
    action: str | None = None
    has_failed: bool | None = None

    def wants(self, record: HistoryRecord) -> bool:
        """Tell whether a record is wanted."""
        return (
            self.repo in {None, record.pool.repository}
            and self.branch in {None, record.pool.branch}
            and (self.pull is None or any(target.number == self.pull for target in record.targets))
            and (self.author is None or any(target.author == self.author for target in record.targets))
            and self.action in {None, record.action}
            and self.has_failed in {None, bool(record.error)}
        )


@dataclass(frozen=True, slots=True)
class PoolView:
    """A pool as the page and the APIs show it: the last decision, and the pull requests that it speaks of.

    `action` is Tide's word (WAIT, TRIGGER, ...); `target` the pull requests that it was about. `error` tells why the
    last sync could not decide; the rest is then the last known state, as of `synced_at`.
    """

    pool: PoolKey
    base_sha: str
    action: str
    reason: str
    passing: tuple[Pull, ...] = ()
    pending: tuple[Pull, ...] = ()
    missing: tuple[Pull, ...] = ()
    outside: tuple[Pull, ...] = ()
    batch_pending: tuple[Pull, ...] = ()
    target: tuple[Pull, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    blockers: tuple[Blocker, ...] = ()
    standing: Standing = PROVEN
    error: str = ""
    tenant_ids: tuple[str, ...] = ()
    is_dry_run: bool = False
    synced_at: datetime | None = None

    @classmethod
    def at_rest(cls, pool: PoolKey, standing: Standing = PROVEN) -> "PoolView":
        """Show a pool without pull requests, about which nothing is decided."""
        return cls(pool, "", "WAIT", "No open pull request meets a query.", standing=standing)


def pool_among(views: Iterable[PoolView], pool: PoolKey) -> PoolView | None:
    """Find a pool; where none is spelled just so, one whose names differ in nothing but case."""
    alike = [view for view in views if view.pool.folded == pool.folded]
    return next((view for view in alike if view.pool == pool), alike[0] if alike else None)


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """A decision as it was recorded; an equal one that follows only moves `last_seen`.

    `rules_version` tells by which rules it was made (`tide.policy.decide.RULES_VERSION`), 0 by some before there were
    versions.
    """

    id: int
    pool: PoolKey
    snapshot_digest: str
    action: str
    reason: str
    targets: tuple[int, ...]
    first_seen: datetime
    last_seen: datetime
    outcome: str = ""
    is_dry_run: bool = False
    rules_version: int = 0


@dataclass(frozen=True, slots=True)
class PullRecord:
    """A pull request as the store holds it: what was read, and the last verdict on it."""

    pull: Pull
    verdict: Verdict | None
    read_at: datetime
