"""What was decided about the pools, and what came of it."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

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
from tide.adapters.memory.tables import DecisionRow, PoolRow, Tables
from tide.domain.decisions import Decision
from tide.domain.errors import NotFound
from tide.domain.keys import PoolKey
from tide.domain.outcomes import Outcome
from tide.domain.records import DecisionRecord
from tide.domain.snapshot import Snapshot
from tide.policy.decide import RULES_VERSION


class MemoryDecisions:
    """Keeps decisions with their snapshots, and what the pools look like (tide.ports.store.decisions.Decisions)."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    async def record_decision(self, snapshot: Snapshot, decision: Decision) -> int:
        """Keep a decision with the snapshot it rests on and show it as the pool's state; give the decision's id.

        An equal decision on an equal snapshot (but for the time) only moves `last_seen`, at most once in
        LAST_SEEN_GRAIN.
        """
        read, decided = snapshot_document(snapshot), exact_document(decision)
        pool = self.tables.pools.get(snapshot.pool, PoolRow())
        shown = self.tables.decisions.get(pool.decision_id or 0)
        if shown and (shown.record.snapshot_digest, shown.digest) == (digest(read), digest(decided)):
            number = shown.record.id
            _see(self.tables, number, snapshot.now, at_once=not pool.is_well)
        else:
            number = _keep(self.tables, snapshot, decision, read, decided)
        self.tables.pools.keep(snapshot.pool, _pool_row(snapshot, decision, number))
        return number

    async def recorded(self, decision_id: int) -> tuple[Snapshot, Decision]:
        """Give a decision with the snapshot it rests on, as of the moment it was first taken; for replaying it.

        Raises:
            NotFound: there is no such decision.
            Unreadable: this program cannot read it.
        """
        row = self.tables.decisions.get(decision_id)
        if row is None:
            raise NotFound(f"there is no decision {decision_id}")
        read = self.tables.snapshots[row.record.snapshot_digest]
        return snapshot_from(read, row.record.first_seen), decision_from(row.body)

    async def seen_again(self, decisions: Collection[int], at: datetime) -> frozenset[int]:
        """Move `last_seen` of those of these that are shown, without an error; give them."""
        shown = {pool.decision_id for pool in self.tables.pools.values() if pool.is_well}
        seen = frozenset(number for number in decisions if number in shown)
        for number in seen:
            _see(self.tables, number, at)
        return seen

    async def record_outcome(self, decision_id: int, outcome: Outcome) -> None:
        """Keep what came of a decision: its error, or what was done; and what it was done for."""
        row, told = self.tables.decisions.get(decision_id), storable(outcome_told(outcome))
        if row and row.record.outcome != told:
            _change(self.tables, replace(row, record=replace(row.record, outcome=told)), outcome)

    async def record_foreseen(self, decision_id: int, outcome: Outcome) -> None:
        """Keep what would be done after a decision, and what for."""
        if row := self.tables.decisions.get(decision_id):
            _change(self.tables, row, outcome)

    async def record_failure(self, pool: PoolKey, error: str, at: datetime) -> None:  # noqa: ARG002 - nobody asks when
        """Show that a pool could not be decided; its last known state stays."""
        known = self.tables.pools.get(pool, PoolRow())
        self.tables.pools.keep(pool, replace(known, error=storable(error), is_dropped=False))

    async def drop_pools(self, keep: Collection[PoolKey], at: datetime) -> None:  # noqa: ARG002 - nobody asks when
        """Stop showing all pools but these."""
        for pool, row in list(self.tables.pools.items()):
            if pool not in keep:
                self.tables.pools.keep(pool, replace(row, is_dropped=True))


def _keep(tables: Tables, snapshot: Snapshot, decision: Decision, read: bytes, decided: bytes) -> int:
    number = tables.next_id()
    record = DecisionRecord(
        number,
        snapshot.pool,
        digest(read),
        decision.action.kind,
        storable(decision.action.reason),
        which_are_known(decision.action),
        first_seen=snapshot.now,
        last_seen=snapshot.now,
        is_dry_run=snapshot.is_dry_run,
        rules_version=RULES_VERSION,
    )
    tables.snapshots[record.snapshot_digest] = packed(read)
    tables.decisions[number] = DecisionRow(record, digest(decided), packed(decided))
    for verdict in decision.verdicts:
        tables.verdicts.keep(verdict.pull, storable(verdict))
    return number


def _see(tables: Tables, number: int, at: datetime, *, at_once: bool = False) -> None:
    row = tables.decisions[number]
    if at_once or row.record.last_seen <= at - LAST_SEEN_GRAIN:
        tables.decisions[number] = replace(row, record=replace(row.record, last_seen=at))


def _change(tables: Tables, row: DecisionRow, outcome: Outcome) -> None:
    """Keep a changed row, and where something was done, what that was and for whom."""
    if outcome.numbers or not outcome.error:
        row = replace(row, record=replace(row.record, action=outcome.action, targets=outcome.numbers))
    tables.decisions.keep(row.record.id, row)


def _pool_row(snapshot: Snapshot, decision: Decision, number: int) -> PoolRow:
    return PoolRow(
        number,
        decision.base_sha,
        {name: getattr(decision, name) for name in POOL_LISTS},
        storable(snapshot.blockers),
        snapshot.tenant_ids,
    )
