"""The store as commands see it that run beside the daemon."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from tide.adapters.clock import SystemClock
from tide.adapters.postgres import engine, migrate
from tide.adapters.postgres.store import PostgresStore
from tide.adapters.postgres.views import PostgresViews
from tide.app.database import existing_database
from tide.domain.errors import NotFound, StoreError, Unreadable
from tide.domain.keys import PoolKey, PullKey
from tide.domain.pulls import Pull
from tide.domain.records import DecisionRecord, PullRecord
from tide.domain.retests import Retest
from tide.domain.snapshot import StandingKind
from tide.policy.replay import Replayed, replay
from tide.policy.retesting import HeadJobs, jobs_of_head
from tide.ports.store import Store
from tide.ports.views import Views

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking for a retest: how the jobs of the head stand, what is newly asked for, and all that was."""

    record: PullRecord
    jobs: HeadJobs
    new: tuple[str, ...]
    retests: tuple[Retest, ...]


@dataclass(frozen=True, slots=True)
class Archive:
    """The store and its views, with what a human may tell them."""

    store: Store
    views: Views

    async def unfreeze(self, pool: PoolKey) -> str:
        """Let the branch of a frozen pool be proved again; say what will happen.

        Raises:
            NotFound: the pool is not known.
            StoreError: the pool is not frozen.
        """
        pool = await self.spelled(pool)
        standing = await self.store.standing(pool)
        if standing.kind is not StandingKind.FROZEN:
            await self.check_known(pool)
            raise StoreError(f"{pool} is not frozen: it is {standing.kind}")
        reason = f"unfrozen by a human; it was frozen because {standing.reason}"
        now = SystemClock().now()
        await self.store.set_standing(pool, replace(standing, kind=StandingKind.UNPROVEN, reason=reason, since=now))
        jobs = ", ".join(standing.contexts) or "no jobs"
        return f"{pool} goes on as soon as its branch head has passed {jobs}"

    async def retest(self, pull: PullKey) -> Asked:
        """Ask for what has failed on the head of a pull request to be run again; give what was found and asked.

        Raises:
            NotFound: the pull request is not known.
        """
        record = await self.known(pull)
        pull, head_sha = record.pull.key, record.pull.head_sha
        runs = await self.store.runs_alone(pull, head_sha)
        jobs = jobs_of_head(record.pull, await self._required(record.pull), runs)
        wanted = {*jobs.failed, *jobs.silent} if record.pull.is_open else ()
        new = await self.store.ask_again(pull, head_sha, wanted, SystemClock().now())
        return Asked(record, jobs, new, await self.store.retests(pull, head_sha))

    async def replayed(self, pool: PoolKey | None, since: datetime | None) -> AsyncIterator[Replayed]:
        """Decide again what was decided in a pool, or in all, and held at a moment or later; newest first.

        Raises:
            NotFound: the pool is not known.
            StoreError: the database does not answer.
        """
        about = await self.spelled(pool) if pool else None
        if about:
            await self.check_known(about)
        before = None
        while page := await self.views.decisions(about, _PAGE, before):
            for record in page:
                if (since is None or record.last_seen >= since) and (one := await self._replayed(record)):
                    yield one
            before = page[-1].id

    async def _replayed(self, record: DecisionRecord) -> Replayed | None:
        """Decide again what was decided once; None where it was deleted meanwhile, as old decisions are."""
        try:
            snapshot, stored = await self.store.recorded(record.id)
        except NotFound:
            return None
        except Unreadable as error:
            return Replayed(record, problem=str(error))
        return Replayed(record, replay(snapshot, stored))

    async def known(self, pull: PullKey) -> PullRecord:
        """Give what is known of a pull request; raise NotFound when that is nothing."""
        record = await self.views.pull(pull)
        if record is None:
            raise NotFound(f"{pull} is not known: it is in no covered repository, or it has not been read yet")
        return record

    async def _required(self, pull: Pull) -> tuple[str, ...]:
        """Name the jobs that a pull request needed when its pool was last decided."""
        latest = await self.views.decisions(pull.pool, 1, None)
        if not latest:
            return ()
        snapshot, _ = await self.store.recorded(latest[0].id)
        same = (view for view in snapshot.pulls if (view.pull.key, view.pull.head_sha) == (pull.key, pull.head_sha))
        return next((view.required for view in same), ())

    async def spelled(self, pool: PoolKey) -> PoolKey:
        """Give the key of a pool as it is spelled here; one that is not known stays as it is."""
        view = await self.views.pool(pool)
        return view.pool if view else pool

    async def check_known(self, pool: PoolKey) -> None:
        """Raise NotFound unless there is such a pool, or something was done in it once."""
        if await self.views.pool(pool) is None:
            raise NotFound(f"the pool {pool} is not known: it is not covered, or it has not been read yet")


@asynccontextmanager
async def open_archive(url: str | None, password_file: Path | None, data_dir: Path) -> AsyncIterator[Archive]:
    """Open the database that a daemon has filled.

    Raises:
        StoreError: there is none, or it cannot be used.
    """
    async with existing_database(url, password_file, data_dir) as found:
        await asyncio.to_thread(migrate.check, found)
        async with engine.connected(found, connections=2) as connections:
            yield Archive(PostgresStore(connections), PostgresViews(connections))
