"""`tide replay`: what was decided is decided again from what is kept."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from tests.builders import NOW, POOL, make_snapshot, make_view
from tests.integration.cli.conftest import Tide
from tide.adapters.postgres import engine
from tide.adapters.postgres.store import PostgresStore
from tide.policy.decide import RULES_VERSION, decide

EARLIER = make_snapshot(make_view(1))
LATER = replace(make_snapshot(make_view(1), make_view(2)), now=NOW + timedelta(hours=2))


@pytest.fixture
def flag(database_url: str) -> str:
    """The database of a test, with two decisions in it."""
    _write(database_url, _two_decisions)
    return f"--database-url={database_url}"


def _write(url: str, work: Callable[[PostgresStore], Awaitable[object]]) -> None:
    async def write() -> None:
        async with engine.connected(make_url(url), connections=2) as connections:
            await work(PostgresStore(connections))

    asyncio.run(write())


async def _two_decisions(store: PostgresStore) -> None:
    for snapshot in (EARLIER, LATER):
        await store.record_decision(snapshot, decide(snapshot))


def _change(url: str, statement: str) -> None:
    async def change(store: PostgresStore) -> None:
        async with engine.transaction(store.engine) as connection:
            await connection.execute(text(statement))

    _write(url, change)


def test_decisions_that_come_out_as_they_were_are_counted(tide: Tide, flag: str) -> None:
    told = tide("replay", flag)
    assert (told.code, told.out) == (0, f"2 decisions made again by rules of version {RULES_VERSION}: all alike\n")


def test_of_one_pool_and_since_a_moment(tide: Tide, flag: str) -> None:
    since = f"--since={(NOW + timedelta(hours=1)).isoformat()}"
    assert tide("replay", flag, since).out.startswith("1 decision made again")
    assert tide("replay", flag, f"--pool={POOL}").out.startswith("2 decisions made again")
    assert tide("replay", flag, "--since=1h").out.startswith("0 decisions made again")
    assert tide("replay", flag, "--pool=acme/other:main").errors == [
        "tide: error: the pool acme/other:main is not known: it is not covered, or it has not been read yet"
    ]


@pytest.mark.parametrize(
    ("since", "problem"),
    [
        ("yesterday", "'yesterday' is neither a duration (24h) nor a time (2026-03-01T12:00:00Z)"),
        ("2026-03-01T12:00:00", "'2026-03-01T12:00:00' names no time zone; Z is UTC"),
        ("-99999999h", "'-99999999h' is neither a duration (24h) nor a time (2026-03-01T12:00:00Z)"),
    ],
)
def test_a_moment_that_is_none_is_a_usage_error(tide: Tide, flag: str, since: str, problem: str) -> None:
    told = tide("replay", flag, f"--since={since}")
    assert told.code == 2
    assert problem in told.err


def test_a_decision_that_comes_out_otherwise_is_shown_field_by_field(tide: Tide, flag: str, database_url: str) -> None:
    odd = replace(LATER, now=NOW + timedelta(hours=3), base_sha="f" * 40)
    made = decide(odd)
    _write(database_url, lambda store: store.record_decision(odd, replace(made, passing=(7,))))
    told = tide("replay", flag)
    assert told.code == 1
    assert told.out.splitlines()[-2:] == [
        f"  passing: (7,) -> {made.passing}",
        f"3 decisions made again by rules of version {RULES_VERSION}: 1 otherwise",
    ]
    document = json.loads(tide("replay", flag, "--format=json").out)
    assert (document["count"], document["rules_version"]) == (3, RULES_VERSION)
    (one,) = document["otherwise"]
    assert one["differences"] == [{"path": "passing", "stored": [7], "now": list(made.passing)}]
    assert one["decision"]["rules_version"] == RULES_VERSION


def test_rules_of_another_version_are_told(tide: Tide, flag: str, database_url: str) -> None:
    odd = replace(LATER, now=NOW + timedelta(hours=3), base_sha="f" * 40)
    _write(database_url, lambda store: store.record_decision(odd, replace(decide(odd), passing=(7,))))
    _change(database_url, "UPDATE decisions SET rules_version = 0")
    told = tide("replay", flag)
    assert told.code == 1
    assert ", decided by rules of version 0" in told.out.splitlines()[0]


def test_what_cannot_be_read_is_told_and_the_others_are_replayed(tide: Tide, flag: str, database_url: str) -> None:
    _change(database_url, "UPDATE decisions SET body = 'nonsense' WHERE id = (SELECT max(id) FROM decisions)")
    told = tide("replay", flag)
    assert told.code == 1
    first, last = told.out.splitlines()
    assert "a stored document cannot be unpacked" in first
    assert last.endswith("1 otherwise")
