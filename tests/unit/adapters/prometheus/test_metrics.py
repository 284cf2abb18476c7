import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tide.adapters.prometheus.metrics import Metrics
from tide.domain.actions import Wait
from tide.domain.decisions import Decision
from tide.domain.keys import PoolKey
from tide.domain.outcomes import Outcome
from tide.domain.snapshot import Standing, StandingKind

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MAIN, OLD = PoolKey("acme", "rocket", "main"), PoolKey("acme", "rocket", "old")
LABELS = '{branch="main",org="acme",repo="rocket"}'


class Noon:
    def now(self) -> datetime:
        return NOW


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(Noon())


def lines(metrics: Metrics, *beginnings: str) -> list[str]:
    text = asyncio.run(metrics.page())[0].decode()
    return sorted(line for line in text.splitlines() if line.startswith(beginnings))


def decision(pool: PoolKey, batch: Iterable[int] = ()) -> Decision:
    return Decision(
        pool, "b" * 40, Wait("why"), passing=(1,), pending=(2, 3), missing=(4, 5, 6), batch_pending=tuple(batch)
    )


def test_a_decision_fills_the_gauges_of_its_pool(metrics: Metrics) -> None:
    metrics.decided(decision(MAIN, (4, 5)))
    assert lines(metrics, "pooledprs", "updatetime", "tide_pool_") == sorted(
        [
            f"pooledprs{LABELS} 6.0",
            f"updatetime{LABELS} 1.767323045e+09",
            f"tide_pool_successful_prs{LABELS} 1.0",
            f"tide_pool_pending_prs{LABELS} 2.0",
            f"tide_pool_missing_prs{LABELS} 3.0",
            f"tide_pool_batch_pending_prs{LABELS} 2.0",
        ]
    )


def test_the_counters_of_tide_have_no_total(metrics: Metrics) -> None:
    metrics.pool_failed(MAIN, ValueError("x"))
    metrics.query_answered(3, "acme", "error")
    metrics.synced("sync", timedelta(seconds=1.5))
    metrics.synced("status-update", timedelta(seconds=2))
    assert lines(
        metrics, "tidepoolerrors", "tidequeryresults", "tidesyncheartbeat", "syncdur", "statusupdatedur"
    ) == sorted(
        [
            f"tidepoolerrors{LABELS} 1.0",
            'tidequeryresults{org_shard="acme",query_index="3",result="error"} 1.0',
            'tidesyncheartbeat{controller="sync"} 1.0',
            'tidesyncheartbeat{controller="status-update"} 1.0',
            "syncdur 1.5",
            "statusupdatedur 2.0",
        ]
    )


def test_merges_are_counted_by_how_many_landed_together(metrics: Metrics) -> None:
    metrics.enacted(MAIN, Outcome("MERGE", (7,)))
    metrics.enacted(MAIN, Outcome("MERGE_BATCH", (1, 2, 3, 4, 5, 6)))
    metrics.enacted(MAIN, Outcome("MERGE_BATCH", tuple(range(1, 41))))
    metrics.enacted(MAIN, Outcome("MERGE", (), error="refused"))
    found = {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines(metrics, "merges")}
    by_bound = {
        bound: found[f'merges_bucket{{branch="main",le="{bound}",org="acme",repo="rocket"}}']
        for bound in ("1", "5", "7", "25", "+Inf")
    }
    assert by_bound == {"1": 1, "5": 1, "7": 2, "25": 2, "+Inf": 3}
    assert (found[f"merges_sum{LABELS}"], found[f"merges_count{LABELS}"]) == (47, 3)


def test_gauges_of_vanished_pools_vanish_and_counters_stay(metrics: Metrics) -> None:
    for pool in (MAIN, OLD):
        metrics.decided(decision(pool))
        metrics.standing_seen(pool, Standing(StandingKind.FROZEN))
        metrics.pool_failed(pool, ValueError("x"))
    metrics.pools_vanished(frozenset({MAIN}))
    left = [line for line in lines(metrics, "pooledprs", "updatetime", "tide") if 'branch="old"' in line]
    assert left == ['tidepoolerrors{branch="old",org="acme",repo="rocket"} 1.0']


def test_retests_are_counted_by_pull_request_and_runs_by_run(metrics: Metrics) -> None:
    metrics.enacted(MAIN, Outcome("TRIGGER", (1,), ("a", "b")))
    metrics.enacted(MAIN, Outcome("TRIGGER_BATCH", (1, 2), ("a", "b", "c")))
    metrics.enacted(MAIN, Outcome("TRIGGER", (), error="refused"))
    assert lines(metrics, "tide_retests", "tide_runs_started") == [
        'tide_retests_total{action="TRIGGER",branch="main",org="acme",repo="rocket"} 1.0',
        'tide_retests_total{action="TRIGGER_BATCH",branch="main",org="acme",repo="rocket"} 2.0',
        'tide_runs_started_total{action="TRIGGER"} 2.0',
        'tide_runs_started_total{action="TRIGGER_BATCH"} 3.0',
    ]


def test_what_was_not_done_as_decided_is_counted_by_pool_and_action(metrics: Metrics) -> None:
    metrics.enacted(MAIN, Outcome("MERGE", (), error="refused"))
    metrics.enacted(MAIN, Outcome("MERGE_BATCH", (1,), error="#2: refused"))
    metrics.enacted(MAIN, Outcome("MERGE_BATCH", (1, 2)))
    assert lines(metrics, "tide_action_errors_total") == [
        'tide_action_errors_total{action="MERGE",branch="main",org="acme",repo="rocket"} 1.0',
        'tide_action_errors_total{action="MERGE_BATCH",branch="main",org="acme",repo="rocket"} 1.0',
    ]


def test_who_does_not_sync_leaves_the_pools_to_who_does(metrics: Metrics) -> None:
    metrics.decided(decision(MAIN))
    metrics.standing_seen(MAIN, Standing(StandingKind.FROZEN))
    metrics.pool_failed(MAIN, ValueError("x"))
    is_syncing = True
    metrics.is_syncing = lambda: is_syncing
    pool_gauges = ("pooledprs{", "updatetime{", "tide_pool_")
    assert lines(metrics, *pool_gauges)
    is_syncing = False
    assert lines(metrics, *pool_gauges) == []
    assert lines(metrics, "tidepoolerrors{") != []


def test_calls_points_and_configurations_are_counted(metrics: Metrics) -> None:
    metrics.github_called("search")
    metrics.github_called("search")
    metrics.graphql_points_spent(5)
    metrics.config_refused()
    metrics.config_loaded(NOW)
    assert lines(metrics, "tide_github", "tide_config") == [
        "tide_config_last_reload_success_timestamp_seconds 1.767323045e+09",
        "tide_config_reload_failures_total 1.0",
        'tide_github_calls_total{kind="search"} 2.0',
        "tide_github_graphql_points_total 5.0",
    ]


def test_counters_without_labels_start_at_zero(metrics: Metrics) -> None:
    assert lines(metrics, "tide_config_reload") == ["tide_config_reload_failures_total 0.0"]


def test_a_frozen_pool_is_shown_and_thawed(metrics: Metrics) -> None:
    metrics.standing_seen(MAIN, Standing(StandingKind.FROZEN))
    assert lines(metrics, "tide_pool_frozen") == [f"tide_pool_frozen{LABELS} 1.0"]
    metrics.standing_seen(MAIN, Standing())
    assert lines(metrics, "tide_pool_frozen") == [f"tide_pool_frozen{LABELS} 0.0"]


# The families that dashboards and alerts of Prow's installations select by, with their types.
TIDES = {
    "pooledprs": "gauge",
    "updatetime": "gauge",
    "merges": "histogram",
    "tidepoolerrors": "counter",
    "tidequeryresults": "counter",
    "syncdur": "gauge",
    "statusupdatedur": "gauge",
    "tidesyncheartbeat": "counter",
    "tide_retests_total": "counter",
    "tide_pool_missing_prs": "gauge",
    "tide_pool_pending_prs": "gauge",
    "tide_pool_successful_prs": "gauge",
    "tide_pool_batch_pending_prs": "gauge",
}


def test_every_family_of_tide_is_there_under_its_name(metrics: Metrics) -> None:
    told = dict(line.split()[2:4] for line in lines(metrics, "# TYPE "))
    assert {name: told.get(name) for name in TIDES} == TIDES


def test_merges_have_the_buckets_of_tide(metrics: Metrics) -> None:
    metrics.enacted(MAIN, Outcome("MERGE", (7,)))
    bounds = {line.partition('le="')[2].partition('"')[0] for line in lines(metrics, "merges_bucket")}
    assert bounds == {"1", "2", "3", "4", "5", "7", "10", "15", "25", "+Inf"}


def test_hostile_labels_cannot_forge_a_line(metrics: Metrics) -> None:
    metrics.pool_failed(PoolKey("acme", "rocket", 'x"} 1\nevil 1'), ValueError())
    assert lines(metrics, "evil") == []


def test_the_format_is_the_one_in_which_counters_may_have_any_name(metrics: Metrics) -> None:
    metrics.synced("sync", timedelta(seconds=1))
    body, content_type = asyncio.run(metrics.page())
    assert content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert b'# TYPE tidesyncheartbeat counter\ntidesyncheartbeat{controller="sync"} 1.0\n' in body
    assert list(text_string_to_metric_families(body.decode()))


def test_leadership_and_outages_are_told_as_they_are_now(metrics: Metrics) -> None:
    assert lines(metrics, "tide_leader", "tide_outage") == ["tide_leader 0.0"]
    metrics.is_leading = lambda: True
    metrics.outages = lambda: {"database": False, "github": True}
    assert lines(metrics, "tide_leader", "tide_outage") == [
        "tide_leader 1.0",
        'tide_outage{system="database"} 0.0',
        'tide_outage{system="github"} 1.0',
    ]


async def test_it_is_written_beside_the_event_loop_once_for_all_who_wait(metrics: Metrics) -> None:
    first = asyncio.create_task(metrics.page())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not first.done(), "the event loop goes on"
    metrics.decided(decision(MAIN))
    later = await asyncio.gather(*(metrics.page() for _ in range(5)))
    assert b"tide_decisions_total{" not in (await first)[0]
    # One may have come in the very moment in which the first was done, and the others waited for the next.
    assert len({id(one) for one in later}) <= 2
    assert b'tide_decisions_total{action="WAIT"} 1.0' in later[0][0], "it is of now"
    assert await metrics.page() is not later[0]
