"""What a human asks for that is known, but needs no help."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy.engine import make_url

from tests.builders import BASE, NOW, POOL, make_pull, make_run
from tests.integration.cli.conftest import Tide
from tide.adapters.postgres import engine
from tide.adapters.postgres.store import PostgresStore
from tide.domain.records import HistoryRecord, HistoryTarget
from tide.domain.runs import RunState
from tide.domain.snapshot import Standing, StandingKind

Stored = Callable[[Callable[[PostgresStore], Awaitable[object]]], None]


@pytest.fixture
def stored(database_url: str) -> Stored:
    """Have something written into the database of a test."""

    async def write(work: Callable[[PostgresStore], Awaitable[object]]) -> None:
        async with engine.connected(make_url(database_url), connections=2) as connections:
            await work(PostgresStore(connections))

    return lambda work: asyncio.run(write(work))


def test_a_pull_request_without_failed_jobs_has_nothing_to_run_again(
    tide: Tide, database_url: str, stored: Stored
) -> None:
    pull = make_pull()
    stored(lambda store: store.save_pulls([pull], NOW))
    told = tide("retest", str(pull.key), f"--database-url={database_url}")
    said = f"{pull.key}: no job of {pull.head_sha[:7]} has failed, so there is nothing to run again\n"
    assert (told.code, told.out, told.err) == (0, said, "")


def test_a_pool_in_which_something_was_done_once_is_known(tide: Tide, database_url: str, stored: Stored) -> None:
    stored(lambda store: store.add_history(HistoryRecord(POOL, NOW, "MERGE", BASE, ())))
    flag = f"--database-url={database_url}"
    assert tide("unfreeze", str(POOL), flag).errors == [f"tide: error: {POOL} is not frozen: it is proven"]
    found_nothing = tide("history", str(POOL), "--author=nobody", flag)
    assert (found_nothing.code, found_nothing.out) == (0, "Nothing has been done yet.\n")
    assert tide("decisions", str(POOL), flag).code == 0


def test_a_pull_request_is_explained_by_its_address_with_the_logs_of_its_tests(
    tide: Tide, database_url: str, stored: Stored
) -> None:
    pull = make_pull()
    run = make_run(state=RunState.FAILURE, url="/runs/6f1d2f5a-0b0e-5c36-9a55-6a2f6a1e7c01/log")
    record = HistoryRecord(POOL, NOW, "TRIGGER", BASE, (HistoryTarget.of(pull),), reason="It is next.")

    async def write(store: PostgresStore) -> None:
        await store.save_pulls([pull], NOW)
        await store.save_runs([run], NOW)
        await store.add_history(record)

    stored(write)
    address = f"https://github.com/{pull.key.repository}/pull/{pull.number}/files"
    told = tide("explain", address, f"--database-url={database_url}")
    assert (told.code, told.err) == (0, "")
    assert f"  unit: failure, log: {run.url} on tide's page\n" in told.out
    document = json.loads(tide("explain", address, "--format=json", f"--database-url={database_url}").out)
    assert (document["pull"], [one["url"] for one in document["runs"]]) == (str(pull.key), [run.url])
    history = tide("history", f"--database-url={database_url}").out
    assert history.endswith(f"It is next.; unit: failure, log: {run.url} on tide's page\n")


def test_names_are_asked_for_in_any_case(tide: Tide, database_url: str, stored: Stored) -> None:
    pull = make_pull()
    frozen = Standing(StandingKind.FROZEN, "Look at it.", ("unit",), NOW)

    async def write(store: PostgresStore) -> None:
        await store.save_pulls([pull], NOW)
        await store.save_runs([make_run(state=RunState.FAILURE)], NOW)
        await store.add_history(
            HistoryRecord(POOL, NOW, "MERGE", BASE, (HistoryTarget.of(pull),), reason="It is next.")
        )
        await store.set_standing(POOL, frozen)

    stored(write)
    flag = f"--database-url={database_url}"
    asked, shouted = str(pull.key).upper(), f"{str(POOL.repository).upper()}:{POOL.branch}"
    assert tide("explain", asked, flag).out == tide("explain", str(pull.key), flag).out
    assert tide("retest", asked, flag).out.startswith(f"{pull.key}: unit is asked for again")
    assert tide("history", shouted, flag).out == tide("history", str(POOL), flag).out
    assert "It is next." in tide("history", shouted, flag).out
    assert tide("unfreeze", shouted, flag).out.startswith(f"{POOL} goes on")
    assert tide("unfreeze", str(POOL), flag).errors == [f"tide: error: {POOL} is not frozen: it is unproven"]
