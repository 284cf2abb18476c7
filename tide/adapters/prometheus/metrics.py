"""Tide's own metrics, under exactly its names, and ours: the numbers, kept here until they are asked for."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from tide.adapters.fresh import Fresh
from tide.adapters.prometheus.exposition import COUNTERS, POOL_GAUGES, TIDES_COUNTERS, Labels, Numbers, exposition
from tide.domain.decisions import Decision
from tide.domain.keys import PoolKey, PullKey
from tide.domain.outcomes import Outcome
from tide.domain.snapshot import Standing, StandingKind
from tide.ports.clock import Clock

_TRIGGERS = frozenset({"TRIGGER", "TRIGGER_BATCH"})
_MERGES = frozenset({"MERGE", "MERGE_BATCH"})
_Outages = Callable[[], Mapping[str, bool]]


class Metrics:
    """Counts; is an Observer.

    Counters stay when a pool vanishes, so that rates over them hold; gauges vanish with it. `is_syncing` (else those of
    the pools are another replica's to tell), `is_leading` and `outages` (whether each outside system fails, by its
    name) are asked at each exposition.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.is_syncing: Callable[[], bool] = lambda: True
        self.is_leading: Callable[[], bool] = lambda: False
        self.outages: _Outages = dict
        self._gauges: dict[str, dict[Labels, float]] = {name: {} for name, _ in POOL_GAUGES}
        self._merges: dict[Labels, Counter[int]] = {}
        self._counts: dict[str, Counter[Labels]] = {name: Counter() for name, *_ in (*TIDES_COUNTERS, *COUNTERS)}
        self._durations: dict[str, float] = {}
        self._config_loaded_at: datetime | None = None
        # No two readings are equal. With many pools it takes a tenth of a second to be written.
        self._pages = Fresh(self._numbers, lambda numbers: asyncio.to_thread(exposition, numbers))

    async def page(self) -> tuple[bytes, str]:
        """Give the exposition of the numbers as they are now, and its content type."""
        return await self._pages.get()

    async def _numbers(self) -> Numbers:
        is_syncing = self.is_syncing()
        return Numbers(
            gauges={name: values.copy() if is_syncing else {} for name, values in self._gauges.items()},
            merges={pool: dict(sizes) for pool, sizes in self._merges.items()},
            counts={name: dict(counts) for name, counts in self._counts.items()},
            durations=self._durations.copy(),
            is_leading=self.is_leading(),
            outages=dict(self.outages()),
            config_loaded_at=self._config_loaded_at,
        )

    def decided(self, decision: Decision) -> None:
        """Take over the sizes of a pool (Prow: tide.go syncSubpool)."""
        pool = _labels(decision.pool)
        passing, pending, missing = len(decision.passing), len(decision.pending), len(decision.missing)
        self._gauges["pooledprs"][pool] = passing + pending + missing
        self._gauges["updatetime"][pool] = int(self._clock.now().timestamp())
        self._gauges["tide_pool_successful_prs"][pool] = passing
        self._gauges["tide_pool_pending_prs"][pool] = pending
        self._gauges["tide_pool_missing_prs"][pool] = missing
        self._gauges["tide_pool_batch_pending_prs"][pool] = len(decision.batch_pending)
        self._counts["tide_decisions"][(decision.action.kind,)] += 1

    def enacted(self, pool: PoolKey, outcome: Outcome) -> None:
        """Count what was merged together, what was started, and what was not done as decided."""
        if outcome.action in _MERGES and outcome.numbers:
            self._merges.setdefault(_labels(pool), Counter())[len(outcome.numbers)] += 1
        if outcome.action in _TRIGGERS and outcome.numbers:
            self._counts["tide_retests"][(*_labels(pool), outcome.action)] += len(outcome.numbers)
        if outcome.run_names:
            self._counts["tide_runs_started"][(outcome.action,)] += len(outcome.run_names)
        if outcome.error:
            self._counts["tide_action_errors"][(*_labels(pool), outcome.action)] += 1

    def pool_failed(self, pool: PoolKey, error: BaseException) -> None:  # noqa: ARG002 - the port's; logs tell the error
        """Count a sync that operators must look at."""
        self._counts["tidepoolerrors"][_labels(pool)] += 1

    def status_withheld(self, pull: PullKey, reason: str) -> None:  # noqa: ARG002 - the port's; logs tell why
        """Count a status that should have been written."""
        self._counts["tide_statuses_withheld"][(pull.org,)] += 1

    def status_written(self, pull: PullKey) -> None:
        """Nothing to count."""

    def template_failed(self, pull: PullKey, reason: str) -> None:
        """Nothing to count."""

    def query_answered(self, query_index: int, org_shard: str, result: str) -> None:
        """Count a query by how it went."""
        self._counts["tidequeryresults"][(str(query_index), org_shard, result)] += 1

    def pools_vanished(self, remaining: frozenset[PoolKey]) -> None:
        """Forget the gauges of all other pools."""
        kept = set(map(_labels, remaining))
        for values in self._gauges.values():
            for gone in values.keys() - kept:
                del values[gone]

    def synced(self, controller: str, took: timedelta) -> None:
        """Count a round of a controller, and keep how long it took."""
        self._counts["tidesyncheartbeat"][(controller,)] += 1
        self._durations[controller] = took.total_seconds()

    def standing_seen(self, pool: PoolKey, standing: Standing) -> None:
        """Show whether a pool is frozen."""
        self._gauges["tide_pool_frozen"][_labels(pool)] = standing.kind is StandingKind.FROZEN

    def config_loaded(self, at: datetime) -> None:
        """Keep when a configuration was last taken over."""
        self._config_loaded_at = at

    def config_refused(self) -> None:
        """Count a configuration that could not be taken over."""
        self._counts["tide_config_reload_failures"][()] += 1

    def github_called(self, kind: str) -> None:
        """Count a call to GitHub by its kind, such as `search` or `merge`."""
        self._counts["tide_github_calls"][(kind,)] += 1

    def graphql_points_spent(self, points: int) -> None:
        """Count the points that GitHub took for GraphQL queries."""
        self._counts["tide_github_graphql_points"][()] += points


def _labels(pool: PoolKey) -> Labels:
    return (pool.org, pool.repo, pool.branch)
