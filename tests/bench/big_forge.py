"""A simulated GitHub with hundreds of repositories and open pull requests, served by a process of its own.

`python -m tests.bench.big_forge DIRECTORY REPOSITORIES PULLS READY`, the first two of each organisation and of each
repository, prints where it is as one line of JSON and serves until its input ends.
No pull request may merge, nor does anything wait to be started: of each one some required job has failed on its head
or is still running, so that a queue that looks at them has nothing to do. But for READY more in a repository of their
own, which has no jobs: these may merge.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from tide.adapters.clock import SystemClock
from tide.sandbox.commits import NewCommit
from tide.sandbox.evidence import NewCheckRun, NewStatus
from tide.sandbox.model import Repository, StatusState
from tide.sandbox.rate_limits import Limits
from tide.sandbox.server import Settings, running
from tide.sandbox.state import Forge, NewPull

ORGS = tuple(f"acme-{letter}" for letter in "abcd")
JOBS = ("unit", "integration", "lint")
CHECKS = ("build", "docs", "scan")
LABELS = ("lgtm", "approved")
BUSY = ("acme-busy", "rocket")

# Some paragraphs, as people write them.
_BODY = "What this changes, and why it is the right moment to change it.\n" * 20


@dataclass(frozen=True, slots=True)
class Size:
    """How many repositories an organisation has, how many pull requests are open in each; how many may merge."""

    repos_per_org: int
    pulls_per_repo: int
    ready: int = 0

    @property
    def repos(self) -> tuple[tuple[str, str], ...]:
        """All repositories but the busy one, each by its organisation and its name; each has one pool."""
        return tuple((org, f"part-{number}") for org in ORGS for number in range(self.repos_per_org))

    @property
    def pools(self) -> int:
        """How many pools there are."""
        return len(self.repos)

    @property
    def pulls(self) -> int:
        """How many pull requests are open that may not merge."""
        return self.pools * self.pulls_per_repo


@dataclass(slots=True)
class _Past:
    """A clock that goes on by a minute whenever something is opened, and shows the present in the end.

    GitHub splits a search by the second of creation, so that 2,000 pull requests of one second could not be read.
    """

    left: timedelta
    clock: SystemClock = field(default_factory=SystemClock)

    def now(self) -> datetime:
        return self.clock.now() - self.left

    def step(self) -> None:
        self.left -= timedelta(minutes=1)


@contextmanager
def big_forge(directory: Path, size: Size) -> Iterator[dict[str, str]]:
    """Serve one for as long as the block runs; give where it is."""
    directory.mkdir()
    numbers = map(str, (size.repos_per_org, size.pulls_per_repo, size.ready))
    command = [sys.executable, "-m", "tests.bench.big_forge", str(directory), *numbers]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the simulated GitHub has no pipes")
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()


async def serve(directory: Path, size: Size) -> None:
    """Fill the forge and serve it until the standard input ends."""
    past = _Past(timedelta(minutes=size.pulls + size.ready))
    forge = Forge(past.now, directory)
    heads = {repo: await _settle(forge, *repo, size.pulls_per_repo) for repo in size.repos}
    for number in range(size.pulls_per_repo):
        for repo in size.repos:
            past.step()
            _test(forge, *_open(forge, "/".join(repo), number, heads[repo][number]), number)
    for number, head in enumerate(await _settle(forge, *BUSY, size.ready) if size.ready else ()):
        past.step()
        _open(forge, "/".join(BUSY), number, head)
    for repository in forge.repositories.values():
        await forge.mergeabilities(repository, repository.pulls.values())  # GitHub has worked them out long ago
    token = directory / "token"
    token.write_text("sandbox-token-of-the-benchmark\n")
    # A minute passes between the syncs of a benchmark, but not on the clock of this process.
    async with running(forge, settings=Settings(limits=Limits.none())) as sandbox:
        print(json.dumps({"url": sandbox.url, "graphql": sandbox.graphql_url, "token_file": str(token)}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def _settle(forge: Forge, org: str, name: str, pulls: int) -> list[str]:
    """Make a repository with its branch; give the heads of its pull requests to come."""
    repository = await forge.create_repository(org, name)
    base = _commit((), {"README.md": b"A part.\n"}, "Begin")
    changes = [_commit((0,), {f"change-{number}.txt": b"New.\n"}, "Change") for number in range(pulls)]
    start, *heads = await repository.git.write_commits([base, *changes])
    await forge.write_branch(repository, "main", start)
    return heads


def _commit(parents: tuple[int, ...], files: dict[str, bytes], message: str) -> NewCommit:
    author = ("alice", "alice@users.noreply.localhost")
    return NewCommit(parents=parents, files=dict(files), message=message, author=author, at=SystemClock().now())


def _open(forge: Forge, full_name: str, number: int, head: str) -> tuple[Repository, str]:
    repository = forge.repository(full_name)
    branch = f"change-{number}"
    repository.git.set_ref_later(f"refs/heads/{branch}", head)
    forge.branch_moved(repository, branch, head, actor="alice")
    labels = (*LABELS, "kind/feature", "size/M")
    new = NewPull(title=f"Change {number} of {full_name}", head_ref=branch, base_ref="main", body=_BODY, labels=labels)
    forge.open_pull(repository, new, "alice")
    return repository, head


def _test(forge: Forge, repository: Repository, head: str, number: int) -> None:
    """Let one required job have failed, every fifth time still be running; everything else has passed."""
    bad: StatusState = "pending" if number % 5 == 0 else "failure"
    base = repository.branches["main"]
    for place, job in enumerate(JOBS):
        state: StatusState = bad if place == number % len(JOBS) else "success"
        url = f"https://ci.localhost/view/{repository.full_name}/{number}/{job}/1998765432101234567"
        told = f"Job {state}. BaseSHA:{base}"
        forge.create_status(repository, head, NewStatus(context=job, state=state, description=told, target_url=url))
    for check in CHECKS:
        forge.create_check_run(repository, head, NewCheckRun(name=check, conclusion="success"))


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), Size(*map(int, sys.argv[2:]))))
