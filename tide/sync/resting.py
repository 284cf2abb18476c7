"""Pools at rest: what was decided about them last holds until something that it rests on changes.

Deciding costs a dozen statements and a call to the code host for each pool, however little has happened. A decision is
a function of what was read, so that a pool need not be decided anew while all of that is seen to be the same: the
mirror and whatever else is stored, and the runs (each by a mark), what has opted in (all of it was looked at for these
facts), the head of the branch (told by the same look), the issues that block, the configuration, the lease.

Whatever may change by the mere passing of time keeps a pool from rest: a run that is live, a hold, a check run that is
awaited, a status that is not shown yet, a branch that is not proven. The settings of the code host last for an hour.
When in doubt, a pool is decided.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from zlib import crc32

from tide.domain.actions import Blocked, Wait
from tide.domain.decisions import Decision
from tide.domain.keys import PoolKey, PullKey
from tide.domain.pulls import Blocker
from tide.domain.runs import Purpose, Run
from tide.domain.snapshot import PullView, Snapshot, Standing, StandingKind
from tide.policy.queries import meets_any
from tide.sync.refresh import Refreshed

# For the case that something is missing above: nothing rests for longer than this, nor for less than half of it, so
# that those which were decided together are not decided together again.
LONGEST_REST = timedelta(minutes=10)


class Ground(NamedTuple):
    """What is noted before a pool is read for a decision; one that is the same later means that it still stands.

    `digest` is that of the configuration, `token` that of the lease (0 for none); `stored` and `runs` are marks.
    """

    digest: str
    token: int
    stored: str
    runs: str
    blockers: tuple[Blocker, ...]

    @property
    def is_firm(self) -> bool:
        """Tell whether all of it is known."""
        return bool(self.stored and self.runs)


@dataclass(frozen=True, slots=True)
class Rest:
    """The last decision about a pool, and what it rests on."""

    ground: Ground
    decision_id: int
    decision: Decision
    standing: Standing
    base_sha: str
    opted_in: frozenset[PullKey]
    until: datetime

    def holds(self, facts: Refreshed, ground: Ground) -> bool:
        """Tell whether nothing has changed."""
        heads = facts.branch_heads.get(self.decision.pool)
        return (
            self.ground == ground
            and facts.read_at < self.until
            and self.opted_in <= facts.read
            and (not self.base_sha or heads == frozenset({self.base_sha}))
        )


@dataclass(slots=True)
class Resting:
    """Remembers the pools at rest; lives as long as the process."""

    _pools: dict[PoolKey, Rest] = field(default_factory=dict)

    def of(self, pool: PoolKey) -> Rest | None:
        """Give what a pool rests on, None for one that does not."""
        return self._pools.get(pool)

    def lay(self, rest: Rest) -> None:
        """Let a pool rest."""
        self._pools[rest.decision.pool] = rest

    def disturb(self, pool: PoolKey) -> None:
        """Have a pool decided the next time, whatever is seen."""
        self._pools.pop(pool, None)

    def keep(self, pools: Collection[PoolKey]) -> None:
        """Forget all pools but these."""
        self._pools = {pool: rest for pool, rest in self._pools.items() if pool in pools}


def may_rest(snapshot: Snapshot, decision: Decision) -> bool:
    """Tell whether a decision stays as it is until something else changes than the time."""
    return (
        isinstance(decision.action, Wait | Blocked)
        and not decision.first_runs
        and snapshot.standing.kind is StandingKind.PROVEN
        and not any(run.state.is_live for run in snapshot.runs if _bears_on(run, snapshot.base_sha))
        and all(view.pull.contexts_known and not view.held for view in candidates(snapshot))
    )


def _bears_on(run: Run, base_sha: str) -> bool:
    # What others test on another base shows no result here, and that it ends is told by the mark of the runs.
    return run.base_sha == base_sha or run.purpose is not Purpose.FOREIGN


def candidates(snapshot: Snapshot) -> list[PullView]:
    """Give the pull requests of a pool that have opted in."""
    return [view for view in snapshot.pulls if meets_any(snapshot.rules.queries, view.pull)]


def rests_until(pool: PoolKey, now: datetime, settings_last: datetime) -> datetime:
    """Tell when a pool is to be decided anew in any case."""
    share = 0.5 + crc32(str(pool).encode()) / 2**33
    return min(now + share * LONGEST_REST, settings_last)
