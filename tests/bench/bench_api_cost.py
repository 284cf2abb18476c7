"""What an hour of 200 pools and 3,000 open pull requests asks of GitHub in polling mode, beside what Tide would ask.

The whole daemon plays its rounds, syncs and statuses, a minute apart in virtual time, through a caching proxy as Prow
has one, while people push, comment, retest and merge (`busy_forge`), and looks again at once at every pool that it has
merged into. Points and calls are those that the simulated GitHub and the proxy have counted, not what the daemon
believes; answers by 304 are counted and cost nothing. Some rounds are played and taken for an hour of them, in which as
many as are due are like the one with the full search, and one of these like the one that also reads what is read once
an hour: the settings of repositories and the rules of branches. Of these Tide reads the former; they are left out on
its side, in its favour.
"""

import asyncio
import logging
import tempfile
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import structlog
import yaml

from tests.bench.busy_forge import HOLD, JOBS, OPT_IN, ORGS, PAUSED, PICK, POOLS, PULLS, RELEASE, BusyForge
from tests.bench.caching_proxy import CachingProxy, Passed, caching_proxy
from tests.bench.tables import Row, show
from tests.bench.tide_cost import Term, TideCost
from tide.adapters.github.code_host import GitHub
from tide.adapters.postgres.embedded import embedded
from tide.app.assembly import assembled
from tide.app.options import RunOptions
from tide.app.running import Daemon
from tide.domain.keys import PoolKey
from tide.sandbox.rate_limits import Limits, Resource
from tide.sandbox.server import Sandbox, Settings, running
from tide.sync.following import FULL_SEARCH
from tide.sync.settings import SETTINGS_LAST

PLAYED, HOUR = 10, 60  # rounds, at a sync_period of 1m
WARM_UP = 3  # rounds before: the first ones read everything and write every status
TOKEN = "sandbox-token-of-the-benchmark"
QUERIES: tuple[dict[str, Any], ...] = (
    {"orgs": list(ORGS), "labels": list(OPT_IN), "missingLabels": [HOLD], "excludedBranches": [RELEASE]},
    {"orgs": list(ORGS), "labels": [*OPT_IN, PICK], "missingLabels": [HOLD], "includedBranches": [RELEASE]},
)
_COVERAGE = " ".join(f"org:{org}" for org in ORGS)
_SEARCHES = (
    f'is:pr state:open archived:false -base:{RELEASE} label:lgtm label:approved -label:"{HOLD}" {_COVERAGE}',
    f'is:pr state:open archived:false base:{RELEASE} label:lgtm label:{PICK} -label:"{HOLD}" {_COVERAGE}',
)
AIM = 3
MERGES, STATUS_WRITES, STATUS_READS = "merges", "statuses written", "calls that read for statuses"


@dataclass(slots=True)
class Accounts:
    """Adds up what a token has spent, over the ends of the windows that GitHub counts in."""

    sandbox: Sandbox
    spent: Counter[Resource] = field(default_factory=Counter)
    _seen: dict[Resource, tuple[datetime, int]] = field(default_factory=dict)

    def look(self) -> None:
        """Add what was spent since the last look."""
        resources: tuple[Resource, ...] = ("graphql", "core")
        for resource in resources:
            standing = self.sandbox.limits.standing(TOKEN, resource)
            ends, used = self._seen.get(resource, (standing.reset, 0))
            self.spent[resource] += standing.used - (used if ends == standing.reset else 0)
            self._seen[resource] = (standing.reset, standing.used)


def main() -> None:
    """Print both costs and their ratios."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory(prefix="tide-bench-") as name:
        directory = Path(name)
        directory.chmod(0o711)  # as root, the database's user has to get through
        asyncio.run(_measure(directory))


async def _measure(directory: Path) -> None:
    (directory / "forge").mkdir()
    busy = await BusyForge.opened(directory / "forge")
    settings = Settings(limits=Limits.none())
    async with (
        running(busy.forge, settings=settings) as sandbox,
        caching_proxy(sandbox.url) as (proxy, address),
        embedded(directory / "postgres", durable=False) as url,
        assembled(_options(directory, sandbox, address, url), sleep=_at_once) as daemon,
    ):
        daemon.sync.world = replace(daemon.sync.world, clock=busy.clock)
        daemon.statuses.world = replace(daemon.statuses.world, clock=busy.clock)
        if isinstance(daemon.sync.world.code_host, GitHub):
            daemon.sync.world.code_host.graph.clock = busy.clock
        hour = _Hour(busy, sandbox, proxy, daemon)
        await daemon.leadership.run(lambda _stopping: hour.play(), asyncio.Event())


async def _at_once(_seconds: float) -> None:
    """Wait for nothing: time is virtual."""


class _Hour:
    """The hour that is measured; `counted` is all that was counted so far, by what it is."""

    def __init__(self, busy: BusyForge, sandbox: Sandbox, proxy: CachingProxy, daemon: Daemon) -> None:
        self.busy, self.proxy, self.daemon = busy, proxy, daemon
        self.accounts = Accounts(sandbox)
        self.model = TideCost(sandbox.index, _SEARCHES, _COVERAGE)
        self.statuses: Counter[Passed] = Counter()
        self.woken = set[PoolKey]()
        daemon.sync.wake = self.woken.add

    async def play(self) -> None:
        """Play the rounds, and tell what they took."""
        await self._rounds(WARM_UP)
        usual = await self._rounds(PLAYED)
        self.busy.clock.forward(FULL_SEARCH)
        searching = await self._rounds(1)
        self.busy.clock.forward(SETTINGS_LAST - FULL_SEARCH)
        reading_settings = await self._rounds(1)
        searches = HOUR // int(FULL_SEARCH / timedelta(minutes=1))
        hourly = Counter[str]()
        for name in usual.keys() | searching.keys() | reading_settings.keys():
            often = usual[name] * (HOUR - searches) / PLAYED + searching[name] * (searches - 1)
            hourly[name] = round(often + reading_settings[name])
        _show(hourly)

    async def _rounds(self, count: int) -> Counter[str]:
        """Play rounds; give what was counted in them."""
        before = self._counted()
        for _ in range(count):
            await self._round()
        return self._counted() - before

    def _counted(self) -> Counter[str]:
        merges, writes = sum(pull.merged for pull in self.busy.ready), self.statuses[Passed.WRITE]
        done = {MERGES: merges, STATUS_WRITES: writes, STATUS_READS: self.statuses.total() - writes}
        model = {**self.model.spent, Term.MERGES: 2 * merges, Term.STATUS_WRITES: writes}
        everything = (self.accounts.spent.items(), self.proxy.passed.items(), model.items(), done.items())
        return Counter({str(name): count for name, count in chain(*everything)})

    async def _round(self) -> None:
        await self.busy.minute()
        self.accounts.look()
        await self.daemon.sync.round()
        while self.woken:
            await self.daemon.sync.look_again(self.woken.pop())
        before = Counter(self.proxy.passed)
        await self.daemon.statuses.round()
        self.statuses += self.proxy.passed - before
        self.accounts.look()
        self.model.round(self.busy.clock.now())
        if self.daemon.sync.errors:
            raise RuntimeError(f"the sync failed: {self.daemon.sync.errors}")
        left = [pull.number for pull in self.busy.ready if pull.state == "open"]
        if left:
            raise RuntimeError(f"what became ready in this minute was not merged: {left}")


def _show(hourly: Counter[str]) -> None:
    show(
        f"Tide's cost model for an hour: {len(POOLS)} pools, {PULLS} pull requests, {hourly[MERGES]} merges",
        [Row(term.value, str(hourly[term])) for term in Term],
    )
    points = sum(hourly[term] for term in Term if term.is_points)
    writes = hourly[Term.MERGES] + hourly[Term.STATUS_WRITES]
    paid = hourly[Term.REFS_MOVED] + writes
    ours = hourly["graphql"]
    ours_in_all = ours + hourly[Passed.READ] + hourly[Passed.WRITE]
    show(
        f"the same hour here, measured at GitHub's side ({PLAYED} usual rounds played, and two with the full search)",
        [
            Row("points of GraphQL", str(ours), f"<= {points // AIM}"),
            Row("  Tide's / ours", f"{points / ours:.1f}", f">= {AIM}"),
            Row("calls of GraphQL", str(hourly[Passed.GRAPHQL]), f"Tide {points}"),
            Row("REST reads that cost", str(hourly[Passed.READ]), f"Tide {hourly[Term.REFS_MOVED]}"),
            Row("REST reads that are free (304)", str(hourly[Passed.NOT_MODIFIED]), f"Tide {hourly[Term.REFS_KEPT]}"),
            Row("REST writes", str(hourly[Passed.WRITE]), f"Tide {writes}"),
            Row("REST by GitHub's account", str(hourly["core"]), f"Tide {paid}"),
            Row("all that costs: points and REST", str(ours_in_all), f"Tide {points + paid}"),
            Row("rounds of statuses: calls that read", str(hourly[STATUS_READS])),
            Row("rounds of statuses: writes", str(hourly[STATUS_WRITES])),
        ],
    )


def _options(directory: Path, sandbox: Sandbox, proxy: str, database_url: str) -> RunOptions:
    config = {
        "tide": {
            "sync_period": "1m",
            "blocker_label": "tide/merge-blocker",
            "queries": list(QUERIES),
            "context_options": {"required-contexts": list(JOBS)},
        },
    }
    queue = {"merge_queue": {repo: {"paused": True} for repo in PAUSED}}
    (directory / "config.yaml").write_text(yaml.safe_dump(config))
    (directory / "queue.yaml").write_text(yaml.safe_dump(queue))
    (directory / "token").write_text(f"{TOKEN}\n")
    return RunOptions(
        config_path=directory / "config.yaml",
        merge_queue_config_path=directory / "queue.yaml",
        data_dir=directory / "data",
        database_url=database_url,
        dry_run=False,
        github_endpoint=(proxy,),
        github_graphql_endpoint=f"{proxy}/graphql",
        github_host=sandbox.url,
        github_token_path=directory / "token",
    )


if __name__ == "__main__":
    main()
