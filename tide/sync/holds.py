"""Pull requests that cannot go on as they are, remembered so that they do not stand in the way of others."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from tide.domain.actions import Target
from tide.domain.keys import PoolKey
from tide.policy.mergeability import Grounds

K = TypeVar("K")

# A refusal by the code host may end without a push (a review, a changed rule), and so may a machine that is too busy or
# a ref that lags: it is tried again after a while.
TROUBLE_LASTS = timedelta(minutes=5)
# One that was refused again and again is asked for as often as the settings of its repository are read anew.
LONGEST_REFUSAL = timedelta(hours=1)
# GitHub updates a branch within seconds after it has said that it will.
UPDATE_LASTS = timedelta(minutes=1)
# A lost answer tells nothing against a change: it is tried again soon, and less and less often when it is lost again.
LOST_ANSWER_LASTS = timedelta(seconds=30)


class Held(NamedTuple):
    """Why a head cannot go on, and in a sentence what somebody has to do, "" where it is only to be tried again.

    `is_being_updated`: the code host has said that it merges the base into the branch of the head.
    """

    reason: str
    remedy: str = ""
    is_being_updated: bool = False


NOT_HELD = Held("")


@dataclass(frozen=True, slots=True)
class _Hold:
    held: Held
    until: datetime | None
    base_sha: str | None = None
    grounds: Grounds | None = None

    def has_ended(self, base_sha: str, now: datetime) -> bool:
        return self.base_sha not in {None, base_sha} or (self.until is not None and self.until <= now)

    def stands(self, grounds: Grounds | None) -> bool:
        return self.grounds is None or grounds is None or self.grounds.still_hold(grounds)


@dataclass(slots=True)
class Holds:
    """What was found out while acting: a projection, rebuilt by trying again after a restart.

    A hold is about one head, and where its reason is the base, about one base: it ends when either moves. A refusal by
    the code host says nothing about the base: it stands while the head and what it may rest on are the same.
    """

    _holds: dict[tuple[PoolKey, int, str], _Hold] = field(default_factory=dict)
    _lost_for: dict[tuple[PoolKey, int, str], timedelta] = field(default_factory=dict)
    _refused_for: dict[tuple[PoolKey, int, str], timedelta] = field(default_factory=dict)
    _updated_for: dict[tuple[PoolKey, int, str], timedelta] = field(default_factory=dict)
    # Whole branches, whatever wants to land on them.
    _branches: dict[PoolKey, _Hold] = field(default_factory=dict)
    _branch_refused_for: dict[PoolKey, timedelta] = field(default_factory=dict)

    def add(
        self,
        pool: PoolKey,
        target: Target,
        reason: str,
        remedy: str = "",
        *,
        base_sha: str | None,
        until: datetime | None = None,
    ) -> None:
        """Remember why a head cannot go on, for good or until a moment.

        Args:
            pool: the pool.
            target: the head.
            reason: why, for people.
            remedy: what somebody has to do, "" where it is only to be tried again.
            base_sha: the base upon which that is so, None where it is so on any.
            until: the moment, None for good.
        """
        self._holds[pool, target.number, target.head_sha] = _Hold(Held(reason, remedy), until, base_sha)

    def add_lost(self, pool: PoolKey, target: Target, reason: str, now: datetime) -> None:
        """Remember that the answer about a head was lost, each time for twice as long as the last time."""
        lasts = _longer(self._lost_for, (pool, target.number, target.head_sha), LOST_ANSWER_LASTS, TROUBLE_LASTS)
        self.add(pool, target, reason, base_sha=None, until=now + lasts)

    def add_refused(self, pool: PoolKey, target: Target, reason: str, grounds: Grounds, now: datetime) -> None:
        """Remember that the code host refused a head on these grounds, each time for twice as long as the last time."""
        key = (pool, target.number, target.head_sha)
        lasts = _longer(self._refused_for, key, TROUBLE_LASTS, LONGEST_REFUSAL)
        held = Held(reason, "See on its page what GitHub asks for.")
        self._holds[key] = _Hold(held, now + lasts, grounds=grounds)

    def add_updating(self, pool: PoolKey, target: Target, reason: str, now: datetime, *, base_sha: str) -> None:
        """Remember that the branch of a head is being updated with a base.

        One that has not moved by that is waited for each time for twice as long, and somebody has to look why.
        """
        key = (pool, target.number, target.head_sha)
        remedy = "See on its page why its branch is not updated." if key in self._updated_for else ""
        lasts = _longer(self._updated_for, key, UPDATE_LASTS, LONGEST_REFUSAL)
        self._holds[key] = _Hold(Held(reason, remedy, is_being_updated=True), now + lasts, base_sha)

    def add_refused_branch(self, pool: PoolKey, reason: str, now: datetime) -> None:
        """Remember that the code host lets nothing of ours into a branch, each time for twice as long."""
        lasts = _longer(self._branch_refused_for, pool, TROUBLE_LASTS, LONGEST_REFUSAL)
        remedy = f"Have an administrator let the account of the queue merge into {pool.branch}."
        self._branches[pool] = _Hold(Held(reason, remedy), now + lasts)

    def of(
        self,
        pool: PoolKey,
        base_sha: str,
        head: tuple[int, str],
        now: datetime,
        grounds: Grounds | None = None,
    ) -> Held:
        """Give why a head is held on a base now, NOT_HELD when it is not.

        Args:
            pool: the pool.
            base_sha: the base.
            head: its number and SHA.
            now: the present.
            grounds: what a refusal may rest on now, None where a change of it is not looked for.
        """
        of_head = _standing(self._holds, (pool, *head), base_sha, now, grounds)
        return of_head or _standing(self._branches, pool, base_sha, now) or NOT_HELD

    def forget_all_but(self, pool: PoolKey, heads: frozenset[tuple[int, str]]) -> None:
        """Drop the holds of heads that are no longer in a pool."""
        for kept in (self._holds, self._lost_for, self._refused_for, self._updated_for):
            for key in [key for key in kept if key[0] == pool and key[1:] not in heads]:
                del kept[key]

    def keep(self, pools: Collection[PoolKey]) -> None:
        """Drop what is known of all pools but these."""
        for of_heads in (self._holds, self._lost_for, self._refused_for, self._updated_for):
            for key in [key for key in of_heads if key[0] not in pools]:
                del of_heads[key]
        for of_branches in (self._branches, self._branch_refused_for):
            for pool in of_branches.keys() - set(pools):
                del of_branches[pool]


def _standing(
    holds: dict[K, _Hold], key: K, base_sha: str, now: datetime, grounds: Grounds | None = None
) -> Held | None:
    """Give a hold that is in force; one that has ended is dropped."""
    hold = holds.get(key)
    if hold is None:
        return None
    if hold.has_ended(base_sha, now):
        del holds[key]
        return None
    return hold.held if hold.stands(grounds) else None


def _longer(lasted: dict[K, timedelta], key: K, first: timedelta, most: timedelta) -> timedelta:
    """Give twice as long as the last time, and remember it."""
    last = lasted.get(key)
    lasted[key] = lasts = min(2 * last, most) if last else first
    return lasts
