"""Two replicas: one leads, the other serves the page and goes on where the first was killed."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.e2e.replicas import Replica, Town, town
from tests.programs import open_directory
from tide.adapters.postgres.store import PostgresStore
from tide.domain.keys import PoolKey
from tide.domain.snapshot import StandingKind
from tide.sandbox.faults import Fault
from tide.sandbox.model import PullRequest

pytestmark = pytest.mark.timeout(600)

MAIN = PoolKey("acme", "rocket", "main")
RUNS_OF = "SELECT kind, purpose, base_sha, heads, state FROM runs ORDER BY started_at"


@pytest.fixture
async def here(database_url: str, store: PostgresStore) -> AsyncIterator[Town]:
    with open_directory("replicas") as place:
        async with town(place, database_url, store) as made:
            yield made


async def leader_and_standby(here: Town) -> tuple[Replica, Replica]:
    """Start two; the first one leads."""
    first = await here.start()
    await here.until(here.leader, "leader")
    return first, await here.start()


async def merging_batch(here: Town) -> list[PullRequest]:
    """Bring three pull requests into a batch that has passed, of which the second one's merge is never answered."""
    pulls = [await here.open_pull(name) for name in ("pump", "valve", "nozzle")]
    await here.until(lambda: all(has_passed(here, pull) for pull in pulls), "results")
    # Their results are those of an older base now, so that they have to be tested together.
    await here.push("main", "moved")
    here.sandbox.faults.add(Fault(kind="timeout", method="PUT", path=r"/merge$", nth=(2,), when="after"))
    here.ask_to_merge(*pulls)
    await here.until(lambda: sum(pull.merged for pull in pulls) == 2, "second merge")
    return pulls


def has_passed(here: Town, pull: PullRequest) -> bool:
    statuses = here.repository.statuses.get(pull.head_sha, ())
    return any(status.state == "success" for status in statuses)


async def test_a_leader_killed_in_the_middle_of_a_batch_is_followed_by_one_that_finishes_it(here: Town) -> None:
    leader, standby = await leader_and_standby(here)
    pulls = await merging_batch(here)
    leader.kill()
    head = here.repository.branches["main"]

    # What is left behind: a deed without an outcome, by a token that is not in force for long.
    (intent,) = await here.rows("SELECT * FROM intents WHERE ended_at IS NULL")
    assert (intent["kind"], intent["subject"]) == ("merge", "#1 #2 #3")
    assert [pull.merged for pull in pulls] == [True, True, False]

    # The standby takes the lead, and reads the branch before it does anything.
    await here.until(lambda: takes_over(here, standby), "change of the leader")
    settled = await here.until(lambda: outcome_of(here, intent["id"]), "outcome of what was begun")
    assert settled == "found unfinished; a landing was cut short after 2 of 3 merges"
    landed = await here.rows("SELECT number, landed_tree = plan_tree AS as_planned FROM landings ORDER BY number")
    assert landed[:2] == [{"number": 1, "as_planned": True}, {"number": 2, "as_planned": True}]

    # Nobody has tested the head where the landing was cut short: it is proved before anything else lands on it.
    await here.until(lambda: pulls[2].merged, "last merge")
    runs = await here.rows(RUNS_OF)
    (proof,) = [run for run in runs if run["purpose"] == "proof"]
    assert (proof["base_sha"], proof["state"]) == (head, "success")
    await here.until(lambda: nothing_open(here), "end of all deeds")
    assert [len(here.merges(pull)) for pull in pulls] == [1, 1, 1]
    assert (await here.store.standing(MAIN)).kind is StandingKind.PROVEN
    tokens = [row["token"] for row in await here.rows("SELECT token FROM intents ORDER BY id")]
    assert tokens == sorted(tokens)
    assert len(set(tokens)) == 2
    assert await asyncio.to_thread(standby.program.end) == 0, standby.program.told


async def takes_over(here: Town, replica: Replica) -> bool:
    return replica.holder in await here.leader()


async def outcome_of(here: Town, number: int) -> str:
    (row,) = [row for row in await here.rows("SELECT id, outcome FROM intents") if row["id"] == number]
    return str(row["outcome"])


async def nothing_open(here: Town) -> bool:
    return not await here.rows("SELECT id FROM intents WHERE ended_at IS NULL")


async def test_a_standby_serves_the_page_and_takes_the_lead_when_the_leader_stops(here: Town) -> None:
    leader, standby = await leader_and_standby(here)
    page = await standby.page()
    assert f"/{leader.program.process.pid} leads." in page.text
    assert (await standby.page("/readyz")).status_code == 200
    assert await asyncio.to_thread(leader.program.end) == 0, leader.program.told
    await here.until(lambda: takes_over(here, standby), "change of the leader")
    pull = await here.open_pull("pump")
    here.ask_to_merge(pull)
    await here.until(lambda: pull.merged, "merge")
    assert len(here.merges(pull)) == 1
