"""Keep the mirror of open pull requests up to date by searching.

Search only proposes: what a search does not return is not taken for gone (its index lags, and it can fail half-way);
a pull request leaves the mirror when it was itself read as closed.

Where each organisation has a token of its own every search is limited to one, and what is out of reach in one keeps
nothing of the others from being read.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from tide.domain.errors import RemoteError, TideError
from tide.domain.keys import PullKey, RepoKey
from tide.domain.pulls import Blocker
from tide.domain.rules import Query
from tide.policy import search
from tide.ports.code_host import Found
from tide.ports.job_config import JobConfig
from tide.sync.world import World

COVERAGE = "coverage"
# The search index may show a change late: each walk starts a little before where the last one ended.
OVERLAP = timedelta(seconds=90)


class BlockersUnknown(TideError):  # noqa: N818 - names the state
    """The blocking issues could not be read: when in doubt, wait."""


@dataclass(frozen=True, slots=True)
class Blockers:
    """The issues that block merging: those found, and why those of an organisation ("" for all) could not be read."""

    found: Mapping[RepoKey, tuple[Blocker, ...]]
    unread: Mapping[str, str]

    def of(self, repo: RepoKey) -> tuple[Blocker, ...]:
        """Give those of a repository; raise BlockersUnknown where they could not be read, as nothing may merge then."""
        why = self.unread.get(repo.org, self.unread.get(""))
        if why is not None:
            raise BlockersUnknown(f"{_UNREAD}, so nothing may merge: {why}")
        return self.found.get(repo, ())

    @property
    def errors(self) -> tuple[str, ...]:
        """Say what could not be read."""
        return tuple(f"{_UNREAD}: {why}" for why in self.unread.values())


_UNREAD = "the issues that may block merging could not be read"


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What one round of searching gave.

    `read` are the pull requests that were read since `read_at`. `errors` are for people.
    """

    read_at: datetime
    read: frozenset[PullKey]
    blockers: Blockers
    errors: tuple[str, ...] = ()


async def refresh(world: World, config: JobConfig) -> Refreshed:
    """Search for the pull requests that opted in, and for all that changed; bring the mirror up to date."""
    now = world.clock.now()
    searching = asyncio.gather(*(shard.search(now) for shard in _shards(world, config)))
    searched, blockers = await asyncio.gather(searching, read_blockers(world, config))
    found = list(chain.from_iterable(searched))
    errors = (*(one.error for one in found if one.error), *blockers.errors)
    return Refreshed(now, frozenset(pull.key for one in found for pull in one.pulls), blockers, errors)


async def read_blockers(world: World, config: JobConfig, *, org: str = "") -> Blockers:
    """Read the issues that block merging.

    Args:
        world: the outside.
        config: says by which label, and in which repositories.
        org: read no more than what this organisation needs; "" for all of them.
    """
    wanted = [shard for shard in _shards(world, config) if not org or shard.org in {"", org}]
    read = await asyncio.gather(*(shard.blockers() for shard in wanted))
    found = {repo: issues for one in read if not isinstance(one, str) for repo, issues in one.items()}
    return Blockers(found, {shard.org: one for shard, one in zip(wanted, read, strict=True) if isinstance(one, str)})


async def drop_uncovered(world: World, config: JobConfig, repos: Collection[RepoKey]) -> None:
    """Drop the pull requests of repositories that no query covers any more.

    Whoever covers them again has to walk through all of them, although nothing may have changed since the last walk.
    """
    store, now = world.store, world.clock.now()
    pulls = await store.open_pulls(repos)
    if not pulls:
        return
    # The walks of these have begun anew already, as they have another scope now.
    current = {shard.org for shard in _shards(world, config)}
    for org in {"", *(pull.key.org for pull in pulls)} - current:
        await store.set_watermark(_mark(org), "", now)
    await store.drop_pulls([pull.key for pull in pulls], now)


@dataclass(frozen=True, slots=True)
class _Shard:
    """What one token can search for: the queries narrowed to `org`, or all of them where it is "".

    (Prow: github.go Query and blockers.go, which split by organisation when they have an App's tokens.)
    """

    world: World
    config: JobConfig
    org: str
    queries: tuple[Query, ...]

    async def search(self, now: datetime) -> list[Found]:
        """Search for the pull requests that opted in, and for all that changed since the last walk.

        The first walk reads all open pull requests: those that opted in are among them and are not searched for again.
        """
        scope = search.coverage(self.queries)
        kept = await self.world.store.watermark(_mark(self.org))
        if kept and kept[0] == scope:
            pooled, coverage = await asyncio.gather(self._pools(now), self._changes(scope, kept[1] - OVERLAP, now))
            return [*pooled, coverage]
        if kept:
            # Until a walk has come to its end, no other scope is walked through either.
            await self.world.store.set_watermark(_mark(self.org), "", now)
        coverage = await self._changes(scope, None, now)
        return [coverage] if coverage.complete else [*await self._pools(now), coverage]

    async def blockers(self) -> dict[RepoKey, tuple[Blocker, ...]] | str:
        """Read the issues that block merging, by repository; a text says why they cannot be read."""
        if not self.config.blocker_label or not search.coverage(self.queries):
            return {}
        query = search.blocker_search(self.config.blocker_label, self.queries)
        if not query:
            return "the label cannot be searched for"
        try:
            issues = await self.world.code_host.search_blockers(query, org=self.org)
        except RemoteError as error:
            return str(error)
        blockers: dict[RepoKey, tuple[Blocker, ...]] = {}
        for issue in sorted(issues, key=lambda one: (one.repo, one.blocker.number)):
            blockers[issue.repo] = (*blockers.get(issue.repo, ()), issue.blocker)
        return blockers

    async def _pools(self, now: datetime) -> list[Found]:
        searches = search.pool_searches(self.queries, per_repository=self.config.search_per_repository, until=now)

        async def ask(one: search.PoolSearch) -> Found:
            found = await self._found(one.text)
            self.world.observer.query_answered(one.query_index, self.org, "success" if found.complete else "error")
            await self.world.store.save_pulls(found.pulls, now)
            return found

        return await asyncio.gather(*map(ask, searches))

    async def _changes(self, scope: str, since: datetime | None, now: datetime) -> Found:
        """Read every covered pull request that changed since a moment, or all open ones."""
        if not scope:
            return Found(())
        found = await self._found(search.changes_search(self.queries, since=since, until=now))
        await self.world.store.save_pulls(found.pulls, now)
        if found.complete:
            await self.world.store.set_watermark(_mark(self.org), scope, now)
        return found

    async def _found(self, query: str) -> Found:
        try:
            return await self.world.code_host.search_pulls(query, org=self.org)
        except RemoteError as error:
            return Found((), complete=False, error=str(error))


def _shards(world: World, config: JobConfig) -> list[_Shard]:
    parts = search.by_org(config.queries) if config.search_per_org else {"": config.queries}
    return [_Shard(world, config, org, queries) for org, queries in parts.items()]


def _mark(org: str) -> str:
    return f"{COVERAGE} {org}" if org else COVERAGE
