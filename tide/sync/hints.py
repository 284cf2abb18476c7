"""Find the pools that a hint from outside is about.

A hint only says where to look. What it names is read anew or looked up as last read, and nothing that came with it is
believed.
"""

from collections.abc import Collection, Iterable, Mapping

from tide.domain.errors import Permanent
from tide.domain.keys import HeadKey, Hint, PoolKey, PullKey, RepoKey
from tide.domain.pulls import Pull
from tide.policy.queries import meets_any
from tide.policy.search import covers
from tide.ports.code_host import PartlyRead
from tide.ports.job_config import JobConfig
from tide.sync.world import World


async def pools_of(world: World, config: JobConfig, hints: Collection[Hint]) -> frozenset[PoolKey]:
    """Read the pull requests among the hints, and find the pools in which something may have changed.

    Args:
        world: the outside.
        config: the configuration in force; what it does not cover is left alone.
        hints: a pull request concerns the pool that it was in and the one that it is in now. A head, a branch or a
            repository concerns the pools where a pull request of it opts in to merging: jobs report on many others.

    Raises:
        Transient: the pull requests could not be read just now.
        StoreError: the database is out of reach.
    """
    covered = [hint for hint in hints if covers(config.queries, _repository(hint))]
    pools = await _reread(world, [hint for hint in covered if isinstance(hint, PullKey)])
    # After the pull requests, as a new head's first status comes right behind it.
    for hint in covered:
        if not isinstance(hint, PullKey):
            mirrored = await _mirrored(world, hint)
            pools |= {pull.pool for pull in mirrored if meets_any(config.queries, pull)}
    return pools


def _repository(hint: Hint) -> RepoKey:
    return hint if isinstance(hint, RepoKey) else hint.repository


async def _reread(world: World, keys: Collection[PullKey]) -> frozenset[PoolKey]:
    """Bring the mirror up to date with these pull requests; give the pools that they were in and those they are in."""
    if not keys:
        return frozenset()
    before, now = await world.store.pulls_named(keys), await world.store.reading_begins()
    answers = await _read(world, keys)
    found = [pull for pull in answers.values() if pull]
    await world.store.save_pulls(found, now)
    await world.store.drop_pulls([key for key, pull in answers.items() if pull is None], now)
    return frozenset(pull.pool for pull in (*before, *found) if pull.is_open)


async def _read(world: World, keys: Collection[PullKey]) -> Mapping[PullKey, Pull | None]:
    """Read what can be read; the pools of the others find out for themselves what is wrong with them."""
    try:
        return await world.code_host.read_pulls(sorted(keys))
    except PartlyRead as partly:
        return partly.found
    except Permanent:
        return {}


async def _mirrored(world: World, hint: RepoKey | PoolKey | HeadKey) -> Iterable[Pull]:
    match hint:
        case HeadKey():
            return await world.store.pulls_of_head(hint)
        case PoolKey():
            return await world.store.pool_pulls(hint)
        case RepoKey():
            return await world.store.open_pulls([hint])
