"""Keep the mirror of open pull requests up to date: by looking at those that are known, and by searching.

Search only proposes: what a search does not return is not taken for gone (its index lags, and it can fail half-way);
a pull request leaves the mirror when it was itself read as closed.

Moments that a search speaks of, and how far a walk got, are by the code host's clock, whatever ours says.

Where each organisation has a token of its own every search is limited to one, and what is out of reach in one keeps
nothing of the others from being read.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from tide.domain.errors import RemoteError, Transient
from tide.domain.keys import PoolKey, PullKey, RepoKey
from tide.domain.names import ByName, folded
from tide.domain.pulls import Blocker
from tide.domain.rules import Query
from tide.policy import search
from tide.policy.queries import meets_any
from tide.ports.code_host import BlockerIssue, Found, Searches
from tide.ports.job_config import JobConfig
from tide.sync.following import Following
from tide.sync.world import World

COVERAGE = "coverage"
# The search index may show a change late: each walk starts a little before where the last one ended.
OVERLAP = timedelta(seconds=90)


class BlockersUnknown(Transient):
    """The blocking issues could not be read: when in doubt, wait."""


@dataclass(frozen=True, slots=True)
class Blockers:
    """The issues that block merging: those found, and why those of an organisation ("" for all) could not be read."""

    found: Mapping[RepoKey, tuple[Blocker, ...]]
    unread: Mapping[str, str]

    def are_unread(self, repo: RepoKey) -> bool:
        """Tell whether those of a repository could not be read."""
        return self._why_unread(repo) is not None

    def _why_unread(self, repo: RepoKey) -> str | None:
        return self.unread.get(repo.org, self.unread.get(""))

    def of(self, repo: RepoKey) -> tuple[Blocker, ...]:
        """Give those of a repository; raise BlockersUnknown where they could not be read, as nothing may merge then."""
        why = self._why_unread(repo)
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
    """What one round of reading gave.

    `read` are the pull requests that were read since `read_at`; `opted_in` are the pools of those of them that have
    opted in, where it was a whole round. `branch_heads` are where the branches of pools were seen to be, as far as that
    came along. `marks` are those of the pools that have an open pull request, as stored after the reading (see the port
    `Marks`). `errors` are for people.
    """

    read_at: datetime
    read: frozenset[PullKey]
    blockers: Blockers
    branch_heads: Mapping[PoolKey, frozenset[str]] = field(default_factory=dict)
    marks: Mapping[PoolKey, str] = field(default_factory=dict)
    opted_in: frozenset[PoolKey] = frozenset()
    errors: tuple[str, ...] = ()


async def refresh(world: World, config: JobConfig, following: Following) -> Refreshed:
    """Read the pull requests that opted in, and all that changed; bring the mirror up to date."""
    now, shards = world.clock.now(), _shards(world, config)
    read_at = await world.store.reading_begins()
    reads = await asyncio.gather(*(shard.read(following, now, read_at) for shard in shards))
    found = [one for read in reads for one in read.found]
    blockers = _blockers(shards, [read.issues for read in reads])
    errors = (*(one.error for one in found if one.error), *blockers.errors)
    marks = await world.store.marks()
    return Refreshed(now, _keys(found), blockers, _branch_heads(reads), marks, _opted_in(config, found), errors)


async def refresh_pools(world: World, config: JobConfig, following: Following, pools: Collection[PoolKey]) -> Refreshed:
    """Read what some pools need: those that are known to have opted in, and the issues that block merging."""
    now, orgs = world.clock.now(), {"", *(folded(pool.org) for pool in pools)}
    shards = [shard for shard in _shards(world, config) if folded(shard.org) in orgs]
    read_at = await world.store.reading_begins()
    reads = await asyncio.gather(*(shard.read_pools(following, pools, read_at) for shard in shards))
    found = [one for read in reads for one in read.found]
    blockers, marks = _blockers(shards, [read.issues for read in reads]), await world.store.marks(pools)
    return Refreshed(now, _keys(found), blockers, _branch_heads(reads), marks)


def orgs_searched(config: JobConfig) -> frozenset[str]:
    """Name the organisations that are searched each by itself, "" where all are together."""
    return frozenset(_by_org(config))


def org_searched(config: JobConfig, pool: PoolKey) -> str:
    """Name the organisation with which a pool is searched, "" where all are together."""
    return pool.org if config.search_per_org else ""


async def drop_uncovered(world: World, config: JobConfig, repos: Collection[RepoKey]) -> None:
    """Drop the pull requests of repositories that no query covers any more.

    Whoever covers them again has to walk through all of them, although nothing may have changed since the last walk.
    """
    if not repos:
        return
    store, now = world.store, await world.store.reading_begins()
    pulls = await store.open_pulls(repos)
    if not pulls:
        return
    # The walks of these have begun anew already, as they have another scope now.
    current = {folded(shard.org) for shard in _shards(world, config)}
    for org in {"", *(folded(pull.key.org) for pull in pulls)} - current:
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

    async def read(self, following: Following, now: datetime, read_at: datetime) -> "_Read":
        """Read what a round needs: all that changed since the last walk, and those that opted in.

        Those that are known to have opted in are looked at; now and then all are searched for (see `following`).
        """
        scope = search.coverage(self.queries)
        there = self.world.code_host.now()
        since = await self._walked_until(scope, there)
        if since is None or following.is_search_due(self.org, self.config.digest, now):
            return await self._searched(following, scope, since, now, read_at)
        along = Searches(search.changes_search(self.queries, since=since, until=there), self._issue_search() or "")
        looked = await following.look(self.world, read_at, along=along, org=self.org)
        found = [looked.found]
        if looked.has_changes:
            await self.world.store.set_watermark(_mark(self.org), scope, there)
        else:
            found.append(await self._changes(scope, since, read_at))
        # What the queries ask for was read without them.
        self._tell(self._pool_searches(), is_complete=all(one.complete for one in found))
        return _Read(found, await self._issues(looked.blockers), looked.branch_heads)

    async def read_pools(self, following: Following, pools: Collection[PoolKey], read_at: datetime) -> "_Read":
        """Read what some pools need."""
        along = Searches(blockers=self._issue_search() or "")
        looked = await following.look(self.world, read_at, only=pools, along=along, org=self.org)
        return _Read([looked.found], await self._issues(looked.blockers), looked.branch_heads)

    async def _issues(self, known: Sequence[BlockerIssue] | None) -> "_Issues":
        """Give the issues that block merging, by repository; a text says why they cannot be read.

        Args:
            known: all of them where they were read just now, None where they are to be searched for.
        """
        query = self._issue_search()
        if query is None:
            return {}
        if not query:
            return "the label cannot be searched for"
        try:
            issues = await self.world.code_host.search_blockers(query, org=self.org) if known is None else known
        except RemoteError as error:
            return str(error)
        blockers: dict[RepoKey, tuple[Blocker, ...]] = {}
        for issue in sorted(issues, key=lambda one: (one.repo, one.blocker.number)):
            blockers[issue.repo] = (*blockers.get(issue.repo, ()), issue.blocker)
        return blockers

    def _issue_search(self) -> str | None:
        """Give the search for the issues that block merging: "" where there can be none, None where none is needed."""
        if not self.config.blocker_label or not search.coverage(self.queries):
            return None
        return search.blocker_search(self.config.blocker_label, self.queries)

    async def _walked_until(self, scope: str, there: datetime) -> datetime | None:
        """Tell from when on to walk through what has changed; None to walk through all that is open.

        One that lies ahead was kept by a clock that was wrong: what changed meanwhile may have been passed over.
        """
        kept = await self.world.store.watermark(_mark(self.org))
        if kept and kept[0] == scope and kept[1] <= there + OVERLAP:
            return kept[1] - OVERLAP
        if kept:
            # Until a walk has come to its end, no other scope is walked through either.
            await self.world.store.set_watermark(_mark(self.org), "", there)
        return None

    async def _searched(
        self, following: Following, scope: str, since: datetime | None, now: datetime, read_at: datetime
    ) -> "_Read":
        """Search for all that changed and all that opted in; look at those that no search found.

        Where all that is open was read, those that opted in are among them and are not searched for again.
        """
        found = [await self._changes(scope, since, read_at)]
        has_all = since is None and found[0].complete
        if has_all:
            self._tell(self._pool_searches(), is_complete=True)
        else:
            pooled = await self._pools(read_at)
            has_all = all(one.complete for one in pooled)
            found += pooled
        if has_all:
            following.searched(self.org, self.config.digest, now)
        along = Searches(blockers=self._issue_search() or "")
        looked = await following.look(self.world, read_at, already_read=_keys(found), along=along, org=self.org)
        return _Read([*found, looked.found], await self._issues(looked.blockers), looked.branch_heads)

    async def _pools(self, read_at: datetime) -> list[Found]:
        async def ask(one: search.PoolSearch) -> Found:
            found = await self._found(one.text)
            self._tell([one], is_complete=found.complete)
            await self.world.store.save_pulls(found.pulls, read_at)
            return found

        return await asyncio.gather(*map(ask, self._pool_searches()))

    def _pool_searches(self) -> Sequence[search.PoolSearch]:
        until = self.world.code_host.now()
        return search.pool_searches(self.queries, per_repository=self.config.search_per_repository, until=until)

    def _tell(self, searches: Iterable[search.PoolSearch], *, is_complete: bool) -> None:
        for one in searches:
            self.world.observer.query_answered(one.query_index, self.org, "success" if is_complete else "error")

    async def _changes(self, scope: str, since: datetime | None, read_at: datetime) -> Found:
        """Read every covered pull request that changed since a moment, or all open ones."""
        if not scope:
            return Found(())
        there = self.world.code_host.now()
        found = await self._found(search.changes_search(self.queries, since=since, until=there))
        await self.world.store.save_pulls(found.pulls, read_at)
        if found.complete:
            await self.world.store.set_watermark(_mark(self.org), scope, there)
        return found

    async def _found(self, query: str) -> Found:
        try:
            return await self.world.code_host.search_pulls(query, org=self.org)
        except RemoteError as error:
            return Found((), complete=False, error=str(error))


_Issues = dict[RepoKey, tuple[Blocker, ...]] | str
"""The issues that block merging, by repository, or why they could not be read."""


class _Read(NamedTuple):
    """What a round read of one shard."""

    found: list[Found]
    issues: _Issues
    branch_heads: Mapping[PoolKey, frozenset[str]]


def _branch_heads(reads: Iterable[_Read]) -> Mapping[PoolKey, frozenset[str]]:
    """Unite where branches were seen to be; the shards share no pool."""
    return {pool: heads for read in reads for pool, heads in read.branch_heads.items()}


def _blockers(shards: Iterable[_Shard], read: Iterable[_Issues]) -> Blockers:
    found: dict[RepoKey, tuple[Blocker, ...]] = {}
    unread: dict[str, str] = {}
    for shard, issues in zip(shards, read, strict=True):
        if isinstance(issues, str):
            unread[shard.org] = issues
        else:
            found |= issues
    return Blockers(found, ByName(unread))


def _keys(found: Iterable[Found]) -> frozenset[PullKey]:
    return frozenset(pull.key for one in found for pull in one.pulls)


def _opted_in(config: JobConfig, found: Iterable[Found]) -> frozenset[PoolKey]:
    return frozenset(pull.pool for one in found for pull in one.pulls if meets_any(config.queries, pull))


def _shards(world: World, config: JobConfig) -> list[_Shard]:
    return [_Shard(world, config, org, queries) for org, queries in _by_org(config).items()]


def _by_org(config: JobConfig) -> Mapping[str, tuple[Query, ...]]:
    return search.by_org(config.queries) if config.search_per_org else {"": config.queries}


def _mark(org: str) -> str:
    return f"{COVERAGE} {folded(org)}" if org else COVERAGE
