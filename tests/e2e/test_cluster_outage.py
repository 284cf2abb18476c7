"""A daemon whose cluster does not answer for a while."""

import asyncio

import pytest
import yaml

from tests.e2e.replicas import CONFIG, town
from tests.e2e.test_two_replicas import has_passed
from tests.programs import open_directory
from tide.adapters.postgres.store import PostgresStore
from tide.sandbox.faults import Fault

pytestmark = pytest.mark.timeout(600)

SELDOM = {"tide": {**CONFIG["tide"], "sync_period": "1h"}, "presubmits": CONFIG["presubmits"]}


async def test_what_waited_for_the_cluster_is_looked_at_as_soon_as_it_answers(
    database_url: str, store: PostgresStore
) -> None:
    with open_directory("outage") as place:
        async with town(place, database_url, store) as here:
            (place / "config.yaml").write_text(yaml.safe_dump(SELDOM))
            pull = await here.open_pull("pump")
            await here.until(lambda: has_passed(here, pull), "result")
            here.ask_to_merge(pull)
            # Nothing that appears with the list tells of the pool.
            for run in here.api.prowjobs.listed():
                here.api.prowjobs.delete(run["metadata"]["namespace"], run["metadata"]["name"])
            look_at_the_start, lists = 1, 3
            refused = range(look_at_the_start + 1, look_at_the_start + lists + 1)
            here.sandbox.faults.add(Fault(kind="status", method="GET", path="/prowjobs$", nth=tuple(refused)))
            replica = await here.start()
            await here.until(lambda: pull.merged, "merge")
            assert await asyncio.to_thread(replica.program.end) == 0, replica.program.told
