"""What somebody asked to be run again."""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from tide.domain.keys import PoolKey, PullKey
from tide.domain.retests import Retest
from tide.domain.runs import Run


class Retests(Protocol):
    """What somebody asked to be run again: a record, answered by the run that follows it."""

    async def ask_again(self, pull: PullKey, head_sha: str, contexts: Collection[str], at: datetime) -> tuple[str, ...]:
        """Ask for jobs of a head to be run once more; give those that nobody was waiting for already, sorted."""
        ...

    async def asked_again(self, pool: PoolKey, heads: Collection[str]) -> tuple[tuple[str, str], ...]:
        """Give (head SHA, context) of what is asked for on these heads and no run has answered, sorted."""
        ...

    async def answer_asked(self, pool: PoolKey, heads: Collection[str], at: datetime) -> None:
        """Write down which runs have answered what is asked for on these heads: those that came after the asking."""
        ...

    async def retests(self, pull: PullKey, head_sha: str) -> tuple[Retest, ...]:
        """Give what was ever asked for on a head, oldest first."""
        ...

    async def runs_alone(self, pull: PullKey, head_sha: str) -> tuple[Run, ...]:
        """Give the runs that have tested a head alone, as last seen, sorted by name."""
        ...
