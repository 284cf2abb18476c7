"""What was decided about the pools, and what came of it."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, any_, bindparam, exists, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncEngine

from tide.adapters.decision_records import LAST_SEEN_GRAIN, POOL_LISTS, outcome_told, which_are_known
from tide.adapters.documents import (
    decision_from,
    digest,
    exact_document,
    packed,
    snapshot_document,
    snapshot_from,
    storable,
)
from tide.adapters.postgres.engine import statements, transaction
from tide.adapters.postgres.keys import POOL, PULL, in_its_pool, its_pool, pool_row, pull_row
from tide.adapters.postgres.schema import decisions, pools, snapshots, verdicts
from tide.adapters.postgres.statements import given, rows, upsert
from tide.domain.decisions import Decision
from tide.domain.errors import NotFound
from tide.domain.keys import PoolKey
from tide.domain.outcomes import Outcome
from tide.domain.snapshot import Snapshot
from tide.policy.decide import RULES_VERSION

_its_digests = (decisions.c[name] == bindparam(f"its_{name}") for name in ("snapshot_digest", "digest"))
_shown = (
    select(decisions.c.id, decisions.c.last_seen)
    .join(pools, pools.c.decision_id == decisions.c.id)
    .where(in_its_pool(pools), *_its_digests)
)
_SHOWN = _shown.with_only_columns(decisions.c.id)
_is_well = (pools.c.error == "") & pools.c.dropped_at.is_(None)


def _touch(shown: Select[Any]) -> Select[Any]:
    """Give the ids of those decisions, and move `last_seen` of those where it is old."""
    found = shown.where(_is_well).cte("shown")
    moved = (
        update(decisions)
        .where(decisions.c.id == found.c.id, found.c.last_seen <= bindparam("stale"))
        .values(last_seen=bindparam("at"))
        .cte("moved")
    )
    return select(found.c.id).add_cte(moved)


# The usual case, nothing new, in one statement: whatever another process has recorded since is seen by it.
_TOUCH = _touch(_shown)
_TOUCH_MANY = _touch(
    select(decisions.c.id, decisions.c.last_seen)
    .join(pools, pools.c.decision_id == decisions.c.id)
    .where(decisions.c.id == any_(bindparam("ids", type_=ARRAY(BigInteger))))
)

# Kept once; `used_at` tells a pruning that runs at the same time that it is wanted again.
_new_snapshot = insert(snapshots)
_KEEP_SNAPSHOT = _new_snapshot.on_conflict_do_update(
    index_elements=["digest"], set_={"used_at": _new_snapshot.excluded.used_at}
)
_KEEP_DECISION = insert(decisions).returning(decisions.c.id)
_SEEN = update(decisions).where(decisions.c.id == bindparam("decision")).values(last_seen=bindparam("at"))

_SHOW = upsert(
    pools,
    (*POOL, "decision_id", "base_sha", *POOL_LISTS, "blockers", "tenant_ids", "error", "failed_at", "dropped_at"),
    POOL,
)
_FAIL = upsert(pools, (*POOL, "error", "failed_at", "dropped_at"), POOL, unguarded=("failed_at",))
_VERDICTS = upsert(verdicts, (*PULL, "verdict"), PULL)
_kept = given(pools, POOL)
_DROP = (
    update(pools)
    .where(
        pools.c.dropped_at.is_(None),
        ~exists(select(_kept.c.org).where(*(_kept.c[name] == pools.c[name] for name in POOL))),
    )
    .values(dropped_at=bindparam("at"))
)


class PostgresDecisions:
    """Keeps decisions with their snapshots, and what the pools look like (tide.ports.store.decisions.Decisions)."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def record_decision(self, snapshot: Snapshot, decision: Decision) -> int:
        """Keep a decision with the snapshot it rests on and show it as the pool's state; give the decision's id.

        An equal decision on an equal snapshot (but for the time) only moves `last_seen`, at most once in
        LAST_SEEN_GRAIN.
        """
        read, decided = snapshot_document(snapshot), exact_document(decision)
        same = {"snapshot_digest": digest(read), "digest": digest(decided)}
        key = its_pool(snapshot.pool) | {f"its_{name}": value for name, value in same.items()}
        async with statements(self.engine) as connection:
            known = (await connection.execute(_TOUCH, key | _times(snapshot.now))).scalar_one_or_none()
        if known is not None:
            return int(known)
        async with transaction(self.engine) as connection:
            shown = (await connection.execute(_SHOWN, key)).scalar_one_or_none()
            if shown is None:
                kept = {"digest": same["snapshot_digest"], "body": packed(read), "used_at": snapshot.now}
                await connection.execute(_KEEP_SNAPSHOT, kept)
                row = _decision_row(snapshot, decision) | same | {"body": packed(decided)}
                shown = (await connection.execute(_KEEP_DECISION, row)).scalar_one()
                await connection.execute(_VERDICTS, rows(_verdict_rows(decision)))
            else:
                await connection.execute(_SEEN, {"decision": shown, "at": snapshot.now})
            await connection.execute(_SHOW, rows([_pool_state(snapshot, decision, shown)]))
        return int(shown)

    async def seen_again(self, decisions: Collection[int], at: datetime) -> frozenset[int]:
        """Move `last_seen` of those of these that are shown, without an error; give them."""
        async with statements(self.engine) as connection:
            found = await connection.execute(_TOUCH_MANY, {"ids": sorted(decisions)} | _times(at))
            return frozenset(map(int, found.scalars()))

    async def record_outcome(self, decision_id: int, outcome: Outcome) -> None:
        """Keep what came of a decision: its error, or what was done; and what it was done for."""
        told = storable(outcome_told(outcome))
        changed = (decisions.c.id == decision_id) & (decisions.c.outcome != told)
        await self._change(changed, outcome, {"outcome": told})

    async def record_foreseen(self, decision_id: int, outcome: Outcome) -> None:
        """Keep what would be done after a decision, and what for."""
        await self._change(decisions.c.id == decision_id, outcome, {})

    async def _change(self, which: ColumnElement[bool], outcome: Outcome, told: Mapping[str, object]) -> None:
        has_done = outcome.numbers or not outcome.error
        done = {"action": outcome.action, "targets": list(outcome.numbers)} if has_done else {}
        if told or done:
            async with statements(self.engine) as connection:
                await connection.execute(update(decisions).where(which).values(**told, **done))

    async def record_failure(self, pool: PoolKey, error: str, at: datetime) -> None:
        """Show that a pool could not be decided; its last known state stays."""
        row = pool_row(pool) | {"error": error, "failed_at": at, "dropped_at": None}
        async with statements(self.engine) as connection:
            await connection.execute(_FAIL, rows([row]))

    async def drop_pools(self, keep: Collection[PoolKey], at: datetime) -> None:
        """Stop showing all pools but these."""
        async with statements(self.engine) as connection:
            await connection.execute(_DROP, rows(map(pool_row, keep)) | {"at": at})

    async def recorded(self, decision_id: int) -> tuple[Snapshot, Decision]:
        """Give a decision with the snapshot it rests on, as of the moment it was first taken; for replaying it.

        Raises:
            NotFound: there is no such decision.
            Unreadable: this program cannot read it.
        """
        query = (
            select(decisions.c.body, decisions.c.first_seen, snapshots.c.body.label("snapshot"))
            .join(snapshots, snapshots.c.digest == decisions.c.snapshot_digest)
            .where(decisions.c.id == decision_id)
        )
        async with statements(self.engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NotFound(f"there is no decision {decision_id}")
        return snapshot_from(row.snapshot, row.first_seen), decision_from(row.body)


def _times(at: datetime) -> dict[str, object]:
    return {"at": at, "stale": at - LAST_SEEN_GRAIN}


def _decision_row(snapshot: Snapshot, decision: Decision) -> dict[str, object]:
    return pool_row(snapshot.pool) | {
        "action": decision.action.kind,
        "reason": storable(decision.action.reason),
        "targets": list(which_are_known(decision.action)),
        "is_dry_run": snapshot.is_dry_run,
        "first_seen": snapshot.now,
        "last_seen": snapshot.now,
        "rules_version": RULES_VERSION,
    }


def _pool_state(snapshot: Snapshot, decision: Decision, decision_id: int) -> dict[str, object]:
    return pool_row(snapshot.pool) | {
        "decision_id": decision_id,
        "base_sha": decision.base_sha,
        **{name: getattr(decision, name) for name in POOL_LISTS},
        "blockers": snapshot.blockers,
        "tenant_ids": snapshot.tenant_ids,
        "error": "",
        "failed_at": None,
        "dropped_at": None,
    }


def _verdict_rows(decision: Decision) -> list[dict[str, object]]:
    return [pull_row(verdict.pull) | {"verdict": verdict} for verdict in decision.verdicts]
