"""The text that Prometheus reads, of numbers as they were at one moment.

The client library puts `_total` after the name of every counter and adds series of its own, so nothing but its
exposition is used. It is the text format, whatever a scraper would like better: the other one has no counters without
`_total`, and Tide's has them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
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

_POOL = ("org", "repo", "branch")
_MERGE_BUCKETS = (1, 2, 3, 4, 5, 7, 10, 15, 25)
SYNC, STATUS_UPDATE = "sync", "status-update"

Labels = tuple[str, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Numbers(Collector):
    """All that is told, a Collector of the client library. Nobody else changes it: a thread may read it.

    `gauges` and `counts` are by the name of the metric, `merges` how often so many were merged together, `durations`
    seconds by controller.
    """

    gauges: Mapping[str, Mapping[Labels, float]]
    merges: Mapping[Labels, Mapping[int, int]]
    counts: Mapping[str, Mapping[Labels, int]]
    durations: Mapping[str, float]
    is_leading: bool
    outages: Mapping[str, bool]
    config_loaded_at: datetime | None

    def collect(self) -> Iterator[Metric]:
        """Give all families, for the client library."""
        for name, help_text in POOL_GAUGES:
            yield _filled(GaugeMetricFamily(name, help_text, labels=_POOL), self.gauges[name])
        yield self._merges_family()
        for name, help_text, labels in TIDES_COUNTERS:
            yield _filled(UnknownMetricFamily(name, help_text, labels=labels), self.counts[name])
        for name, help_text, labels in COUNTERS:
            from_zero: dict[Labels, int] = {} if labels else {(): 0}
            yield _filled(CounterMetricFamily(name, help_text, labels=labels), {**from_zero, **self.counts[name]})
        yield from self._single_gauges()

    def _merges_family(self) -> Metric:
        text = "Histogram of merges where values are the number of PRs merged together."
        family = HistogramMetricFamily("merges", text, labels=_POOL)
        for pool, sizes in self.merges.items():
            family.add_metric(pool, _buckets(sizes), sum(size * count for size, count in sizes.items()))
        return family

    def _single_gauges(self) -> Iterator[Metric]:
        for name, controller, text in (
            ("syncdur", SYNC, "The duration of the last loop of the sync controller."),
            ("statusupdatedur", STATUS_UPDATE, "The duration of the last loop of the status update controller."),
        ):
            yield GaugeMetricFamily(name, text, value=self.durations.get(controller, 0.0))
        yield GaugeMetricFamily("tide_leader", "1 in the replica that leads.", value=self.is_leading)
        outage = GaugeMetricFamily("tide_outage", "1 while a system that is needed fails.", labels=("system",))
        yield _filled(outage, {(system,): is_out for system, is_out in self.outages.items()})
        if self.config_loaded_at:
            yield GaugeMetricFamily(
                "tide_config_last_reload_success_timestamp_seconds",
                "When a configuration was last taken over.",
                value=self.config_loaded_at.timestamp(),
            )


POOL_GAUGES = (
    ("pooledprs", "Number of PRs in each Tide pool."),
    ("updatetime", "The last time each subpool was synced. (Used to determine 'pooledprs' freshness.)"),
    ("tide_pool_successful_prs", "Number of PRs in each pool that pass on its base."),
    ("tide_pool_pending_prs", "Number of PRs in each pool whose tests are running."),
    ("tide_pool_missing_prs", "Number of PRs in each pool that must be tested on its base."),
    ("tide_pool_batch_pending_prs", "Number of PRs in the batch that is being tested."),
    ("tide_pool_frozen", "1 where what landed is not what was planned and nothing merges until somebody has looked."),
)
# What comes before _total in other counters is the whole name of these.
TIDES_COUNTERS: tuple[tuple[str, str, Labels], ...] = (
    ("tidepoolerrors", "Count of Tide pool sync errors.", _POOL),
    (
        "tidequeryresults",
        "Count of Tide queries by query index, org shard, and result (success/error).",
        ("query_index", "org_shard", "result"),
    ),
    ("tidesyncheartbeat", "Count of Tide syncs per controller.", ("controller",)),
)
# The exposition puts _total after these names.
COUNTERS: tuple[tuple[str, str, Labels], ...] = (
    ("tide_retests", "Count of PRs that were tested on a new base, by action.", (*_POOL, "action")),
    ("tide_decisions", "Count of decisions by action.", ("action",)),
    ("tide_action_errors", "Count of actions that were refused or failed, by pool and action.", (*_POOL, "action")),
    ("tide_runs_started", "Count of runs that were started, by action.", ("action",)),
    ("tide_statuses_withheld", "Count of status contexts that should have been written and were not.", ("org",)),
    ("tide_config_reload_failures", "Count of configurations that could not be taken over.", ()),
    ("tide_github_calls", "Count of calls to GitHub by kind.", ("kind",)),
    ("tide_github_graphql_points", "Count of points that GitHub took for GraphQL queries.", ()),
)


def exposition(numbers: Numbers) -> tuple[bytes, str]:
    """Write the numbers and those of the process as they are now; give the text and its content type."""
    registry = CollectorRegistry()
    registry.register(numbers)
    ProcessCollector(registry=registry)
    text = generate_latest(registry)
    for name, *_ in TIDES_COUNTERS:
        text = text.replace(f"\n# TYPE {name} untyped\n".encode(), f"\n# TYPE {name} counter\n".encode())
    return text, CONTENT_TYPE_PLAIN_0_0_4


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
