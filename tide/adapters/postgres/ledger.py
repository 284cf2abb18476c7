"""What was begun, tested and landed in the pools."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Text, any_, bindparam, exists, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncEngine

from tide.adapters.postgres.documents import digest, document, storable
from tide.adapters.postgres.engine import statements
from tide.adapters.postgres.keys import POOL, in_its_pool, in_pool, its_pool, pool_of, pool_row
from tide.adapters.postgres.leases import in_force
from tide.adapters.postgres.schema import batches, evidence, intents, landings, runs, standings
from tide.adapters.postgres.statements import as_json, insert_given, names_of, rows, upsert
from tide.domain.errors import LeaseLost
from tide.domain.evidence import Batch, BatchState, Evidence, Landing
from tide.domain.intents import Intent, IntentKind
from tide.domain.keys import PoolKey
from tide.domain.pulls import MergeMethod
from tide.domain.runs import Candidate, Purpose, Run, RunKind, RunState
from tide.domain.snapshot import PROVEN, Standing, StandingKind

LIVE_STATES = sorted(state.value for state in RunState if state.is_live)
_RUN_TEXTS = ("name", "job", "context", "base_sha", "job_digest", "run_tree", "description", "url", "tenant_id")
_RUN_COLUMNS = tuple(name for name in names_of(runs) if name != "is_forgotten")
_EVIDENCE_COLUMNS = names_of(evidence)
_LANDING_COLUMNS = tuple(name for name in names_of(landings) if name != "id")
_LATEST_LANDINGS = 2000
_SET_STANDING = upsert(standings, (*POOL, "kind", "reason", "contexts", "since"), POOL)

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
_ADD_LANDING = insert_given(landings, _LANDING_COLUMNS).on_conflict_do_nothing()

_BATCH_KEY = (*POOL, "base_sha", "members_digest")
_BATCH_FIRST = ("members", "created_at")
_BATCH_STATE = ("contexts", "run_tree", "plan_tree", "landed_tree", "state", "reason", "ended_at")
_SAVE_BATCH = upsert(batches, (*_BATCH_KEY, *_BATCH_FIRST, *_BATCH_STATE), _BATCH_KEY, kept=_BATCH_FIRST)

_NO_LEASE = "another replica leads, or the lease has run out"
_INTENT_COLUMNS = (*POOL, "kind", "subject", "detail", "begun_at", "token", "latest_at")
_INTENT_FIELDS = tuple(name for name in names_of(intents) if name not in {*POOL, "kind"})
_BEGIN = (
    insert(intents)
    .from_select(
        _INTENT_COLUMNS,
        in_force().with_only_columns(
            *(bindparam(f"its_{name}", type_=intents.c[name].type) for name in _INTENT_COLUMNS)
        ),
    )
    .returning(intents.c.id)
)
_PROCEED = (
    update(intents)
    .where(intents.c.id == bindparam("its_id"), exists(select(in_force().cte("in_force"))))
    .values(latest_at=bindparam("at"))
)
_STANDING = select(standings).where(in_its_pool(standings))
_OPEN_INTENTS = select(intents).where(intents.c.ended_at.is_(None)).order_by(intents.c.id)
_OPEN_INTENTS_OF_POOL = _OPEN_INTENTS.where(in_its_pool(intents))
_LIVE_RUNS = select(runs).where(runs.c.state.in_(LIVE_STATES)).order_by(runs.c.name)
_LIVE_RUNS_OF_POOL = _LIVE_RUNS.where(in_its_pool(runs))
_first_head = literal_column("heads #>> '{0,1}'", Text)
_FIRST_RUNS = (
    select(_first_head, runs.c.context)
    .where(in_its_pool(runs), _first_head == any_(bindparam("its_heads", type_=ARRAY(Text))))
    .where(runs.c.purpose == Purpose.FIRST.value)
    .distinct()
)
_its_base = bindparam("its_base", type_=Text)
_BATCHES = select(batches).where(in_its_pool(batches), batches.c.base_sha == _its_base).order_by(batches.c.id)
_FAILED_BATCHES = (
    select(batches)
    .where(in_its_pool(batches), batches.c.state == BatchState.FAILED.value)
    .where((batches.c.base_sha == _its_base) | (batches.c.ended_at >= bindparam("since")))
    .order_by(batches.c.id)
)
# By their numbers, of which there is an index: what is wanted of them is always new.
_oldest_of_latest = select(func.max(landings.c.id) - _LATEST_LANDINGS).scalar_subquery()
_LANDINGS = select(landings).where(in_its_pool(landings), landings.c.id > _oldest_of_latest).order_by(landings.c.id)
_ABANDON = (
    update(batches)
    .where(in_its_pool(batches), batches.c.base_sha != _its_base, batches.c.state == BatchState.TESTING.value)
    .values(state=BatchState.ABANDONED.value, reason="the base has moved", ended_at=bindparam("at"))
)


class PostgresLedger:
    """Keeps standings, intents, runs, evidence, batches and landings (tide.ports.store.Ledger)."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def standing(self, pool: PoolKey) -> Standing:
        """Give the standing of a pool's branch; PROVEN when nothing is known against it."""
        async with statements(self.engine) as connection:
            row = (await connection.execute(_STANDING, its_pool(pool))).mappings().one_or_none()
        return standing_from(dict(row)) if row else PROVEN

    async def set_standing(self, pool: PoolKey, standing: Standing) -> None:
        """Change the standing of a pool's branch."""
        row = pool_row(pool) | {
            "kind": standing.kind,
            "reason": standing.reason,
            "contexts": standing.contexts,
            "since": standing.since,
        }
        async with statements(self.engine) as connection:
            await connection.execute(_SET_STANDING, rows([row]))

    async def begin(self, intent: Intent) -> int:
        """Write down a deed before it is done; give its id.

        Raises:
            LeaseLost: the intent's token is not that of the lease in force.
        """
        row = pool_row(intent.pool) | {name: getattr(intent, name) for name in _INTENT_COLUMNS if name not in POOL}
        given = {f"its_{name}": value for name, value in storable(row).items()}
        async with statements(self.engine) as connection:
            intent_id = (await connection.execute(_BEGIN, given)).scalar_one_or_none()
        if intent_id is None:
            raise LeaseLost(_NO_LEASE)
        return int(intent_id)

    async def proceed(self, intent: Intent, at: datetime) -> None:
        """Write down that the next step of a deed (by its id) is begun at `at`.

        Raises:
            LeaseLost: the intent's token is not that of the lease in force.
        """
        given = {"its_id": intent.id, "its_token": intent.token, "at": at}
        async with statements(self.engine) as connection:
            if not (await connection.execute(_PROCEED, given)).rowcount:
                raise LeaseLost(_NO_LEASE)

    async def finish(self, intent_id: int, outcome: str, at: datetime) -> None:
        """Write down what came of a deed; what was written first stays."""
        unfinished = (intents.c.id == intent_id) & intents.c.ended_at.is_(None)
        async with statements(self.engine) as connection:
            await connection.execute(update(intents).where(unfinished).values(outcome=storable(outcome), ended_at=at))

    async def open_intents(self, pool: PoolKey | None = None) -> tuple[Intent, ...]:
        """Give the deeds of a pool, or of all, whose outcome is not known, oldest first."""
        query, given = (_OPEN_INTENTS_OF_POOL, its_pool(pool)) if pool else (_OPEN_INTENTS, {})
        async with statements(self.engine) as connection:
            return tuple(map(_intent_from, (await connection.execute(query, given)).mappings()))

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

    async def save_batch(self, batch: Batch) -> None:
        """Keep a batch, known by its pool, base and members; a later state replaces an earlier one."""
        row = pool_row(batch.pool) | {
            "members_digest": digest(document(batch.members)),
            **{name: getattr(batch, name) for name in ("base_sha", *_BATCH_FIRST, *_BATCH_STATE)},
        }
        async with statements(self.engine) as connection:
            await connection.execute(_SAVE_BATCH, rows([row]))

    async def batches(self, pool: PoolKey, base_sha: str) -> tuple[Batch, ...]:
        """Give the batches that were tested on one base, oldest first."""
        async with statements(self.engine) as connection:
            found = await connection.execute(_BATCHES, its_pool(pool) | {"its_base": base_sha})
            return tuple(map(batch_from, found.mappings()))

    async def failed_batches(self, pool: PoolKey, base_sha: str, since: datetime) -> tuple[Batch, ...]:
        """Give the batches that failed on one base, or on any since a moment, oldest first."""
        async with statements(self.engine) as connection:
            found = await connection.execute(_FAILED_BATCHES, its_pool(pool) | {"its_base": base_sha, "since": since})
            return tuple(map(batch_from, found.mappings()))

    async def landings(self, pool: PoolKey) -> tuple[Landing, ...]:
        """Give what has landed last in a pool, oldest first: so far as it is among the latest of all pools."""
        async with statements(self.engine) as connection:
            return tuple(map(_landing_from, (await connection.execute(_LANDINGS, its_pool(pool))).mappings()))

    async def abandon_batches(self, pool: PoolKey, base_sha: str, at: datetime) -> None:
        """Mark the batches of a pool that are being tested on any other base as abandoned: the base has moved."""
        async with statements(self.engine) as connection:
            await connection.execute(_ABANDON, its_pool(pool) | {"its_base": base_sha, "at": at})

    async def add_landing(self, landing: Landing) -> None:
        """Keep what landed; the same landing twice is kept once."""
        names = [name for name in _LANDING_COLUMNS if name not in POOL]
        row = pool_row(landing.pool) | {name: getattr(landing, name) for name in names}
        async with statements(self.engine) as connection:
            await connection.execute(_ADD_LANDING, rows([row]))


def standing_from(row: Mapping[str, Any]) -> Standing:
    """Build a standing from its row."""
    return Standing(StandingKind(row["kind"]), row["reason"], tuple(row["contexts"]), row["since"])


def run_from(row: RowMapping) -> Run:
    """Build a run from its row."""
    return Run(
        **{name: row[name] for name in (*_RUN_TEXTS, "attempt", "started_at", "completed_at")},
        kind=RunKind(row["kind"]),
        pool=pool_of(row),
        heads=_pairs(row["heads"]),
        state=RunState(row["state"]),
        purpose=Purpose(row["purpose"]),
    )


def batch_from(row: RowMapping) -> Batch:
    """Build a batch from its row."""
    return Batch(
        **{name: row[name] for name in ("base_sha", "run_tree", "plan_tree", "landed_tree", "reason")},
        pool=pool_of(row),
        members=_pairs(row["members"]),
        contexts=tuple(row["contexts"]),
        state=BatchState(row["state"]),
        created_at=row["created_at"],
        ended_at=row["ended_at"],
    )


def _pairs(found: Sequence[Sequence[object]]) -> tuple[tuple[int, str], ...]:
    return tuple((int(str(number)), str(sha)) for number, sha in found)


def _run_row(run: Run) -> dict[str, object]:
    names = (*_RUN_TEXTS, "attempt", "kind", "heads", "state", "purpose", "started_at", "completed_at")
    return pool_row(run.pool) | {name: getattr(run, name) for name in names}


def _intent_from(row: RowMapping) -> Intent:
    return Intent(
        **{name: row[name] for name in _INTENT_FIELDS},
        kind=IntentKind(row["kind"]),
        pool=pool_of(row),
    )


def _landing_from(row: RowMapping) -> Landing:
    known = {name: row[name] for name in _LANDING_COLUMNS if name not in {*POOL, "method"}}
    return Landing(**known, pool=pool_of(row), method=MergeMethod(row["method"]))


def _evidence_from(row: RowMapping) -> Evidence:
    return Evidence(**{name: row[name] for name in _EVIDENCE_COLUMNS if name not in POOL}, pool=pool_of(row))
