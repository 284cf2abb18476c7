"""What the code host allows in a repository and asks of a merge into a branch, read once an hour."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from tide.domain.branch_rules import NO_RULES, BranchRules
from tide.domain.errors import Permanent, RemoteError
from tide.domain.keys import PoolKey, RepoKey
from tide.domain.pulls import RepoSettings
from tide.domain.rules import BlocksPolicy, PoolRules
from tide.sync.world import World

SETTINGS_LAST = timedelta(hours=1)
TRIED_AGAIN = timedelta(seconds=30)
"""After which time rules are asked for again that could not be had just then."""


class _Rules(NamedTuple):
    """Rules, and until when they are believed."""

    until: datetime
    rules: BranchRules


@dataclass(slots=True)
class HostSettings:
    """What was read last, with the moment until which it is believed; lives as long as the process."""

    _repos: dict[RepoKey, tuple[datetime, RepoSettings]] = field(default_factory=dict)
    _branches: dict[PoolKey, _Rules] = field(default_factory=dict)

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
        await self.read_branches(world, [pool])
        return self._branches[pool].rules

    async def read_branches(self, world: World, pools: Collection[PoolKey]) -> None:
        """Read the rules of those branches of which it is time; many together cost hardly more than one."""
        now = world.clock.now()
        due = self.due(pools, now)
        if not due:
            return
        for pool, read in (await _read(world, due)).items():
            kept = self._branches[pool].rules if pool in self._branches else NO_RULES
            match read:
                case BranchRules():
                    self._branches[pool] = _Rules(now + SETTINGS_LAST, read)
                case Permanent():
                    world.observer.pool_failed(pool, read)
                    self._branches[pool] = _Rules(now + SETTINGS_LAST, kept)
                case _:
                    self._branches[pool] = _Rules(now + TRIED_AGAIN, kept)

    def due(self, pools: Collection[PoolKey], now: datetime) -> list[PoolKey]:
        """Name those branches whose rules are to be read."""
        return sorted(pool for pool in pools if pool not in self._branches or now >= self._branches[pool].until)

    def doubt(self, pool: PoolKey) -> None:
        """Have everything about a branch read anew: the code host has just refused a merge into it."""
        self._repos.pop(pool.repository, None)
        self._branches.pop(pool, None)


async def _read(world: World, pools: Collection[PoolKey]) -> Mapping[PoolKey, BranchRules | RemoteError]:
    try:
        return await world.code_host.branch_rules(pools)
    except RemoteError as error:
        return dict.fromkeys(pools, error)


def bear_on_merges(rules: PoolRules) -> bool:
    """Tell whether the code host's own rules are to be looked at in a pool, or operators have them left to it."""
    return rules.blocks_policy is not BlocksPolicy.IGNORE
