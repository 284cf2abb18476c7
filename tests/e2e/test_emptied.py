"""A database that is dropped under two replicas, in the middle of a batch."""

import asyncio
import json
from collections import Counter

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from tests.e2e.replicas import Town, town
from tests.e2e.test_two_replicas import leader_and_standby, merging_batch
from tests.programs import open_directory
from tide.adapters.postgres.engine import connected
from tide.adapters.postgres.store import PostgresStore
from tide.adapters.prowjobs.markers import CREATED_BY_TIDE

pytestmark = pytest.mark.timeout(600)


def drop_and_create(postgres_url: str, database_url: str) -> None:
    """Put an empty database in the place of one that is in use."""
    url = make_url(postgres_url).set(drivername="postgresql")
    name = sql.Identifier(str(make_url(database_url).database))
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(name))


def started_by_tide(here: Town) -> Counter[str]:
    """Count the runs by what they run."""
    runs = [run for run in here.api.prowjobs.listed() if run["metadata"]["labels"].get(CREATED_BY_TIDE) == "true"]
    return Counter(json.dumps([run["spec"]["job"], run["spec"]["refs"]]) for run in runs)


async def test_replicas_go_on_by_themselves_with_an_empty_database_and_do_nothing_twice(
    postgres_url: str, bare_database_url: str
) -> None:
    with open_directory("emptied") as place:
        async with (
            connected(bare_database_url) as engine,
            town(place, bare_database_url, PostgresStore(engine)) as here,
        ):
            replicas = await leader_and_standby(here)
            pulls = await merging_batch(here)
            drop_and_create(postgres_url, bare_database_url)
            await here.until(lambda: pulls[2].merged, "last merge")
            assert [len(here.merges(pull)) for pull in pulls] == [1, 1, 1]
            assert [what for what, times in started_by_tide(here).items() if times > 1] == []
            for replica in replicas:
                assert await asyncio.to_thread(replica.program.end) == 0, replica.program.told
