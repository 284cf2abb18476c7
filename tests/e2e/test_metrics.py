"""Tide's own metrics, as a whole daemon feeds them and Prometheus reads them."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import httpx

from tests.e2e.in_process import Place, Rounds, place
from tide.sandbox.faults import Fault
from tide.sandbox.model import PullRequest

PATIENCE_SECONDS = 120
LABEL = re.compile(r'(\w+)="([^"]*)"')
ROCKET = {"org": "acme", "repo": "rocket", "branch": "main"}
ENGINE = ROCKET | {"repo": "engine"}


@dataclass(frozen=True)
class Scraper:
    """Reads the metrics of a daemon after each round that it lets it make."""

    rounds: Rounds
    browser: httpx.AsyncClient

    async def read(self, name: str, **labels: str) -> list[float]:
        """Give the values of the series of this name whose labels are or hold these."""
        text = (await self.browser.get("/metrics")).text
        series = re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", text, re.MULTILINE)
        return [float(value) for inside, value in series if labels.items() <= dict(LABEL.findall(inside)).items()]

    async def wait_for(self, name: str, **labels: str) -> None:
        """Let the daemon make rounds until there is such a series that is not 0."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not any(await self.read(name, **labels)):
                await self.rounds.make(1)


@asynccontextmanager
async def scraping(here: Place) -> AsyncIterator[Scraper]:
    async with here.daemon() as (daemon, page), httpx.AsyncClient(base_url=page) as browser:
        yield Scraper(Rounds(daemon), browser)


def pulls(here: Place, repo: str) -> list[PullRequest]:
    return list(here.forge.repository(f"acme/{repo}").pulls.values())


async def test_each_metric_of_tide_is_fed_by_what_happens(database_url: str) -> None:
    async with place(database_url) as here, scraping(here) as scraper:
        await scraper.rounds.make(2)
        waiting = sum([*await scraper.read("pooledprs", **ROCKET), *await scraper.read("pooledprs", **ENGINE)])
        assert 0 < waiting <= 10
        await scraper.wait_for("merges_count", **ROCKET)
        await scraper.wait_for("tide_retests_total", **ROCKET)
        await scraper.wait_for("statusupdatedur")
        for controller in ("sync", "status-update"):
            assert await scraper.read("tidesyncheartbeat", controller=controller) > [0]
        assert await scraper.read("syncdur") > [0]
        assert await scraper.read("tidequeryresults", query_index="0", org_shard="", result="success") > [0]
        assert await scraper.read("updatetime", **ROCKET) > [1.7e9]
        for place_in_pool in ("successful", "pending", "missing", "batch_pending"):
            assert len(await scraper.read(f"tide_pool_{place_in_pool}_prs", **ROCKET)) == 1
        assert await scraper.read("tidepoolerrors") == []
        merged = sum(pull.merged for repo in ("rocket", "engine") for pull in pulls(here, repo))
        assert sum(await scraper.read("merges_sum")) == merged


async def test_a_pool_that_vanishes_takes_its_gauges_along(database_url: str) -> None:
    async with place(database_url) as here, scraping(here) as scraper:
        await scraper.rounds.make(1)
        assert len(await scraper.read("pooledprs", **ENGINE)) == 1
        for pull in pulls(here, "engine"):
            if pull.state == "open":
                here.forge.close_pull(here.forge.repository("acme/engine"), pull)
        await scraper.rounds.make(2)  # the first may have begun before
        for gauge in ("pooledprs", "updatetime", "tide_pool_missing_prs", "tide_pool_frozen"):
            assert await scraper.read(gauge, **ENGINE) == []
            assert len(await scraper.read(gauge, **ROCKET)) == 1


async def test_a_query_and_a_pool_that_fail_are_counted(database_url: str) -> None:
    async with place(database_url) as patient:
        here = replace(patient, options=replace(patient.options, max_retries=0))
        async with scraping(here) as scraper:
            await count_failures(here, scraper)


async def count_failures(here: Place, scraper: Scraper) -> None:
    await scraper.rounds.make(1)
    here.faults.add(Fault(kind="status", path="^/repos/acme/engine/git/ref", status=403))
    await scraper.wait_for("tidepoolerrors", **ENGINE)
    assert await scraper.read("tidepoolerrors", **ROCKET) == []
    here.faults.add(Fault(kind="partial_page"))
    await scraper.wait_for("tidequeryresults", query_index="0", result="error")
