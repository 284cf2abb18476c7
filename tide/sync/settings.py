"""What the code host allows in a repository and asks of a merge into a branch, read once an hour."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from tide.domain.branch_rules import NO_RULES, BranchRules
from tide.domain.errors import Permanent, Transient
from tide.domain.keys import PoolKey, RepoKey
from tide.domain.pulls import RepoSettings
from tide.domain.rules import BlocksPolicy, PoolRules
from tide.sync.world import World

SETTINGS_LAST = timedelta(hours=1)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class HostSettings:
    """What was read last, with the moment until which it is believed; lives as long as the process."""

    _repos: dict[RepoKey, tuple[datetime, RepoSettings]] = field(default_factory=dict)
    _branches: dict[PoolKey, tuple[datetime, BranchRules]] = field(default_factory=dict)
    _changed: set[PoolKey] = field(default_factory=set)
    # Those whose rules do not tell that they are strict, while pull requests have told it.
    _strict: set[PoolKey] = field(default_factory=set)

    async def of_repository(self, world: World, repo: RepoKey) -> RepoSettings:
        """Give the settings of a repository, at most an hour old; raise RemoteError when they cannot be read."""
        now = world.clock.now()
        until, settings = self._repos.get(repo, (now, RepoSettings()))
        if now >= until:
            settings = await world.code_host.repo_settings(repo)
            self._repos[repo] = (now + SETTINGS_LAST, settings)
        return settings

    async def of_branch(self, world: World, pool: PoolKey) -> BranchRules:
        """Give the rules of a branch, at most an hour old.

        Rules only tell a refusal in advance. So where they cannot be read the last ones are given, or none at all: what
        they forbid is then found out by asking for a merge, as Prow's Tide does.
        """
        now = world.clock.now()
        until, rules = self._branches.get(pool, (now, NO_RULES))
        if now < until:
            return replace(rules, is_strict=True) if pool in self._strict else rules
        try:
            rules = await world.code_host.branch_rules(pool)
        except Transient:
            return rules
        except Permanent as error:
            world.observer.pool_failed(pool, error)
        self._strict.discard(pool)
        if pool in self._branches and rules != self._branches[pool][1]:
            self._changed.add(pool)
        self._branches[pool] = (now + SETTINGS_LAST, rules)
        return rules

    def learn_strict(self, pool: PoolKey) -> None:
        """Hear that a branch is strict, which its rules do not tell; it is believed until they are read anew."""
        self._strict.add(pool)

    def have_changed(self, pool: PoolKey) -> bool:
        """Tell whether the rules of a branch are others than its pull requests were judged by when they were read."""
        return pool in self._changed

    def all_read(self, pool: PoolKey) -> None:
        """Hear that all pull requests of a branch were read since."""
        self._changed.discard(pool)

    def due(self, pools: Collection[PoolKey], now: datetime) -> list[PoolKey]:
        """Name those branches whose rules are to be read."""
        return sorted(pool for pool in pools if pool not in self._branches or now >= self._branches[pool][0])

    def last(self, pool: PoolKey, *, with_rules: bool) -> datetime | None:
        """Tell until when the settings of a pool's repository last, and the rules of its branch; None: not known."""
        kept = [self._repos.get(pool.repository), *([self._branches.get(pool)] if with_rules else [])]
        return min((one[0] for one in kept if one), default=None) if all(kept) else None

    def keep(self, pools: Collection[PoolKey]) -> None:
        """Forget what is known of all branches but these, and of repositories that none of these is in."""
        repos = {pool.repository for pool in pools}
        self._repos = {repo: kept for repo, kept in self._repos.items() if repo in repos}
        self._branches = {pool: kept for pool, kept in self._branches.items() if pool in pools}
        self._changed &= set(pools)
        self._strict &= set(pools)

    def doubt(self, pool: PoolKey) -> None:
        """Have everything about a branch read anew: the code host has just refused a merge, or judges otherwise."""
        self._repos.pop(pool.repository, None)
        if pool in self._branches:
            self._branches[pool] = (_LONG_AGO, self._branches[pool][1])

    def doubt_all(self, repo: RepoKey) -> list[PoolKey]:
        """Have everything about the branches of a repository read anew; name those that anything is known of."""
        known = [pool for pool in self._branches if pool.repository == repo]
        for pool in known:
            self.doubt(pool)
        return known

    def changed(self, pool: PoolKey) -> None:
        """Hear that the code host judges the pull requests of a branch otherwise: all of them are to be read anew."""
        self.doubt(pool)
        self._changed.add(pool)


def bear_on_merges(rules: PoolRules) -> bool:
    """Tell whether the code host's own rules are to be looked at in a pool, or operators have them left to it."""
    return rules.blocks_policy is not BlocksPolicy.IGNORE
