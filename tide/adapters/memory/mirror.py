"""The mirror of the open pull requests."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from tide.adapters.documents import storable
from tide.adapters.memory.tables import PullRow, Tables, Watermark
from tide.domain.keys import HeadKey, PoolKey, PullKey, RepoKey
from tide.domain.pulls import Pull


class MemoryMirror:
    """Keeps the pull requests as last read (tide.ports.store.mirror.Mirror)."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    async def reading_begins(self) -> datetime:
        """Give the moment that a reading is to be kept under, by the clock of the tables; it never goes back."""
        moment, latest = self.tables.clock.now(), self.tables.latest_reading
        self.tables.latest_reading = max(moment, latest + timedelta(microseconds=1)) if latest else moment
        return self.tables.latest_reading

    async def save_pulls(self, pulls: Sequence[Pull], read_at: datetime) -> None:
        """Keep these as read at `read_at`; an older reading never overwrites a newer one."""
        by_key = {pull.key: pull for pull in sorted(pulls, key=lambda pull: pull.updated_at)}
        for key in _stamped(self.tables, by_key, read_at):
            new, known = PullRow(storable(by_key[key])), self.tables.pulls.get(key)
            # What is older by the code host's own account is no news, whenever it was read.
            if known is None or (known != new and known.pull.updated_at <= new.pull.updated_at):
                self.tables.pulls[key] = new

    async def open_pulls(self, repos: Collection[RepoKey] | None = None) -> tuple[Pull, ...]:
        """Give the open ones, sorted by key; None means of every repository."""
        return _open(self.tables, lambda pull: repos is None or pull.key.repository in repos)

    async def pool_pulls(self, pool: PoolKey) -> tuple[Pull, ...]:
        """Give the open ones of one pool, sorted by number."""
        return _open(self.tables, lambda pull: pull.pool == pool)

    async def pulls_named(self, keys: Collection[PullKey]) -> tuple[Pull, ...]:
        """Give those of these that are open, sorted by key."""
        return _open(self.tables, lambda pull: pull.key in keys)

    async def pulls_of_head(self, head: HeadKey) -> tuple[Pull, ...]:
        """Give the open ones with this head, sorted by number."""
        return _open(self.tables, lambda pull: (pull.key.repository, pull.head_sha) == (head.repository, head.sha))

    async def drop_pulls(self, keys: Collection[PullKey], at: datetime) -> None:
        """Mark these as no longer open (closed, deleted, or no longer covered)."""
        for key in _stamped(self.tables, keys, at):
            known = self.tables.pulls.get(key)
            if known and known.pull.is_open:
                self.tables.pulls[key] = PullRow(replace(known.pull, is_open=False), is_as_read=False)

    async def watermark(self, name: str) -> tuple[str, datetime] | None:
        """Give what `set_watermark` kept under a name: the search that it is for, and how far it got."""
        found = self.tables.watermarks.get(name)
        return (found.query, found.until) if found else None

    async def set_watermark(self, name: str, query: str, until: datetime) -> None:
        """Keep how far a search got."""
        self.tables.watermarks[name] = Watermark(name, query, until)


def _open(tables: Tables, is_wanted: Callable[[Pull], bool]) -> tuple[Pull, ...]:
    opened = (row.pull for row in tables.pulls.values() if row.pull.is_open)
    return tuple(sorted(filter(is_wanted, opened), key=lambda pull: pull.key))


def _stamped(tables: Tables, keys: Iterable[PullKey], read_at: datetime) -> list[PullKey]:
    """Note when these were read; give those of which no later reading is known."""
    reads = tables.pull_reads
    accepted = [key for key in keys if reads.get(key, read_at) <= read_at]
    reads.update(dict.fromkeys(accepted, read_at))
    return accepted
