"""Tide's own metrics, under exactly its names, and ours.

The client library puts `_total` after the name of every counter and adds series of its own, so nothing but its
exposition is used: the numbers are kept here and given as families when they are asked for. The exposition is the text
format, whatever a scraper would like better: the other one has no counters without `_total`, and Tide's has them.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    UnknownMetricFamily,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from tide.domain.decisions import Decision
from tide.domain.keys import PoolKey, PullKey
from tide.domain.outcomes import Outcome
from tide.domain.snapshot import Standing, StandingKind
from tide.ports.clock import Clock

_POOL = ("org", "repo", "branch")
_MERGE_BUCKETS = (1, 2, 3, 4, 5, 7, 10, 15, 25)
_TRIGGERS = frozenset({"TRIGGER", "TRIGGER_BATCH"})
_MERGES = frozenset({"MERGE", "MERGE_BATCH"})
_SYNC, _STATUS_UPDATE = "sync", "status-update"

Labels = tuple[str, ...]


class Metrics(Collector):
    """Counts; is an Observer, and a Collector of the client library.

    Counters stay when a pool vanishes, so that rates over them hold; gauges vanish with it. `is_syncing` (else those of
    the pools are another replica's to tell), `is_leading` and `outages` (whether each outside system fails, by its
    name) are asked at each exposition.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.is_syncing: Callable[[], bool] = lambda: True
        self.is_leading: Callable[[], bool] = lambda: False
        self.outages: Callable[[], Mapping[str, bool]] = dict
        self._gauges: dict[str, dict[Labels, float]] = {name: {} for name, _ in _POOL_GAUGES}
        self._merges: dict[Labels, Counter[int]] = {}
        self._counts: dict[str, Counter[Labels]] = {name: Counter() for name, *_ in (*_TIDES_COUNTERS, *_COUNTERS)}
        self._durations: dict[str, float] = {}
        self._config_loaded_at: datetime | None = None
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def page(self) -> tuple[bytes, str]:
        """Give the exposition and its content type."""
        text = generate_latest(self._registry)
        for name, *_ in _TIDES_COUNTERS:
            text = text.replace(f"\n# TYPE {name} untyped\n".encode(), f"\n# TYPE {name} counter\n".encode())
        return text, CONTENT_TYPE_PLAIN_0_0_4

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

    def collect(self) -> Iterator[Metric]:
        """Give all families, for the client library."""
        is_syncing = self.is_syncing()
        for name, help_text in _POOL_GAUGES:
            values = self._gauges[name] if is_syncing else {}
            yield _filled(GaugeMetricFamily(name, help_text, labels=_POOL), values)
        yield self._merges_family()
        for name, help_text, labels in _TIDES_COUNTERS:
            yield _filled(UnknownMetricFamily(name, help_text, labels=labels), self._counts[name])
        for name, help_text, labels in _COUNTERS:
            from_zero: dict[Labels, int] = {} if labels else {(): 0}
            yield _filled(CounterMetricFamily(name, help_text, labels=labels), {**from_zero, **self._counts[name]})
        yield from self._single_gauges()

    def _merges_family(self) -> Metric:
        text = "Histogram of merges where values are the number of PRs merged together."
        family = HistogramMetricFamily("merges", text, labels=_POOL)
        for pool, sizes in self._merges.items():
            family.add_metric(pool, _buckets(sizes), sum(size * count for size, count in sizes.items()))
        return family

    def _single_gauges(self) -> Iterator[Metric]:
        for name, controller, text in (
            ("syncdur", _SYNC, "The duration of the last loop of the sync controller."),
            ("statusupdatedur", _STATUS_UPDATE, "The duration of the last loop of the status update controller."),
        ):
            yield GaugeMetricFamily(name, text, value=self._durations.get(controller, 0.0))
        yield GaugeMetricFamily("tide_leader", "1 in the replica that leads.", value=self.is_leading())
        outage = GaugeMetricFamily("tide_outage", "1 while a system that is needed fails.", labels=("system",))
        yield _filled(outage, {(system,): is_out for system, is_out in self.outages().items()})
        if self._config_loaded_at:
            yield GaugeMetricFamily(
                "tide_config_last_reload_success_timestamp_seconds",
                "When a configuration was last taken over.",
                value=self._config_loaded_at.timestamp(),
            )


_POOL_GAUGES = (
    ("pooledprs", "Number of PRs in each Tide pool."),
    ("updatetime", "The last time each subpool was synced. (Used to determine 'pooledprs' freshness.)"),
    ("tide_pool_successful_prs", "Number of PRs in each pool that pass on its base."),
    ("tide_pool_pending_prs", "Number of PRs in each pool whose tests are running."),
    ("tide_pool_missing_prs", "Number of PRs in each pool that must be tested on its base."),
    ("tide_pool_batch_pending_prs", "Number of PRs in the batch that is being tested."),
    ("tide_pool_frozen", "1 where what landed is not what was planned and nothing merges until somebody has looked."),
)
# What comes before _total in other counters is the whole name of these.
_TIDES_COUNTERS: tuple[tuple[str, str, Labels], ...] = (
    ("tidepoolerrors", "Count of Tide pool sync errors.", _POOL),
    (
        "tidequeryresults",
        "Count of Tide queries by query index, org shard, and result (success/error).",
        ("query_index", "org_shard", "result"),
    ),
    ("tidesyncheartbeat", "Count of Tide syncs per controller.", ("controller",)),
)
# The exposition puts _total after these names.
_COUNTERS: tuple[tuple[str, str, Labels], ...] = (
    ("tide_retests", "Count of PRs that were tested on a new base, by action.", (*_POOL, "action")),
    ("tide_decisions", "Count of decisions by action.", ("action",)),
    ("tide_action_errors", "Count of actions that were refused or failed, by pool and action.", (*_POOL, "action")),
    ("tide_runs_started", "Count of runs that were started, by action.", ("action",)),
    ("tide_statuses_withheld", "Count of status contexts that should have been written and were not.", ("org",)),
    ("tide_config_reload_failures", "Count of configurations that could not be taken over.", ()),
    ("tide_github_calls", "Count of calls to GitHub by kind.", ("kind",)),
    ("tide_github_graphql_points", "Count of points that GitHub took for GraphQL queries.", ()),
)


def _labels(pool: PoolKey) -> Labels:
    return (pool.org, pool.repo, pool.branch)


def _filled(
    family: GaugeMetricFamily | CounterMetricFamily | UnknownMetricFamily, values: Mapping[Labels, float]
) -> Metric:
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


def _buckets(sizes: Mapping[int, int]) -> list[tuple[str, float]]:
    bounds: Iterable[float] = (*_MERGE_BUCKETS, float("inf"))
    lower = (0.0, *_MERGE_BUCKETS)
    within = (
        sum(count for size, count in sizes.items() if low < size <= high)
        for low, high in zip(lower, bounds, strict=True)
    )
    names = (*map(str, _MERGE_BUCKETS), "+Inf")  # as Go writes them, which is what dashboards for Tide select by
    return list(zip(names, accumulate(within), strict=True))
