"""A whole daemon while what it needs is away."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest

from tests.e2e.in_process import Place, place
from tests.programs import open_directory
from tide.adapters.postgres.embedded import embedded
from tide.adapters.trust import shared_trust
from tide.sandbox.faults import Fault

HTML = {"accept": "text/html"}
PATIENCE = 60.0
SOON = 0.1


@dataclass
class Town:
    """A GitHub with pull requests, and a database that can be stopped and started."""

    home: Path
    server: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def start_database(self) -> str:
        return await self.server.enter_async_context(embedded(self.home, durable=False))

    async def stop_database(self) -> None:
        await self.server.aclose()


@asynccontextmanager
async def town() -> AsyncIterator[tuple[Town, Place]]:
    with open_directory("outages") as home:
        made = Town(home / "postgres")
        async with made.server, place(await made.start_database()) as there:
            yield made, there


async def until(page: str, path: str, is_so: Callable[[httpx.Response], bool]) -> httpx.Response:
    """Ask for a page again and again until it looks as it should."""
    browser = httpx.AsyncClient(base_url=page, headers=HTML, timeout=30, verify=shared_trust())
    async with browser as client, asyncio.timeout(PATIENCE):
        while True:
            answer = await client.get(path)
            if is_so(answer):
                return answer
            await asyncio.sleep(SOON)


def is_ready(answer: httpx.Response) -> bool:
    return answer.status_code == httpx.codes.OK


@pytest.mark.parametrize("is_dry_run", [False, True])
async def test_a_daemon_outlives_its_database(*, is_dry_run: bool) -> None:
    async with town() as (town_, there), there.daemon(dry_run=is_dry_run) as (daemon, page):
        await until(page, "/readyz", is_ready)
        await until(page, "/", lambda answer: "acme/rocket" in answer.text)
        await town_.stop_database()
        daemon.wakeups.look_at_all()
        answer = await until(page, "/", lambda answer: "The database does not answer" in answer.text)
        assert answer.status_code == httpx.codes.OK
        assert "What follows is as of" in answer.text
        assert "acme/rocket" in answer.text
        told = await until(page, "/readyz", lambda answer: not is_ready(answer))
        assert "the database cannot be reached" in told.text
        assert (await until(page, "/healthz", is_ready)).text == "ok"
        assert 'tide_outage{system="database"} 1.0' in (await until(page, "/metrics", is_ready)).text
        await town_.start_database()
        daemon.wakeups.look_at_all()
        await until(page, "/readyz", is_ready)
        await until(page, "/", lambda answer: "What follows is as of" not in answer.text)
        metrics = (await until(page, "/metrics", is_ready)).text
        assert 'tide_outage{system="database"} 0.0' in metrics
        assert f"tide_leader {float(not is_dry_run)}" in metrics


async def test_a_standby_names_the_leader_and_shows_its_work() -> None:
    async with town() as (_, there), there.daemon() as (leader, page):
        await until(page, "/", lambda answer: "this replica leads" in answer.text and "Synced" in answer.text)
        second = replace(there, options=replace(there.options, data_dir=there.directory / "second"))
        async with second.daemon() as (_, other):
            answer = await until(other, "/", lambda answer: "This replica stands by" in answer.text)
            assert f"{leader.leadership.holder.rpartition('/')[0]} leads." in answer.text
            assert (await until(other, "/readyz", is_ready)).text == "ok"
            await until(other, "/", lambda answer: "acme/rocket" in answer.text and "Synced" in answer.text)
            assert "tide_leader 0.0" in (await until(other, "/metrics", is_ready)).text


async def test_a_github_in_trouble_is_told_of_while_it_is_still_asked() -> None:
    async with town() as (_, there), there.daemon() as (daemon, page):
        await until(page, "/", lambda answer: "acme/rocket" in answer.text and "Synced" in answer.text)
        there.faults.add(Fault(kind="status", status=502))
        rounds = daemon.loop.rounds_done
        daemon.wakeups.look_at_all()
        answer = await until(page, "/", lambda answer: "GitHub does not answer" in answer.text)
        assert daemon.loop.rounds_done == rounds
        assert "acme/rocket" in answer.text
        assert (await until(page, "/readyz", is_ready)).text == "ok"
        there.faults.clear()
        await until(page, "/", lambda answer: "GitHub does not answer" not in answer.text)
