"""Candidates (what is tested) and runs (one test of one candidate by one job)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from tide.domain.keys import PoolKey, PullKey


@dataclass(frozen=True, slots=True)
class Head:
    """One pull request's head inside a candidate; the texts are for people and for the CI's own records."""

    number: int
    sha: str
    author: str = ""
    title: str = ""
    branch: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A state of a branch that might become true: `heads` merged one after the other onto `base_sha`.

    `run_tree` is the tree that a test of it sees; no heads means the branch as it is.
    """

    pool: PoolKey
    base_sha: str
    heads: tuple[Head, ...] = ()
    run_tree: str = ""

    @property
    def refs(self) -> str:
        """Name the candidate as Prow does: `branch:base_sha,number:head_sha,...`."""
        return ",".join((f"{self.pool.branch}:{self.base_sha}", *(f"{head.number}:{head.sha}" for head in self.heads)))


def public(url: str) -> str:
    """Give the address of a log where everybody can see it, "" where only our own pages can lead there."""
    return url if url.startswith(("http://", "https://")) else ""


class RunState(StrEnum):
    """The state of a run (Prow: ProwJobState)."""

    SCHEDULING = "scheduling"
    TRIGGERED = "triggered"
    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"
    ABORTED = "aborted"
    ERROR = "error"

    @property
    def is_live(self) -> bool:
        """Tell whether a verdict may still come."""
        return self in {RunState.SCHEDULING, RunState.TRIGGERED, RunState.PENDING}

    @property
    def is_failed(self) -> bool:
        """Tell whether it ended without having passed."""
        return self in {RunState.FAILURE, RunState.ABORTED, RunState.ERROR}


class RunKind(StrEnum):
    """What a run tests: one pull request, several, or a branch as it is (Prow: ProwJobType)."""

    PRESUBMIT = "presubmit"
    BATCH = "batch"
    POSTSUBMIT = "postsubmit"


class Purpose(StrEnum):
    """Why a run was started."""

    FIRST = "first"  # a head that had no result yet; Prow's trigger plugin would have started it
    RETEST = "retest"  # a pull request alone on the current base
    BATCH = "batch"  # several pull requests together
    PROOF = "proof"  # a branch head that nobody has proved
    FOREIGN = "foreign"  # somebody else started it


class Base(NamedTuple):
    """A head of a branch that something is tested on."""

    pool: PoolKey
    sha: str


@dataclass(frozen=True, slots=True)
class Run:
    """One test of one candidate by one job.

    `heads` are (number, head SHA) in the order in which they are merged. `url` is where its log is: an address, or a
    path on our own page. `overdue_at` is the moment from which one that is still live is not waited for any more.
    """

    name: str
    job: str
    context: str
    kind: RunKind
    pool: PoolKey
    base_sha: str
    heads: tuple[tuple[int, str], ...]
    state: RunState
    purpose: Purpose = Purpose.FOREIGN
    job_digest: str = ""
    run_tree: str = ""
    attempt: int = 1
    description: str = ""
    url: str = ""
    tenant_id: str = ""
    started_at: datetime | None = None
    completed_at: datetime | None = None
    overdue_at: datetime | None = None

    @property
    def base(self) -> Base:
        """The head of the branch that it is tested on."""
        return Base(self.pool, self.base_sha)

    def tests(self, pull: PullKey, head_sha: str) -> bool:
        """Tell whether it tests a head, alone or together with others."""
        return self.pool.repository == pull.repository and (pull.number, head_sha) in self.heads

    def is_of_batch(self, members: tuple[tuple[int, str], ...], base_sha: str) -> bool:
        """Tell whether it tests these (number, head SHA) together, merged in this order, on a base."""
        return self.kind is RunKind.BATCH and self.heads == members and self.base_sha == base_sha
