"""What a human asks for that is known, but needs no help."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy.engine import make_url

from tests.builders import BASE, NOW, POOL, make_pull
from tests.integration.cli.conftest import Tide
from tide.adapters.postgres import engine
from tide.adapters.postgres.store import PostgresStore
from tide.domain.records import HistoryRecord

Stored = Callable[[Callable[[PostgresStore], Awaitable[object]]], None]


@pytest.fixture
def stored(database_url: str) -> Stored:
    """Have something written into the database of a test."""

    async def write(work: Callable[[PostgresStore], Awaitable[object]]) -> None:
        async with engine.connected(make_url(database_url), connections=2) as connections:
            await work(PostgresStore(connections))

    return lambda work: asyncio.run(write(work))


def test_a_pull_request_without_failed_runs_has_nothing_to_forget(
    tide: Tide, database_url: str, stored: Stored
) -> None:
    pull = make_pull()
    stored(lambda store: store.save_pulls([pull], NOW))
    told = tide("retest", str(pull.key), f"--database-url={database_url}")
    said = f"{pull.key}: no run of {pull.head_sha[:7]} had failed, so there is nothing to forget\n"
    assert (told.code, told.out, told.err) == (0, said, "")


def test_a_pool_in_which_something_was_done_once_is_known(tide: Tide, database_url: str, stored: Stored) -> None:
    stored(lambda store: store.add_history(HistoryRecord(POOL, NOW, "MERGE", BASE, ())))
    flag = f"--database-url={database_url}"
    assert tide("unfreeze", str(POOL), flag).errors == [f"tide: error: {POOL} is not frozen: it is proven"]
    found_nothing = tide("history", str(POOL), "--author=nobody", flag)
    assert (found_nothing.code, found_nothing.out) == (0, "Nothing has been done yet.\n")
    assert tide("decisions", str(POOL), flag).code == 0
