"""The open pull requests, as they were last read."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from tide.domain.keys import HeadKey, PoolKey, PullKey, RepoKey
from tide.domain.pulls import Pull


class Mirror(Protocol):
    """The open pull requests of the covered repositories, as they were last read."""

    async def reading_begins(self) -> datetime:
        """Give the moment that a reading is to be kept under; it is asked for before anything is read.

        It is by the clock of the store, and later than every one given before, whoever got it: the clocks of replicas
        may differ, and each of them may be set back.
        """
        ...

    async def save_pulls(self, pulls: Sequence[Pull], read_at: datetime) -> None:
        """Keep these as read at `read_at` (`reading_begins`); an older reading never overwrites a newer one."""
        ...

    async def open_pulls(self, repos: Collection[RepoKey] | None = None) -> tuple[Pull, ...]:
        """Give the open ones, sorted by key; None means of every repository."""
        ...

    async def pool_pulls(self, pool: PoolKey) -> tuple[Pull, ...]:
        """Give the open ones of one pool, sorted by number."""
        ...

    async def pulls_named(self, keys: Collection[PullKey]) -> tuple[Pull, ...]:
        """Give those of these that are open, sorted by key."""
        ...

    async def pulls_of_head(self, head: HeadKey) -> tuple[Pull, ...]:
        """Give the open ones with this head, sorted by number."""
        ...

    async def drop_pulls(self, keys: Collection[PullKey], at: datetime) -> None:
        """Mark these as no longer open (closed, deleted, or no longer covered), as read at that moment."""
        ...

    async def watermark(self, name: str) -> tuple[str, datetime] | None:
        """Give what `set_watermark` kept under a name: the search that it is for, and how far it got."""
        ...

    async def set_watermark(self, name: str, query: str, until: datetime) -> None:
        """Keep how far a search got."""
        ...
