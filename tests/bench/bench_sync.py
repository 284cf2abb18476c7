"""What one sync of 2,000 pull requests in 100 pools takes, and how a database of that size grows with nothing new.

The simulated GitHub runs in a process of its own and Postgres in its own, so that the CPU and the memory told are
those of `tide` alone. Every job runs always, so that git is not asked which files changed. The first sync finds an
empty database. Each later one finds nothing new, a minute later by the clock that the syncs see; the growth over an
hour is that of HOUR such syncs in proportion.
"""

import asyncio
import logging
import tempfile
from pathlib import Path

import structlog

from tests.bench.big_forge import Size, big_forge
from tests.bench.measured_daemon import Cost, MeasuredDaemon, Storage, leading, measured_daemon
from tests.bench.meters import MB, peak_memory
from tests.bench.tables import Row, show
from tide.domain.records import PoolView

SIZE = Size(repos_per_org=25, pulls_per_repo=20)
HOUR = 60  # syncs, at a sync_period of 1m
STEADY, CHECKPOINT_EVERY = 10, 5  # syncs; Postgres makes a checkpoint every five minutes, and logs whole pages after it
AIM_CPU, AIM_MEMORY, AIM_GROWTH = "< 5 s", "< 250 MB", "< 1 MB"


def main() -> None:
    """Print what the first sync and a steady one take, and the growth of the database."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory(prefix="tide-bench-") as name:
        directory = Path(name)
        directory.chmod(0o711)  # as root, the database's user has to get through
        with big_forge(directory / "forge", SIZE) as forge:
            asyncio.run(_measure(directory, forge))


async def _measure(directory: Path, forge: dict[str, str]) -> None:
    async with measured_daemon(directory, forge, SIZE) as bench:
        await leading(bench, lambda: _measure_syncs(bench))


async def _measure_syncs(bench: MeasuredDaemon) -> None:
    idle = peak_memory()
    first = await bench.round()
    first_peak = peak_memory()
    await bench.round()  # reads once more what the first sync saw change
    await bench.tell_postgres("VACUUM ANALYZE")  # it soon does by itself, and what it notes then is no growth
    before = await bench.storage()
    rounds = [await _steady(bench, number) for number in range(STEADY)]
    after = await bench.storage()
    _check(await bench.daemon.views.pools())
    _show_sync(f"first sync: {SIZE.pulls} pull requests, {SIZE.pools} pools, empty database", first, first_peak, idle)
    middle = sorted(rounds, key=lambda one: one.spent.cpu)[len(rounds) // 2]
    _show_sync(f"steady sync: nothing new (median of {STEADY})", middle, peak_memory(), idle)
    _show_growth(before, after)


async def _steady(bench: MeasuredDaemon, number: int) -> Cost:
    if number % CHECKPOINT_EVERY == 0:
        await bench.tell_postgres("CHECKPOINT")
    return await bench.round()


def _check(pools: tuple[PoolView, ...]) -> None:
    """Make sure that the syncs did what is measured."""
    each = SIZE.pulls_per_repo
    decided = [pool for pool in pools if pool.action == "WAIT" and not pool.error and len(pool.verdicts) == each]
    if len(decided) != SIZE.pools:
        raise RuntimeError(f"{len(decided)} of {SIZE.pools} pools were decided as expected: {pools[:1]}")


def _show_sync(title: str, cost: Cost, peak: int, idle: int) -> None:
    kinds = ("graphql", "rest_get", "rest_not_modified", "rest_write")
    show(
        title,
        [
            Row("CPU", f"{cost.spent.cpu:.2f} s", AIM_CPU),
            Row("wall", f"{cost.spent.wall:.2f} s"),
            Row("CPU of Postgres", f"{cost.spent.others_cpu:.2f} s"),
            Row(f"peak memory ({idle / MB:.0f} MB before the first)", f"{peak / MB:.0f} MB", AIM_MEMORY),
            *(Row(f"calls to GitHub: {kind}", str(cost.counts[kind])) for kind in kinds),
            Row("points of GraphQL", str(cost.counts["points"])),
        ],
    )


def _show_growth(before: Storage, after: Storage) -> None:
    hourly = HOUR / STEADY / MB
    show(
        f"database with nothing new, from {STEADY} syncs to one hour",
        [
            Row("size", f"{before.database / MB:.1f} MB"),
            Row("growth in an hour", f"{(after.database - before.database) * hourly:.2f} MB", AIM_GROWTH),
            Row("write-ahead log in an hour (recycled)", f"{(after.log - before.log) * hourly:.1f} MB"),
        ],
    )


if __name__ == "__main__":
    main()
