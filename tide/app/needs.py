"""What a daemon needs of the outside before it may lead."""

from dataclasses import dataclass

from tide.adapters.github.code_host import GitHub
from tide.adapters.postgres.engine import Connections, DatabaseUrl, check_server
from tide.adapters.postgres.store import PostgresStore
from tide.app.backends import Backend
from tide.app.database import upgraded
from tide.app.history import StartHistory
from tide.app.starting import FIRST_PAUSE, Start, Step
from tide.app.status import StatusKeeper
from tide.web.status import System


@dataclass(frozen=True, slots=True)
class Needs:
    """What is needed, opened and not asked for anything yet."""

    database_url: DatabaseUrl
    connections: Connections
    host: GitHub
    jobs: Backend
    history: StartHistory
    store: PostgresStore


def start_with(needs: Needs, status: StatusKeeper) -> Start:
    """Give the start, which `status` tells of."""
    database = Step(
        "the database has not been reached yet",
        "Postgres has to run, and to be reachable from here at --database-url.",
        lambda: check_server(needs.connections),
        System.DATABASE,
    )
    schema = Step(
        "the database's schema is not up to date yet",
        "Where another process is at it, that is waited for.",
        lambda: upgraded(needs.database_url),
        System.DATABASE,
        after=(database,),
    )
    history = Step(
        "the history has not been read yet",
        "--history-uri has to name a file that can be reached from here.",
        needs.history.read,
    )
    records = Step(
        "the history has not been taken over yet",
        "It is taken over into the database.",
        lambda: needs.history.take_over(needs.store),
        System.DATABASE,
        after=(history, schema),
    )
    github = Step(
        "GitHub has not answered yet",
        "It has to be reachable from here at --github-endpoint and --github-graphql-endpoint, and to let us in.",
        needs.host.verify,
        System.GITHUB,
    )
    jobs = Step(
        "the cluster has not been looked at yet",
        "Its API server has to be reachable from here, to serve ProwJobs, and to grant us the Role for them.",
        needs.jobs.reach,
        System.KUBERNETES,
    )
    runs = Step(
        "the ProwJobs have not been listed yet",
        "That takes a while where there are many.",
        needs.jobs.known,
        System.KUBERNETES,
        after=(jobs,),
        longest_pause=FIRST_PAUSE,  # each try waits for long itself
    )
    found = Start(schema, (history, database, schema, records, github, jobs, runs), status.start_told)
    status.awaited = lambda: found.awaited
    return found
