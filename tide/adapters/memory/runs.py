"""What was started, and what it has shown."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from tide.adapters.documents import storable
from tide.adapters.memory.tables import RunRow, Tables
from tide.domain.evidence import Evidence
from tide.domain.keys import PoolKey
from tide.domain.runs import Candidate, Purpose, Run


class MemoryRuns:
    """Keeps runs as last seen, and the evidence that came of them (tide.ports.store.runs.Runs)."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    async def save_runs(self, runs: Sequence[Run], at: datetime) -> None:
        """Keep these runs as last seen; one that has ended does not live again."""
        for run in runs:
            # When it is overdue is asked of whoever runs it.
            key, new = (run.name, run.attempt), storable(replace(run, overdue_at=None))
            known = self.tables.runs.get(key)
            if known is None or (known.run != new and (known.run.state.is_live or not new.state.is_live)):
                self.tables.runs[key] = RunRow(new, at)

    async def live_runs(self, pool: PoolKey | None = None) -> tuple[Run, ...]:
        """Give the runs of a pool, or of all, that had no verdict when they were last seen, sorted by name."""
        live = (row.run for row in self.tables.runs.values() if row.run.state.is_live)
        return tuple(sorted((run for run in live if pool in {None, run.pool}), key=lambda run: run.name))

    async def spent_attempts(self, candidate: Candidate) -> Mapping[str, int]:
        """Give, by the name of the job, the highest attempt on a candidate that has ended, however it ended."""
        wanted = (candidate.pool, candidate.base_sha, tuple((head.number, head.sha) for head in candidate.heads))
        spent = dict[str, int]()
        for row in self.tables.runs.values():
            run = row.run
            if (run.pool, run.base_sha, run.heads) == wanted and not run.state.is_live:
                spent[run.job] = max(run.attempt, spent.get(run.job, 0))
        return spent

    async def first_runs(self, pool: PoolKey, heads: Collection[str]) -> tuple[tuple[str, str], ...]:
        """Give (head SHA, context) of the first runs started for these heads."""
        runs = (row.run for row in self.tables.runs.values())
        first = [run for run in runs if run.pool == pool and run.purpose is Purpose.FIRST and run.heads]
        return tuple(sorted({(run.heads[0][1], run.context) for run in first if run.heads[0][1] in heads}))

    async def add_evidence(self, evidence: Sequence[Evidence]) -> None:
        """Keep what runs have shown; the same run twice is kept once."""
        for one in map(storable, evidence):
            self.tables.evidence.setdefault((one.run_tree, one.job_digest, one.run_name), one)

    async def evidence(self, run_tree: str, digests: Collection[str]) -> tuple[Evidence, ...]:
        """Give what is known of these jobs on one tree, newest first."""
        kept = self.tables.evidence.values()
        found = sorted(
            (one for one in kept if one.run_tree == run_tree and one.job_digest in digests),
            key=lambda one: one.run_name,
        )
        return tuple(sorted(found, key=lambda one: one.observed_at, reverse=True))
