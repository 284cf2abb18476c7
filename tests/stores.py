"""The stores that tests run on: in memory, and in Postgres."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tide.adapters.memory.inbox import MemoryInbox
from tide.adapters.memory.leases import MemoryLeases
from tide.adapters.memory.store import MemoryStore
from tide.adapters.memory.tables import Tables
from tide.adapters.memory.views import MemoryViews
from tide.adapters.postgres.engine import statements
from tide.adapters.postgres.inbox import PostgresInbox
from tide.adapters.postgres.leases import PostgresLeases
from tide.adapters.postgres.schema import metadata
from tide.adapters.postgres.store import PostgresStore
from tide.adapters.postgres.views import PostgresViews
from tide.domain.keys import HeadKey
from tide.ports.clock import SteadyClock
from tide.ports.inbox import Inbox
from tide.ports.leases import Leases
from tide.ports.store import Store
from tide.ports.views import Views

Row = dict[str, Any]


class Backend(Protocol):
    """One store, which may be opened any number of times, as by as many processes; and what no port can do to it."""

    def open_store(self) -> Store: ...

    def open_views(self) -> Views: ...

    def open_inbox(self) -> Inbox: ...

    def open_leases(self, clock: SteadyClock, lasts: timedelta) -> Leases: ...

    async def empty(self) -> None:
        """Lose all that is kept."""
        ...

    async def rows(self, table: str) -> list[Row]:
        """Give the rows of a table, oldest first."""
        ...

    async def end_lease(self, left: timedelta = timedelta(0)) -> None:
        """Let the lease run out, or have so much time left."""
        ...

    async def lease_left(self) -> timedelta:
        """Tell for how long the lease lasts yet."""
        ...

    async def forget_lease(self) -> None:
        """Lose the lease, as when the store was emptied."""
        ...

    async def set_latest_reading(self, moment: datetime) -> None:
        """Let the last reading have got this moment, as of a clock that was fast."""
        ...

    async def set_statuses_written(self, head: HeadKey, count: int) -> None:
        """Say that a commit, which has one of our statuses, has got so many."""
        ...


class MemoryBackend:
    """The store in memory."""

    def __init__(self) -> None:
        self.tables = Tables()

    def open_store(self) -> MemoryStore:
        return MemoryStore(self.tables)

    def open_views(self) -> MemoryViews:
        return MemoryViews(self.tables)

    def open_inbox(self) -> MemoryInbox:
        return MemoryInbox(self.tables)

    def open_leases(self, clock: SteadyClock, lasts: timedelta) -> MemoryLeases:
        return MemoryLeases(self.tables, clock, lasts)

    async def empty(self) -> None:
        for field in fields(self.tables):
            kept = getattr(self.tables, field.name)
            if isinstance(kept, dict | set):
                kept.clear()
        self.tables.latest_reading = self.tables.lease = None

    async def rows(self, table: str) -> list[Row]:
        kept: Mapping[Any, Any] = getattr(self.tables, table)
        return [dict(_columns(row)) for row in kept.values()]

    async def end_lease(self, left: timedelta = timedelta(0)) -> None:
        assert self.tables.lease
        self.tables.lease = replace(self.tables.lease, expires_at=self.tables.clock.now() + left)

    async def lease_left(self) -> timedelta:
        assert self.tables.lease
        return self.tables.lease.expires_at - self.tables.clock.now()

    async def forget_lease(self) -> None:
        self.tables.lease = None

    async def set_latest_reading(self, moment: datetime) -> None:
        self.tables.latest_reading = moment

    async def set_statuses_written(self, head: HeadKey, count: int) -> None:
        self.tables.statuses[head] = count


def _columns(row: Any) -> Iterable[tuple[str, Any]]:
    """Give the fields of a value, and those of the values in it, as Postgres has them beside each other."""
    for field in fields(row):
        value = getattr(row, field.name)
        if is_dataclass(value):
            yield from _columns(value)
        else:
            yield field.name, _listed(value)


def _listed(value: Any) -> Any:
    """Give tuples as lists, as they are read from JSON."""
    return list(map(_listed, value)) if isinstance(value, tuple) else value


@dataclass(frozen=True)
class PostgresBackend:
    """The store in Postgres."""

    engine: AsyncEngine

    def open_store(self) -> PostgresStore:
        return PostgresStore(self.engine)

    def open_views(self) -> PostgresViews:
        return PostgresViews(self.engine)

    def open_inbox(self) -> PostgresInbox:
        return PostgresInbox(self.engine)

    def open_leases(self, clock: SteadyClock, lasts: timedelta) -> PostgresLeases:
        return PostgresLeases(self.engine, clock, lasts, call_seconds=60)

    async def empty(self) -> None:
        async with statements(self.engine) as connection:
            for table in reversed(metadata.sorted_tables):
                await connection.execute(table.delete())

    async def rows(self, table: str) -> list[Row]:
        async with statements(self.engine) as connection:
            found = (await connection.execute(text(f"SELECT * FROM {table}"))).mappings().all()  # noqa: S608 - ours
        return sorted(map(dict, found), key=lambda row: row.get("id", 0))

    async def end_lease(self, left: timedelta = timedelta(0)) -> None:
        await self._execute("UPDATE leases SET expires_at = clock_timestamp() + :left", left=left)

    async def lease_left(self) -> timedelta:
        async with statements(self.engine) as connection:
            left = await connection.execute(text("SELECT expires_at - clock_timestamp() FROM leases"))
            return timedelta(seconds=left.scalar_one().total_seconds())

    async def forget_lease(self) -> None:
        await self._execute("DELETE FROM leases")

    async def set_latest_reading(self, moment: datetime) -> None:
        await self._execute("UPDATE reading_clock SET latest = :moment", moment=moment)

    async def set_statuses_written(self, head: HeadKey, count: int) -> None:
        update = "UPDATE statuses SET written = :count WHERE (org, repo, sha) = (:org, :repo, :sha)"
        await self._execute(update, count=count, org=head.org, repo=head.repo, sha=head.sha)

    async def _execute(self, statement: str, **values: object) -> None:
        async with statements(self.engine) as connection:
            await connection.execute(text(statement), values)
