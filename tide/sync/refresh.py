"""Keep the mirror of open pull requests up to date by searching.

Search only proposes: what a search does not return is not taken for gone (its index lags, and it can fail half-way);
a pull request leaves the mirror when it was itself read as closed.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from tide.domain.errors import RemoteError
from tide.domain.keys import PullKey, RepoKey
from tide.domain.pulls import Blocker
from tide.policy import search
from tide.ports.code_host import Found
from tide.ports.job_config import JobConfig
from tide.sync.world import World

COVERAGE = "coverage"
# The search index may show a change late: each walk starts a little before where the last one ended.
OVERLAP = timedelta(seconds=90)


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What one round of searching gave.

    `read` are the pull requests that were read since `read_at`. `blockers` is None when they could not be read: then
    nothing may merge. `errors` are for people.
    """

    read_at: datetime
    read: frozenset[PullKey]
    blockers: dict[RepoKey, tuple[Blocker, ...]] | None
    errors: tuple[str, ...] = ()


async def refresh(world: World, config: JobConfig) -> Refreshed:
    """Search for the pull requests that opted in, and for all that changed; bring the mirror up to date."""
    now = world.clock.now()
    (pooled, coverage), blockers = await asyncio.gather(_search(world, config, now), read_blockers(world, config))
    errors = [found.error for found in (*pooled, coverage) if found.error]
    if blockers is None:
        errors.append("the issues that may block merging could not be read")
    read = frozenset(pull.key for found in (*pooled, coverage) for pull in found.pulls)
    return Refreshed(now, read, blockers, tuple(errors))


async def _search(world: World, config: JobConfig, now: datetime) -> tuple[list[Found], Found]:
    """Search for the pull requests that opted in, and for all that changed since the last walk.

    The first walk reads all open pull requests: those that opted in are among them and are not searched for again.
    """
    scope = search.coverage(config.queries)
    kept = await world.store.watermark(COVERAGE)
    if kept and kept[0] == scope:
        walk = _walk_changes(world, config, kept[1] - OVERLAP, now)
        return await asyncio.gather(_search_pools(world, config, now), walk)
    coverage = await _walk_changes(world, config, None, now)
    pooled = [] if coverage.complete else await _search_pools(world, config, now)
    return pooled, coverage


async def _search_pools(world: World, config: JobConfig, now: datetime) -> list[Found]:
    searches = search.pool_searches(config.queries, per_repository=config.search_per_repository, until=now)

    async def ask(one: search.PoolSearch) -> Found:
        found = await _found(world, one.text)
        world.observer.query_answered(one.query_index, "", "success" if found.complete else "error")
        await world.store.save_pulls(found.pulls, now)
        return found

    return await asyncio.gather(*map(ask, searches))


async def _walk_changes(world: World, config: JobConfig, since: datetime | None, now: datetime) -> Found:
    """Read every covered pull request that changed since a moment, or all open ones."""
    scope = search.coverage(config.queries)
    if not scope:
        return Found(())
    found = await _found(world, search.changes_search(config.queries, since=since, until=now))
    await world.store.save_pulls(found.pulls, now)
    if found.complete:
        await world.store.set_watermark(COVERAGE, scope, now)
    return found


async def read_blockers(world: World, config: JobConfig) -> dict[RepoKey, tuple[Blocker, ...]] | None:
    """Read the issues that block merging, by repository; None when they cannot be read."""
    if not config.blocker_label or not search.coverage(config.queries):
        return {}
    query = search.blocker_search(config.blocker_label, config.queries)
    if not query:
        return None
    try:
        issues = await world.code_host.search_blockers(query)
    except RemoteError:
        return None
    blockers: dict[RepoKey, tuple[Blocker, ...]] = {}
    for issue in sorted(issues, key=lambda one: (one.repo, one.blocker.number)):
        blockers[issue.repo] = (*blockers.get(issue.repo, ()), issue.blocker)
    return blockers


async def _found(world: World, query: str) -> Found:
    try:
        return await world.code_host.search_pulls(query)
    except RemoteError as error:
        return Found((), complete=False, error=str(error))
