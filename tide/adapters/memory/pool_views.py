"""The pools as people and machines read them.

A pool that has none of its pull requests left stays as long as there is a history of it, or something is known against
its branch.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

from tide.adapters.memory.tables import PoolRow, Tables
from tide.domain.keys import PoolKey, PullKey
from tide.domain.pulls import Pull
from tide.domain.records import PoolView
from tide.domain.snapshot import PROVEN, StandingKind

_PLACES = ("passing", "pending", "missing")


def pool_views(tables: Tables) -> list[PoolView]:
    """Give all pools, sorted by org, repo and branch."""
    shown = {pool: _shown(tables, pool, row) for pool, row in tables.pools.items() if not row.is_dropped}
    at_rest = {pool: PoolView.at_rest(pool, tables.standings.get(pool, PROVEN)) for pool in _remembered(tables)}
    return sorted((at_rest | shown).values(), key=lambda view: view.pool)


def _remembered(tables: Tables) -> Iterator[PoolKey]:
    yield from (record.pool for record in tables.history.values())
    yield from (pool for pool, standing in tables.standings.items() if standing.kind is not StandingKind.PROVEN)


def _shown(tables: Tables, pool: PoolKey, row: PoolRow) -> PoolView:
    opened = [one.pull for key, one in sorted(tables.pulls.items()) if one.pull.is_open and one.pull.pool == pool]
    decided = tables.decisions.get(row.decision_id or 0)
    record = decided.record if decided else None
    placed = set(chain.from_iterable(row.places.get(name, ()) for name in _PLACES))

    def listed(numbers: Iterable[int]) -> tuple[Pull, ...]:
        keys = (PullKey(pool.org, pool.repo, number) for number in numbers)
        return tuple(tables.pulls[key].pull for key in keys if key in tables.pulls)

    return PoolView(
        pool=pool,
        base_sha=row.base_sha,
        action=record.action if record else "",
        reason=record.reason if record else "",
        **{name: listed(numbers) for name, numbers in row.places.items()},
        outside=tuple(pull for pull in opened if pull.number not in placed),
        target=listed(record.targets if record else ()),
        verdicts=tuple(tables.verdicts[pull.key] for pull in opened if pull.key in tables.verdicts),
        blockers=row.blockers,
        standing=tables.standings.get(pool, PROVEN),
        error=row.error,
        tenant_ids=row.tenant_ids,
        is_dry_run=bool(record and record.is_dry_run),
        synced_at=record.last_seen if record else None,
    )
