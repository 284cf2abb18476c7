"""How long things are kept."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Delete, Select, Table, and_, delete, exists, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from tide.adapters.postgres.engine import statements
from tide.adapters.postgres.keys import POOL, PULL, head_in
from tide.adapters.postgres.schema import (
    batches,
    decisions,
    deliveries,
    evidence,
    hints,
    history,
    intents,
    pools,
    pull_reads,
    pulls,
    retests,
    runs,
    snapshots,
    statuses,
    verdicts,
)
from tide.domain.records import TIDE_ACTIONS

KEEP = timedelta(days=30)
# GitHub delivers once more, when it is asked to, what is up to three days old (docs: "Redelivering webhooks").
KEEP_DELIVERIES = timedelta(days=4)
HISTORY_PER_POOL = 1000  # as many as Tide keeps (Prow: --max-records-per-pool)


async def prune(
    engine: AsyncEngine, now: datetime, keep: timedelta = KEEP, history_per_pool: int = HISTORY_PER_POOL
) -> Mapping[str, int]:
    """Delete what is older than `keep` and no longer needed; give how many rows went, by table.

    What the pools show, what is under way, the history that Tide would keep and the landings (the proof of what is on
    the branches) stay, however old.
    """
    counts = {}
    async with statements(engine) as connection:
        taken_before = now - min(keep, KEEP_DELIVERIES)
        taken = [delete(table).where(table.c.received_at < taken_before) for table in (deliveries, hints)]
        for statement in (*_deletions(now - keep, history_per_pool), *taken):
            counts[statement.table.description] = (await connection.execute(statement)).rowcount
    return counts


def _deletions(before: datetime, history_per_pool: int) -> list[Delete]:
    """List what to delete, in an order in which nothing is needed any more by what is left."""
    return [
        delete(pools).where(pools.c.dropped_at < before),
        delete(decisions).where(
            decisions.c.last_seen < before, ~exists(select(pools).where(pools.c.decision_id == decisions.c.id))
        ),
        # A decision recorded meanwhile has set used_at anew; Postgres compares it again when it gets the row's lock.
        delete(snapshots).where(
            snapshots.c.used_at < before,
            ~exists(select(decisions).where(decisions.c.snapshot_digest == snapshots.c.digest)),
        ),
        delete(pulls).where(~pulls.c.is_open, exists(select(pull_reads).where(_same_pull(pulls), _read(before)))),
        delete(verdicts).where(~exists(select(pulls).where(_same_pull(verdicts, pulls)))),
        delete(pull_reads).where(_read(before), ~exists(select(pulls).where(_same_pull(pulls)))),
        delete(runs).where(runs.c.saved_at < before, ~_is_of_open_head()),
        delete(retests).where(
            retests.c.asked_at < before, retests.c.answered_at.is_not(None) | ~_is_asked_of_open_head()
        ),
        delete(evidence).where(evidence.c.observed_at < before),
        delete(batches).where(batches.c.ended_at < before),
        delete(intents).where(intents.c.ended_at < before),
        delete(statuses).where(statuses.c.written_at < before),
        delete(history).where(history.c.time < before, history.c.id.not_in(_recent_history(history_per_pool))),
    ]


def _read(before: datetime) -> ColumnElement[bool]:
    return pull_reads.c.read_at < before


def _same_pull(one: Table, other: Table = pull_reads) -> ColumnElement[bool]:
    return and_(*(one.c[name] == other.c[name] for name in PULL))


def _is_of_open_head() -> ColumnElement[bool]:
    """Tell whether a run tests the present head of an open pull request: forgetting it might start it once more."""
    same_repo = and_(pulls.c.org == runs.c.org, pulls.c.repo == runs.c.repo)
    return exists(select(pulls).where(pulls.c.is_open, same_repo, runs.c.heads.contains(head_in(pulls))))


def _is_asked_of_open_head() -> ColumnElement[bool]:
    same_head = and_(_same_pull(pulls, retests), pulls.c.head_sha == retests.c.head_sha)
    return exists(select(pulls).where(pulls.c.is_open, same_head))


def _recent_history(per_pool: int) -> Select[tuple[int]]:
    """Select the newest records of each pool, of those that Tide would keep."""
    newest_first = [history.c.time.desc(), history.c.id.desc()]
    rank = func.row_number().over(partition_by=[history.c[name] for name in POOL], order_by=newest_first)
    ranked = select(history.c.id, rank.label("rank")).where(history.c.action.in_(sorted(TIDE_ACTIONS))).subquery()
    return select(ranked.c.id).where(ranked.c.rank <= per_pool)
