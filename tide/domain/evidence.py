"""Proof by content: what was tested, what was meant to land, what landed."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tide.domain.keys import PoolKey
from tide.domain.pulls import MergeMethod


@dataclass(frozen=True, slots=True)
class Proposal:
    """A head that is to be merged next, and how it would land."""

    number: int
    head_sha: str
    method: MergeMethod


@dataclass(frozen=True, slots=True)
class Step:
    """One head merged: the trees after it. `run_tree` as a test sees it, `plan_tree` as the branch would have it."""

    number: int
    head_sha: str
    method: MergeMethod
    run_tree: str
    plan_tree: str


@dataclass(frozen=True, slots=True)
class Skip:
    """A head that was left out, and why: it conflicts, it changes nothing, or its landing cannot be predicted.

    When the reason `may_pass`, the same head may go onto the same base later (a machine was too busy, a ref lags); else
    `remedy` says in a sentence what its author has to do.
    """

    number: int
    reason: str
    may_pass: bool = False
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Assembly:
    """Heads merged one after the other onto a base, in memory.

    `base_tree` is the tree at `base_sha`. `git_version` stands beside each result, since another git may merge
    otherwise.
    """

    base_sha: str
    base_tree: str
    steps: tuple[Step, ...]
    skips: tuple[Skip, ...]
    git_version: str

    @property
    def run_tree(self) -> str:
        """The tree that a test of all steps sees."""
        return self.steps[-1].run_tree if self.steps else self.base_tree

    @property
    def plan_tree(self) -> str:
        """The tree that the branch would have after landing all steps."""
        return self.steps[-1].plan_tree if self.steps else self.base_tree


@dataclass(frozen=True, slots=True)
class Evidence:
    """One job's verdict on one tree."""

    job_digest: str
    run_tree: str
    passed: bool
    run_name: str
    context: str
    pool: PoolKey
    base_sha: str
    observed_at: datetime


class BatchState(StrEnum):
    """What became of a batch."""

    TESTING = "testing"
    PASSED = "passed"
    FAILED = "failed"
    LANDED = "landed"
    PARTIAL = "partial"  # some members landed, then something stopped it
    ABANDONED = "abandoned"  # the base or a member changed before the verdict


@dataclass(frozen=True, slots=True)
class Batch:
    """Several pull requests tested together on one base, with the three trees."""

    pool: PoolKey
    base_sha: str
    members: tuple[tuple[int, str], ...]
    contexts: tuple[str, ...]
    run_tree: str
    plan_tree: str
    state: BatchState = BatchState.TESTING
    landed_tree: str = ""
    reason: str = ""
    created_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Landing:
    """One pull request that landed (or was sent to), with the trees: run, planned, landed.

    `base_sha` is the branch head that it was merged onto as planned; `landed_sha` the commit that the branch got.
    """

    pool: PoolKey
    number: int
    head_sha: str
    method: MergeMethod
    base_sha: str
    run_tree: str
    plan_tree: str
    landed_sha: str
    landed_tree: str
    landed_at: datetime
