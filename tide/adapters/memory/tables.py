"""The tables, and what a row holds beside the domain's own value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import TypeVar

from tide.adapters.clock import SystemClock
from tide.domain.decisions import Verdict
from tide.domain.evidence import Batch, Evidence, Landing
from tide.domain.intents import Intent
from tide.domain.keys import HeadKey, Hint, PoolKey, PullKey, RepoKey
from tide.domain.pulls import Blocker, Pull
from tide.domain.records import DecisionRecord, HistoryRecord
from tide.domain.retests import Retest
from tide.domain.runs import Run
from tide.domain.snapshot import Standing
from tide.ports.clock import Clock

K = TypeVar("K")
V = TypeVar("V")


class Table(dict[K, V]):
    """Rows by their keys, in the order in which they came.

    `writings` counts how often any row was written; `versions` holds for each row which of the writings was its last.
    """

    def __init__(self) -> None:
        super().__init__()
        self.writings = 0
        self.versions: dict[K, int] = {}

    def __setitem__(self, key: K, row: V) -> None:
        """Write a row."""
        self.writings += 1
        self.versions[key] = self.writings
        super().__setitem__(key, row)

    def keep(self, key: K, row: V) -> None:
        """Write a row, unless it is there just so."""
        if key not in self or self[key] != row:
            self[key] = row


@dataclass(frozen=True, slots=True)
class PullRow:
    """A pull request; `is_as_read` is False where we have changed it since, so that whatever is read next is news."""

    pull: Pull
    is_as_read: bool = True


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far a search got."""

    name: str
    query: str
    until: datetime


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run, and when it was last seen to change."""

    run: Run
    saved_at: datetime

    @property
    def begun_at(self) -> datetime:
        """When it was started, as far as that is known."""
        return self.run.started_at or self.saved_at


@dataclass(frozen=True, slots=True)
class RetestRow:
    """What is asked to be run again, and the names of the runs that were there before."""

    retest: Retest
    seen: frozenset[str]

    @property
    def is_open(self) -> bool:
        """Whether no run has answered it."""
        return not self.retest.run_name


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """A decision as readers see it, with the digest of its document, and that packed."""

    record: DecisionRecord
    digest: str
    body: bytes


@dataclass(frozen=True, slots=True)
class PoolRow:
    """A pool as its last decision shows it; `places` are the numbers in each of its lists."""

    decision_id: int | None = None
    base_sha: str = ""
    places: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    blockers: tuple[Blocker, ...] = ()
    tenant_ids: tuple[str, ...] = ()
    error: str = ""
    is_dropped: bool = False

    @property
    def is_well(self) -> bool:
        """Whether it is shown without an error."""
        return not self.error and not self.is_dropped


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """The lead, by the clock of the tables."""

    holder: str
    token: int
    taken_at: datetime
    expires_at: datetime


@dataclass
class Tables:
    """All that is kept, and the clock that stands for the database server's."""

    clock: Clock = field(default_factory=SystemClock)
    pulls: Table[PullKey, PullRow] = field(default_factory=Table)
    pull_reads: dict[PullKey, datetime] = field(default_factory=dict)
    latest_reading: datetime | None = None
    watermarks: dict[str, Watermark] = field(default_factory=dict)
    verdicts: Table[PullKey, Verdict] = field(default_factory=Table)
    standings: Table[PoolKey, Standing] = field(default_factory=Table)
    runs: Table[tuple[str, int], RunRow] = field(default_factory=Table)
    evidence: dict[tuple[str, str, str], Evidence] = field(default_factory=dict)
    batches: Table[tuple[PoolKey, str, tuple[tuple[int, str], ...]], Batch] = field(default_factory=Table)
    landings: dict[tuple[RepoKey, int, str], Landing] = field(default_factory=dict)
    intents: dict[int, Intent] = field(default_factory=dict)
    snapshots: dict[str, bytes] = field(default_factory=dict)
    decisions: Table[int, DecisionRow] = field(default_factory=Table)
    pools: Table[PoolKey, PoolRow] = field(default_factory=Table)
    history: Table[int, HistoryRecord] = field(default_factory=Table)
    retests: dict[int, RetestRow] = field(default_factory=dict)
    statuses: dict[HeadKey, int] = field(default_factory=dict)
    deliveries: set[str] = field(default_factory=set)
    hints: dict[int, Hint] = field(default_factory=dict)
    lease: LeaseRow | None = None
    _ids: "count[int]" = field(default_factory=lambda: count(1))

    def next_id(self) -> int:
        """Give a number greater than every one before."""
        return next(self._ids)
