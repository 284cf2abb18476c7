"""What somebody asked to be run again, until a run answers it."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime

from tide.adapters.documents import storable
from tide.adapters.memory.tables import RetestRow, Tables
from tide.domain.keys import PoolKey, PullKey
from tide.domain.retests import Retest
from tide.domain.runs import Run, RunKind


class MemoryRetests:
    """Keeps what is asked to be run again (tide.ports.store.retests.Retests)."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    async def ask_again(self, pull: PullKey, head_sha: str, contexts: Collection[str], at: datetime) -> tuple[str, ...]:
        """Ask for jobs of a head to be run once more; give those that nobody was waiting for already, sorted."""
        waiting = {row.retest.context for row in _asked(self.tables, pull, head_sha) if row.is_open}
        new = sorted({storable(context) for context in contexts} - waiting)
        for context in new:
            seen = frozenset(run.name for run in _alone(self.tables, pull, head_sha) if run.context == context)
            self.tables.retests[self.tables.next_id()] = RetestRow(Retest(pull, head_sha, context, at), seen)
        return tuple(new)

    async def asked_again(self, pool: PoolKey, heads: Collection[str]) -> tuple[tuple[str, str], ...]:
        """Give (head SHA, context) of what is asked for on these heads and no run has answered, sorted."""
        return tuple(sorted((row.retest.head_sha, row.retest.context) for _, row in _open(self.tables, pool, heads)))

    async def answer_asked(self, pool: PoolKey, heads: Collection[str], at: datetime) -> None:  # noqa: ARG002 - nobody asks when
        """Write down which runs have answered what is asked for on these heads: those that came after the asking."""
        for number, row in list(_open(self.tables, pool, heads)):
            asked = row.retest
            alone = (run for run in _alone(self.tables, asked.pull, asked.head_sha) if run.context == asked.context)
            if answer := next((run for run in alone if run.name not in row.seen), None):
                self.tables.retests[number] = replace(row, retest=replace(asked, run_name=answer.name))

    async def retests(self, pull: PullKey, head_sha: str) -> tuple[Retest, ...]:
        """Give what was ever asked for on a head, oldest first."""
        return tuple(row.retest for row in _asked(self.tables, pull, head_sha))

    async def runs_alone(self, pull: PullKey, head_sha: str) -> tuple[Run, ...]:
        """Give the runs that have tested a head alone, as last seen, sorted by name."""
        return tuple(sorted(_alone(self.tables, pull, head_sha), key=lambda run: (run.name, run.attempt)))


def _asked(tables: Tables, pull: PullKey, head_sha: str) -> list[RetestRow]:
    rows = tables.retests.values()
    return [row for row in rows if (row.retest.pull, row.retest.head_sha) == (pull, head_sha)]


def _open(tables: Tables, pool: PoolKey, heads: Collection[str]) -> Iterator[tuple[int, RetestRow]]:
    for number, row in tables.retests.items():
        if row.is_open and row.retest.pull.repository == pool.repository and row.retest.head_sha in heads:
            yield number, row


def _alone(tables: Tables, pull: PullKey, head_sha: str) -> Iterator[Run]:
    runs = (row.run for row in tables.runs.values() if row.run.kind is RunKind.PRESUBMIT)
    heads = ((pull.number, head_sha),)
    return (run for run in runs if run.pool.repository == pull.repository and run.heads == heads)
