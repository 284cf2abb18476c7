"""What was started, and what it has shown."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Text, any_, bindparam, func, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncEngine

from tide.adapters.postgres.engine import statements
from tide.adapters.postgres.keys import POOL, heads_from, in_its_pool, in_pool, its_pool, pool_of, pool_row
from tide.adapters.postgres.schema import evidence, runs
from tide.adapters.postgres.statements import as_json, insert_given, names_of, rows, upsert
from tide.domain.evidence import Evidence
from tide.domain.keys import PoolKey
from tide.domain.runs import Candidate, Purpose, Run, RunKind, RunState

LIVE_STATES = sorted(state.value for state in RunState if state.is_live)
_RUN_TEXTS = ("name", "job", "context", "base_sha", "job_digest", "run_tree", "description", "url", "tenant_id")
_RUN_COLUMNS = tuple(name for name in names_of(runs) if name != "is_forgotten")
_EVIDENCE_COLUMNS = names_of(evidence)

# A run that has ended stays ended: a late answer of a lagging cache must not bring it back to life.
_SAVE_RUNS = upsert(
    runs,
    _RUN_COLUMNS,
    ("name", "attempt"),
    unguarded=("saved_at",),
    when=runs.c.state.in_(LIVE_STATES) | literal_column("excluded.state").not_in(LIVE_STATES),
)
_ADD_EVIDENCE = insert_given(
    evidence, _EVIDENCE_COLUMNS, ("run_tree", "job_digest", "run_name")
).on_conflict_do_nothing()

_LIVE_RUNS = select(runs).where(runs.c.state.in_(LIVE_STATES)).order_by(runs.c.name)
_LIVE_RUNS_OF_POOL = _LIVE_RUNS.where(in_its_pool(runs))
_first_head = literal_column("heads #>> '{0,1}'", Text)
_FIRST_RUNS = (
    select(_first_head, runs.c.context)
    .where(in_its_pool(runs), _first_head == any_(bindparam("its_heads", type_=ARRAY(Text))))
    .where(runs.c.purpose == Purpose.FIRST.value)
    .distinct()
)


class PostgresRuns:
    """Keeps runs as last seen, and the evidence that came of them (tide.ports.store.runs.Runs)."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def save_runs(self, runs: Sequence[Run], at: datetime) -> None:
        """Keep these runs as last seen; one that has ended does not live again."""
        if not runs:
            return
        latest = {(run.name, run.attempt): _run_row(run) | {"saved_at": at} for run in runs}
        async with statements(self.engine) as connection:
            await connection.execute(_SAVE_RUNS, rows(latest.values()))

    async def live_runs(self, pool: PoolKey | None = None) -> tuple[Run, ...]:
        """Give the runs of a pool, or of all, that had no verdict when they were last seen, sorted by name."""
        query, given = (_LIVE_RUNS_OF_POOL, its_pool(pool)) if pool else (_LIVE_RUNS, {})
        async with statements(self.engine) as connection:
            return tuple(map(run_from, (await connection.execute(query, given)).mappings()))

    async def spent_attempts(self, candidate: Candidate) -> Mapping[str, int]:
        """Give, by the name of the job, the highest attempt on a candidate that has ended, however it ended."""
        heads = as_json([(head.number, head.sha) for head in candidate.heads])
        ended = (
            select(runs.c.job, func.max(runs.c.attempt))
            .where(in_pool(runs, candidate.pool), runs.c.base_sha == candidate.base_sha, runs.c.heads == heads)
            .where(runs.c.state.not_in(LIVE_STATES))
            .group_by(runs.c.job)
        )
        async with statements(self.engine) as connection:
            return {str(job): int(attempt) for job, attempt in await connection.execute(ended)}

    async def first_runs(self, pool: PoolKey, heads: Collection[str]) -> tuple[tuple[str, str], ...]:
        """Give (head SHA, context) of the first runs started for these heads."""
        async with statements(self.engine) as connection:
            found = (await connection.execute(_FIRST_RUNS, its_pool(pool) | {"its_heads": list(heads)})).all()
        return tuple(sorted((sha, context) for sha, context in found))

    async def add_evidence(self, evidence: Sequence[Evidence]) -> None:
        """Keep what runs have shown; the same run twice is kept once."""
        if not evidence:
            return
        found = [
            pool_row(one.pool) | {name: getattr(one, name) for name in _EVIDENCE_COLUMNS if name not in POOL}
            for one in evidence
        ]
        async with statements(self.engine) as connection:
            await connection.execute(_ADD_EVIDENCE, rows(found))

    async def evidence(self, run_tree: str, digests: Collection[str]) -> tuple[Evidence, ...]:
        """Give what is known of these jobs on one tree, newest first."""
        query = (
            select(evidence)
            .where(evidence.c.run_tree == run_tree, evidence.c.job_digest.in_(digests))
            .order_by(evidence.c.observed_at.desc(), evidence.c.run_name)
        )
        async with statements(self.engine) as connection:
            return tuple(map(_evidence_from, (await connection.execute(query)).mappings()))


def run_from(row: RowMapping) -> Run:
    """Build a run from its row."""
    return Run(
        **{name: row[name] for name in (*_RUN_TEXTS, "attempt", "started_at", "completed_at")},
        kind=RunKind(row["kind"]),
        pool=pool_of(row),
        heads=heads_from(row["heads"]),
        state=RunState(row["state"]),
        purpose=Purpose(row["purpose"]),
    )


def _run_row(run: Run) -> dict[str, object]:
    names = (*_RUN_TEXTS, "attempt", "kind", "heads", "state", "purpose", "started_at", "completed_at")
    return pool_row(run.pool) | {name: getattr(run, name) for name in names}


def _evidence_from(row: RowMapping) -> Evidence:
    return Evidence(**{name: row[name] for name in _EVIDENCE_COLUMNS if name not in POOL}, pool=pool_of(row))
