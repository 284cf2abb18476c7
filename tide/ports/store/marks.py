"""Whether anything has changed."""

from collections.abc import Collection, Mapping
from typing import Protocol

from tide.domain.keys import PoolKey


class Marks(Protocol):
    """What shows that nothing has changed of what is remembered."""

    async def marks(self, pools: Collection[PoolKey] | None = None) -> Mapping[PoolKey, str]:
        """Give marks of pools: of those of these that have an open pull request, without any given of all such.

        As long as a pool has the same mark, no pull request in it was changed here, none came or went, and neither its
        standing was changed nor a job asked for again, by whomever. It has none, "", while anything is under way: a run
        that has no verdict yet, a batch that is being tested, a deed whose outcome is not known.
        """
        ...
