"""A whole daemon that polls once a day hears of everything else by webhooks."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.integration.sandbox.world import AUTHOR
from tide.adapters.clock import SystemClock
from tide.app.assembly import assembled
from tide.app.options import RunOptions
from tide.app.running import Daemon
from tide.sandbox.changes import AnyChange, PullChanged
from tide.sandbox.commits import NewCommit
from tide.sandbox.model import Hook, PullRequest, Repository
from tide.sandbox.server import Sandbox, running
from tide.sandbox.state import Forge, NewPull

PATIENCE = 60.0
SECRET = "hush-hush"
CONFIG = """\
tide:
  sync_period: 24h
  queries: [{orgs: [acme], labels: [lgtm]}]
presubmits:
  acme/rocket:
    - {name: unit, always_run: true, spec: {containers: [{image: none, command: ["true"]}]}}
"""


@dataclass
class Yard:
    """A simulated GitHub with one repository whose events go to a running daemon."""

    sandbox: Sandbox
    repository: Repository
    daemon: Daemon
    merged: asyncio.Queue[int] = field(default_factory=asyncio.Queue)

    async def commit(self, parent: str | None, path: str) -> str:
        parents = (parent,) if parent else ()
        new = NewCommit(
            parents=parents, files={path: b"text\n"}, message=f"Add {path}", author=AUTHOR, at=self.sandbox.forge.now()
        )
        return (await self.repository.git.write_commits([new]))[0]

    async def open_pull(self, name: str, *labels: str) -> PullRequest:
        head = await self.commit(self.repository.branches["main"], name)
        await self.sandbox.forge.write_branch(self.repository, name, head)
        new = NewPull(title=f"Add {name}", head_ref=name, base_ref="main", labels=labels)
        return self.sandbox.forge.open_pull(self.repository, new, "alice")

    def note(self, change: AnyChange) -> None:
        if isinstance(change, PullChanged) and change.pull.merged:
            self.merged.put_nowait(change.pull.number)


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that every user may enter, as jobs run as another one."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


@pytest.fixture
async def yard(place: Path, database_url: str) -> AsyncIterator[Yard]:
    (place / "forge").mkdir()
    forge = Forge(SystemClock().now, place / "forge")
    async with running(forge) as sandbox, assembled(options_for(place, sandbox, database_url)) as daemon:
        repository = await forge.create_repository("acme", "rocket")
        made = Yard(sandbox, repository, daemon)
        await forge.write_branch(repository, "main", await made.commit(None, "README"))
        forge.subscribe(made.note)
        async with at_work(made):
            yield made


@asynccontextmanager
async def at_work(yard: Yard) -> AsyncIterator[None]:
    """Run the daemon; begin when it can be reached, and when its only round has found nothing."""
    stopping, reachable, looked = asyncio.Event(), asyncio.Queue[int](), asyncio.Event()
    search = yard.daemon.loop.round

    async def only_round() -> None:
        await search()
        looked.set()

    yard.daemon.loop.round = only_round
    task = asyncio.create_task(yard.daemon.run(stopping, on_port=reachable.put_nowait))
    try:
        url = f"http://127.0.0.1:{await reachable.get()}/hook"
        hook = Hook(id=1, url=url, secret=SECRET, events=("*",))
        yard.sandbox.webhooks.hooks = (hook,)
        await looked.wait()
        yield
    finally:
        stopping.set()
        await task


def options_for(place: Path, sandbox: Sandbox, database_url: str) -> RunOptions:
    for name, text in (("config.yaml", CONFIG), ("token", "sandbox-token"), ("secret", SECRET)):
        (place / name).write_text(text)
    return RunOptions(
        config_path=place / "config.yaml",
        data_dir=place / "data",
        database_url=database_url,
        dry_run=False,
        github_endpoint=(sandbox.url,),
        github_graphql_endpoint=sandbox.graphql_url,
        github_host=sandbox.url,
        github_token_path=place / "token",
        webhook_secret_file=place / "secret",
        port=0,
        metrics_port=None,
        health_port=None,
        bind="127.0.0.1",
    )


async def test_a_labelled_pull_request_is_tested_and_merged_without_a_poll(yard: Yard) -> None:
    async with asyncio.timeout(PATIENCE):
        pull = await yard.open_pull("pump", "lgtm")
        assert await yard.merged.get() == pull.number
    assert yard.daemon.loop.rounds_done == 1


async def test_a_label_that_comes_later_is_enough(yard: Yard) -> None:
    async with asyncio.timeout(PATIENCE):
        first = await yard.open_pull("pump")
        second = await yard.open_pull("valve", "lgtm")
        assert await yard.merged.get() == second.number
        yard.sandbox.forge.add_label(yard.repository, first, "lgtm")
        assert await yard.merged.get() == first.number
    assert yard.daemon.loop.rounds_done == 1
