"""The daemon starts before what it needs is there: it serves and tells, waits, and goes on by itself."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.testing import capture_logs

from tests.e2e.in_process import Rounds, place
from tests.e2e.test_outages import SOON, is_ready, town, until
from tests.e2e.two_orgs import ENGINE, ROCKET, two_orgs
from tests.programs import BROWSER, TIDE, Program, open_directory, started
from tide.adapters.clock import SystemClock
from tide.adapters.http_server import serving, serving_on
from tide.adapters.postgres.embedded import embedded, url_of
from tide.adapters.postgres.engine import connected, statements, transaction
from tide.app.assembly import opened
from tide.app.options import RunOptions
from tide.app.running import Daemon
from tide.domain.errors import StoreRefused, Unauthorized
from tide.sandbox.faults import Fault
from tide.sandbox.kubernetes.api import KubernetesApi
from tide.sandbox.kubernetes.kubeconfig import write_kubeconfig
from tide.sandbox.server import LOOPBACK, Settings, running
from tide.sandbox.server import Sandbox as GitHub
from tide.sandbox.state import Forge

EMPTY = "tide: {sync_period: 1h, queries: [{orgs: [acme], labels: [lgtm]}]}\n"
PORTS = ("--port=0", "--metrics-port=0", "--health-port=0", "--bind=127.0.0.1")
PATIENCE = 60.0
BAD_GATEWAY = Fault(kind="status", status=502)
BEGAN, OVER = "an outage has begun", "an outage is over"


@contextmanager
def tide_run(where: Path, *flags: str) -> Iterator[Program]:
    """Start `tide run` in a directory."""
    (where / "config.yaml").write_text(EMPTY)
    (where / "token").write_text("sandbox-token\n")
    told = (f"--config-path={where / 'config.yaml'}", f"--github-token-path={where / 'token'}")
    local = ("--prowjob-backend=local", "--i-trust-contributors")
    command = (*TIDE, "run", *local, f"--data-dir={where / 'data'}", *told, *PORTS, *flags)
    with started(command, where, "run") as program:
        yield program


def outages(program: Program) -> list[tuple[str, str]]:
    return [(line["msg"], line["system"]) for line in program.log if "outage" in line["msg"]]


def url_of_page(program: Program) -> str:
    page: str = program.serving()["page"]
    return page.rstrip("/")


def asked(program: Program, path: str, is_so: Callable[[httpx.Response], bool]) -> str:
    """Ask for a page until it is so; give its text."""
    page = url_of_page(program)

    def ask() -> httpx.Response | None:
        answer = BROWSER.get(f"{page}{path}", headers={"accept": "text/html"})
        return answer if is_so(answer) else None

    return program.wait_for(ask, f"{path} as it should be").text


@dataclass
class LateGitHub:
    """An address at which nothing listens, until GitHub does."""

    listening: socket.socket
    sandbox: GitHub

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.listening.getsockname()[1]}"

    @property
    def flags(self) -> tuple[str, ...]:
        return (
            f"--github-endpoint={self.url}",
            f"--github-graphql-endpoint={self.url}/graphql",
            f"--github-host={self.url}",
        )

    @asynccontextmanager
    async def begun(self) -> AsyncIterator[None]:
        self.listening.listen()
        async with serving_on(self.listening, self.sandbox.app, tells_date=True):
            yield


@asynccontextmanager
async def late_github(where: Path) -> AsyncIterator[LateGitHub]:
    (where / "github").mkdir()
    with socket.socket() as bound:
        bound.bind((LOOPBACK, 0))
        forge = Forge(SystemClock().now, where / "github")
        await forge.create_repository("acme", "rocket")
        async with running(forge) as sandbox:
            yield LateGitHub(bound, sandbox)


async def test_a_database_and_a_github_that_come_later_are_waited_for() -> None:
    with open_directory("waiting") as where:
        home = where / "postgres"
        async with embedded(home, durable=False):
            pass
        async with late_github(where) as github:
            with tide_run(where, f"--database-url={url_of(home / 'run')}", *github.flags, "--dry-run=false") as program:
                await asyncio.to_thread(wait_and_go_on_without_either, program)
                async with embedded(home, durable=False):
                    await asyncio.to_thread(wait_and_go_on_without_github, program)
                    async with github.begun():
                        await asyncio.to_thread(asked, program, "/readyz", is_ready)
                        await asyncio.to_thread(program.wait_for, lambda: len(outages(program)) == 4, "end of outages")
                        assert await asyncio.to_thread(program.end) == 0, program.told
                both = ("the database", "GitHub")
                assert sorted(outages(program)) == sorted((event, system) for event in (BEGAN, OVER) for system in both)
                errors = [line["msg"] for line in program.log if line["severity"] in {"error", "warning"}]
                assert errors == [BEGAN, BEGAN], program.told


def wait_and_go_on_without_either(program: Program) -> None:
    asked(program, "/healthz", is_ready)
    missing = asked(program, "/readyz", lambda answer: not is_ready(answer)).splitlines()
    assert {"the database has not been reached yet", "GitHub has not answered yet"} <= set(missing)
    page = asked(program, "/", lambda answer: "The database does not answer" in answer.text)
    assert "has just begun" in page
    assert "--database-url" in page


def wait_and_go_on_without_github(program: Program) -> None:
    missing = asked(program, "/readyz", lambda answer: "database" not in answer.text)
    assert missing.splitlines() == ["GitHub has not answered yet", "nobody leads"]
    page = asked(program, "/", lambda answer: answer.status_code == httpx.codes.SERVICE_UNAVAILABLE)
    assert "<h1>Starting</h1>" in page
    assert "GitHub does not answer as it should" in page
    assert "--github-endpoint" in page


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_waiting_in_order(number: signal.Signals) -> None:
    with open_directory("waiting") as where:
        nowhere = ("--database-url=postgresql://tide@127.0.0.1:9/tide", *github_at("http://127.0.0.1:9"))
        with tide_run(where, *nowhere) as program:
            program.wait_for(lambda: len(outages(program)) == 2, "begin of both outages")
            program.process.send_signal(number)
            assert program.ended(patience=30) == 0, program.told
            assert "Traceback" not in program.told


def github_at(url: str) -> tuple[str, ...]:
    return f"--github-endpoint={url}", f"--github-graphql-endpoint={url}/graphql", f"--github-host={url}"


@asynccontextmanager
async def waiting(options: RunOptions) -> AsyncIterator[tuple[Daemon, str]]:
    """Give a daemon that begins, and the address of its page."""
    async with opened(options) as daemon, asyncio.TaskGroup() as group:
        stopping, port = asyncio.Event(), asyncio.get_running_loop().create_future()
        group.create_task(daemon.run(stopping, on_port=port.set_result))
        yield daemon, f"http://127.0.0.1:{await port}"
        stopping.set()


async def test_without_github_the_last_known_state_is_shown_and_a_standby_stands_by(database_url: str) -> None:
    async with place(database_url) as here, here.daemon() as (leader, page):
        await until(page, "/readyz", is_ready)
        nowhere = replace(
            here.options,
            data_dir=here.directory / "second",
            dry_run=False,
            github_endpoint=("http://127.0.0.1:9",),
            github_graphql_endpoint="http://127.0.0.1:9/graphql",
        )
        async with waiting(nowhere) as (second, other):
            answer = await until(other, "/", lambda answer: "This replica stands by" in answer.text)
            assert f"{leader.leadership.holder.rpartition('/')[0]} leads." in answer.text
            assert "acme/rocket" in answer.text
            missing = await until(other, "/readyz", lambda answer: "database" not in answer.text)
            assert missing.text == "GitHub has not answered yet"
            assert not second.start.is_done


async def test_a_replica_that_cannot_reach_github_does_not_lead(database_url: str) -> None:
    async with place(database_url) as here:
        here.faults.add(BAD_GATEWAY)
        async with waiting(replace(here.options, dry_run=False)) as (daemon, page):
            await until(page, "/readyz", lambda answer: "nobody leads" in answer.text and "database" not in answer.text)
            assert not daemon.leadership.role.leads
            here.faults.clear()
            await until(page, "/readyz", is_ready)
            assert daemon.leadership.role.leads


@pytest.mark.parametrize("dry_run", [True, False])
async def test_a_token_that_github_refuses_ends_the_start(database_url: str, *, dry_run: bool) -> None:
    async with place(database_url) as here:
        here.faults.add(Fault(kind="status", status=401, body={"message": "Bad credentials"}))
        with pytest.raises(ExceptionGroup) as raised:
            await forever(replace(here.options, dry_run=dry_run))
        assert raised.group_contains(Unauthorized, match="Bad credentials")


async def test_a_database_with_a_newer_schema_ends_the_start(bare_database_url: str) -> None:
    async with connected(bare_database_url, connections=1) as engine, statements(engine) as connection:
        await connection.execute(text("CREATE TABLE alembic_version (version_num text)"))
        await connection.execute(text("INSERT INTO alembic_version VALUES ('9999')"))
    async with place(bare_database_url) as here:
        with pytest.raises(ExceptionGroup) as raised:
            await forever(here.options)
        assert raised.group_contains(StoreRefused, match="newer than this program")


async def forever(options: RunOptions) -> None:
    async with asyncio.timeout(PATIENCE), opened(options) as daemon:
        await daemon.run(asyncio.Event())


def test_what_waiting_does_not_mend_is_one_line_and_the_code_1(database_url: str) -> None:
    url = make_url(database_url).set(username="stranger").render_as_string()
    flags = (f"--database-url={url}", *github_at("http://127.0.0.1:9"))
    with open_directory("waiting") as where, tide_run(where, *flags) as program:
        assert program.ended(patience=PATIENCE) == 1, program.told
        (line,) = [one for one in program.stderr.read_text().splitlines() if one.startswith("tide: error:")]
        assert "stranger" in line
        assert "Traceback" not in program.told


async def test_another_process_at_the_schema_is_waited_for(database_url: str) -> None:
    async with place(database_url) as here, connected(database_url, connections=1) as engine:
        async with transaction(engine) as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(x'74696465'::int)"))
            async with waiting(here.options) as (_, page):
                schema = "the database's schema is not up to date yet"
                await until(page, "/readyz", lambda answer: answer.text.startswith(schema))
                await until(page, "/", lambda answer: "Where another process is at it" in answer.text)
        async with waiting(here.options) as (_, page):
            await until(page, "/readyz", is_ready)


@dataclass
class Gate:
    """Holds back whole lists of ProwJobs while it is closed."""

    app: ASGIApp
    open: asyncio.Event = field(default_factory=asyncio.Event)
    held: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = scope.get("query_string", b"")
        if scope["path"].endswith("/prowjobs") and b"limit=500" in query:
            self.held.set()
            await self.open.wait()
        await self.app(scope, receive, send)


async def test_nobody_is_ready_and_no_round_is_begun_before_all_prowjobs_are_listed(database_url: str) -> None:
    with open_directory("listing") as where:
        (where / "forge").mkdir()
        forge = Forge(SystemClock().now, where / "forge")
        api = KubernetesApi(forge.now)
        async with running(forge, settings=Settings(routes=api.routes())) as sandbox:
            gate = Gate(sandbox.app)
            async with serving(gate, LOOPBACK, 0) as port:
                write_kubeconfig(where / "kubeconfig", f"http://{LOOPBACK}:{port}", "sandbox-token")
                async with waiting(on_cluster(where, sandbox, database_url)) as (daemon, page):
                    await asyncio.wait_for(gate.held.wait(), PATIENCE)
                    missing = "the ProwJobs have not been listed yet\nnobody leads"
                    await until(page, "/readyz", lambda answer: answer.text == missing)
                    assert (daemon.loop.rounds_done, daemon.leadership.role.leads) == (0, False)
                    gate.open.set()
                    await until(page, "/readyz", is_ready)
                    assert daemon.loop.rounds_done == 1


def on_cluster(where: Path, sandbox: GitHub, database_url: str) -> RunOptions:
    (where / "config.yaml").write_text(EMPTY)
    (where / "token").write_text("sandbox-token\n")
    return RunOptions(
        config_path=where / "config.yaml",
        data_dir=where / "data",
        database_url=database_url,
        dry_run=False,
        prowjob_backend="kubernetes",
        kubeconfig=where / "kubeconfig",
        github_endpoint=(sandbox.url,),
        github_graphql_endpoint=sandbox.graphql_url,
        github_host=sandbox.url,
        github_token_path=where / "token",
        port=0,
        metrics_port=None,
        health_port=None,
        bind="127.0.0.1",
    )


async def test_a_cluster_that_is_still_being_made_is_waited_for(database_url: str) -> None:
    with open_directory("making") as where:
        (where / "forge").mkdir()
        forge = Forge(SystemClock().now, where / "forge")
        async with running(forge, settings=Settings(routes=KubernetesApi(forge.now).routes())) as sandbox:
            write_kubeconfig(where / "kubeconfig", sandbox.url, "sandbox-token")
            for status in (404, 403, 503):
                sandbox.faults.clear()
                sandbox.faults.add(Fault(kind="status", status=status, path="/apis/prow.k8s.io"))
                async with waiting(on_cluster(where, sandbox, database_url)) as (_, page):
                    answer = await until(page, "/", lambda answer: "Kubernetes does not answer" in answer.text)
                    assert "grant us the Role" in answer.text
                    sandbox.faults.clear()
                    await until(page, "/readyz", is_ready)


async def test_a_first_sync_in_which_every_pool_fails_makes_nobody_ready(database_url: str) -> None:
    async with two_orgs(database_url) as here:
        for repo in (ROCKET, ENGINE):
            await here.open_pull(repo, "pump", "lgtm")
        here.sandbox.faults.add(Fault(kind="status", status=404, path="/git/ref/heads/"))
        async with here.place.daemon() as (daemon, page):
            rounds = Rounds(daemon)
            await rounds.make(3)
            answer = await until(page, "/readyz", lambda answer: not is_ready(answer))
            assert answer.text == "the first sync has not ended"
            here.sandbox.faults.clear()
            await rounds.make(1)
            await until(page, "/readyz", is_ready)


async def test_an_outage_of_github_is_one_line_over_many_syncs(database_url: str) -> None:
    async with place(database_url) as there:
        here = replace(there, options=replace(there.options, max_retries=0))
        # A dry run has nothing under way whose end would be told as well.
        async with here.daemon(dry_run=True) as (daemon, _):
            rounds = Rounds(daemon)
            await rounds.make(2)
            here.faults.add(BAD_GATEWAY)
            with capture_logs() as told:
                await rounds.make(10)
            assert [line["event"] for line in told if line["log_level"] in {"error", "warning"}] == [BEGAN], told


async def test_an_outage_of_the_database_is_one_line_over_many_syncs() -> None:
    async with town() as (town_, there), there.daemon() as (daemon, page):
        await until(page, "/readyz", is_ready)
        with capture_logs() as told:
            await town_.stop_database()
            failed = daemon.loop.rounds_done
            while daemon.loop.rounds_done < failed + 5 and daemon.leadership.role.leads:
                daemon.wakeups.look_at_all()
                await asyncio.sleep(SOON)
            await until(page, "/readyz", lambda answer: "database" in answer.text)
        errors = [line["event"] for line in told if line["log_level"] == "error"]
        assert errors == [BEGAN], told
        await town_.start_database()
        await until(page, "/readyz", is_ready)
