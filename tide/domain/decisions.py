"""What was decided about a pool, and about each of its pull requests, with the reasons."""

from dataclasses import dataclass
from enum import StrEnum

from tide.domain.actions import Action, Trigger
from tide.domain.keys import PoolKey, PullKey
from tide.domain.pulls import ContextState


class Place(StrEnum):
    """Where a pull request stands in its pool (Prow: SuccessPRs, PendingPRs, MissingPRs, or not in the pool)."""

    PASSING = "passing"
    PENDING = "pending"
    MISSING = "missing"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition of merging: is it met, and what exactly was found.

    `query` is the index of the Tide query that asks for it, None where every query does or none.
    """

    name: str
    met: bool
    detail: str = ""
    query: int | None = None


class VerdictKind(StrEnum):
    """The answer to "is my pull request merging?"."""

    MERGED = "merged"
    IN_POOL = "in_pool"
    WAITING = "waiting"  # nothing is wrong; something is running or somebody else is first
    BLOCKED = "blocked"  # a human has to do something
    UNKNOWN = "unknown"  # it could not be read


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why one pull request is or is not merging.

    `summary` is one sentence, `state` that of the status context which tells it. `unblock` says what would help, one
    sentence each. `position` counts from 1 within the pool's order, None outside the pool.
    """

    pull: PullKey
    head_sha: str
    kind: VerdictKind
    place: Place
    summary: str
    requirements: tuple[Requirement, ...] = ()
    unblock: tuple[str, ...] = ()
    position: int | None = None
    state: ContextState = ContextState.PENDING


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome of the rules for one pool.

    `action` is the one thing to do now. `first_runs` are heads without any result whose required jobs are to be
    started, besides. The lists hold numbers in ascending order; `batch_pending` those of the batch in flight in the
    order in which it is tested.
    """

    pool: PoolKey
    base_sha: str
    action: Action
    first_runs: tuple[Trigger, ...] = ()
    passing: tuple[int, ...] = ()
    pending: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()
    batch_pending: tuple[int, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
