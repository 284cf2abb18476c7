"""Follow the pull requests that have opted in, from round to round, without searching for them each time.

Searching for all of them in every round is what costs most (Prow: tide/github.go Query). Here a round looks at every
pull request that is known to have opted in, past any search index (`CodeHost.follow_pulls`), and in the same breath
searches for what has changed since the last one. So of those nothing is older than a round when a pool is decided: a
label that was removed, a head that was pushed, a context that turned, a pull request that was closed. What a merge
rests on is read once more, whole, before it (`landing`).

How old may be what is seen of others: one that opts in changes by that, and is found as soon as the search index has
it. Where the index is later than the walks overlap (`refresh.OVERLAP`), or the code host changes a pull request without
calling it updated, the full search finds it, at least every `FULL_SEARCH`, as it does at once when this process begins
or the configuration changes.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

from tide.domain.keys import PoolKey, PullKey
from tide.domain.names import folded
from tide.domain.pulls import MergeState, Pull
from tide.domain.snapshot import Snapshot
from tide.policy.contexts import must_be_watched, policy_for
from tide.policy.mergeability import is_judged_otherwise
from tide.policy.queries import meets_any, needs_only_reviews
from tide.ports.code_host import NO_SEARCHES, BlockerIssue, Found, Searches
from tide.sync.world import World

FULL_SEARCH = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class _Candidates:
    """The pull requests of a pool that have opted in but for reviews, and those of them to read all check runs of."""

    keys: frozenset[PullKey] = frozenset()
    watched: frozenset[PullKey] = frozenset()


class Looked(NamedTuple):
    """What a look gave.

    `found` are the pull requests that were read for it. `blockers` are the issues that block merging, None where they
    were not had along with it; `has_changes` tells whether all that has changed was. `branch_heads` are where the
    branches of pools were seen to be.
    """

    found: Found
    blockers: tuple[BlockerIssue, ...] | None = None
    has_changes: bool = False
    branch_heads: Mapping[PoolKey, frozenset[str]] = MappingProxyType({})


@dataclass(slots=True)
class Following:
    """What has opted in as each pool's last turn saw it; lives as long as the process."""

    _pools: dict[PoolKey, _Candidates] = field(default_factory=dict)
    # As the last look gave them, and the pools of those that the code host has judged otherwise since the one before.
    _looked_at: dict[PullKey, Pull] = field(default_factory=dict)
    _judged_otherwise: set[PoolKey] = field(default_factory=set)
    # By organisation ("" for all): under which configuration the last full search was made, and when.
    _searched: dict[str, tuple[str, datetime]] = field(default_factory=dict)

    def seen(self, snapshot: Snapshot) -> None:
        """Take over who has opted in.

        One that lacks nothing but reviews is looked at as well: what they come to changes with the rules of its branch.
        """
        views = [view for view in snapshot.pulls if needs_only_reviews(snapshot.rules.queries, view.pull)]
        watched = frozenset(
            view.pull.key
            for view in views
            if meets_any(snapshot.rules.queries, view.pull)
            and must_be_watched(policy_for(view, snapshot), view.required, view.pull.contexts)
        )
        self._pools[snapshot.pool] = _Candidates(frozenset(view.pull.key for view in views), watched)

    def keep(self, pools: Collection[PoolKey], orgs: Collection[str]) -> None:
        """Forget all pools but these, and the searches of all organisations but these."""
        self._pools = {pool: candidates for pool, candidates in self._pools.items() if pool in pools}
        self._searched = {org: kept for org, kept in self._searched.items() if org in orgs}
        followed = {key for candidates in self._pools.values() for key in candidates.keys}
        self._looked_at = {key: pull for key, pull in self._looked_at.items() if key in followed}
        self._judged_otherwise &= set(pools)

    def judged_otherwise(self, pool: PoolKey) -> bool:
        """Tell, once, whether the code host judges pull requests of a pool otherwise that have not changed."""
        is_so = pool in self._judged_otherwise
        self._judged_otherwise.discard(pool)
        return is_so

    def is_search_due(self, org: str, digest: str, now: datetime) -> bool:
        """Tell whether everything is to be searched for under the configuration with this digest."""
        kept = self._searched.get(org)
        return kept is None or kept[0] != digest or now - kept[1] >= FULL_SEARCH

    def searched(self, org: str, digest: str, now: datetime) -> None:
        """Take note that a full search found everything."""
        self._searched[org] = (digest, now)

    def _compare(self, pulls: Iterable[Pull]) -> None:
        for pull in pulls:
            before = self._looked_at.get(pull.key, pull)
            if is_judged_otherwise(before, pull):
                self._judged_otherwise.add(pull.pool)
            if pull.merge_state is MergeState.UNKNOWN and before.head_sha == pull.head_sha:
                # Not worked out just now; what is known next is compared with what was known last.
                pull = replace(pull, merge_state=before.merge_state)  # noqa: PLW2901 - the same one
            self._looked_at[pull.key] = pull

    async def look(
        self,
        world: World,
        read_at: datetime,
        *,
        already_read: Collection[PullKey] = (),
        only: Collection[PoolKey] | None = None,
        along: Searches = NO_SEARCHES,
        org: str = "",
    ) -> Looked:
        """Give those that have opted in as they are now; bring the mirror up to date.

        Args:
            world: the outside.
            read_at: the moment that what is read is kept under.
            already_read: those that were read in this round, which are left out.
            only: the pools that are looked at, None for all.
            along: what to search for in the same breath.
            org: only those of this organisation, "" for all.
        """
        looked_at = self._pools.keys() if only is None else self._pools.keys() & set(only)
        pools = [self._pools[pool] for pool in looked_at if not org or folded(pool.org) == folded(org)]
        keys = sorted({key for candidates in pools for key in candidates.keys} - set(already_read))
        if not keys:
            return Looked(Found(()))
        watched = frozenset(key for candidates in pools for key in candidates.watched)
        followed = await world.code_host.follow_pulls(keys, watched=watched, along=along, org=org)
        pulls = tuple(pull for pull in followed.pulls.values() if pull)
        self._compare(pulls)
        await world.store.save_pulls(pulls, read_at)
        there = world.code_host.now()
        for asked_at, changed in (followed.changed or {}).items():
            # They were kept when they were read, unless something came between.
            await world.store.save_pulls(changed, read_at - max(there - asked_at, timedelta(0)))
        await world.store.drop_pulls([key for key, pull in followed.pulls.items() if pull is None], read_at)
        # Where some were read, the turn of its pool tells what is wrong with each of the others.
        error = "" if followed.pulls else next(iter(followed.lost.values()), "")
        found = Found(pulls, complete=not followed.lost, error=error)
        return Looked(found, followed.blockers, followed.changed is not None, followed.branch_heads)
