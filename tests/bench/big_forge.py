"""A simulated GitHub with 100 repositories and 2,000 open pull requests, served by a process of its own.

`python -m tests.bench.big_forge DIRECTORY [PER_REPOSITORY [READY]]` prints where it is as one line of JSON and serves
until its input ends. No pull request may merge, nor does anything wait to be started: of each one some required job has
failed on its head or is still running, so that a queue that looks at them has nothing to do. But for READY more in a
repository of their own, which has no jobs: these may merge.
"""

import asyncio
import json
import sys
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from tide.adapters.clock import SystemClock
from tide.sandbox.evidence import NewCheckRun, NewStatus
from tide.sandbox.git_store import NewCommit
from tide.sandbox.model import Repository, StatusState
from tide.sandbox.rate_limits import Limits
from tide.sandbox.server import Settings, running
from tide.sandbox.state import Forge, NewPull

ORGS = tuple(f"acme-{letter}" for letter in "abcd")
REPOS_PER_ORG, PULLS_PER_REPO = 25, 20
JOBS = ("unit", "integration", "lint")
CHECKS = ("build", "docs", "scan")
LABELS = ("lgtm", "approved")
BUSY = ("acme-busy", "rocket")
REPOS = tuple((org, f"part-{number}") for org in ORGS for number in range(REPOS_PER_ORG))
POOLS, PULLS = len(REPOS), len(REPOS) * PULLS_PER_REPO

# Some paragraphs, as people write them.
_BODY = "What this changes, and why it is the right moment to change it.\n" * 20


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


async def serve(directory: Path, per_repo: int = PULLS_PER_REPO, ready: int = 0) -> None:
    """Fill the forge and serve it until the standard input ends."""
    past = _Past(timedelta(minutes=len(REPOS) * per_repo + ready))
    forge = Forge(past.now, directory)
    heads = {repo: await _settle(forge, *repo, per_repo) for repo in REPOS}
    for number in range(per_repo):
        for repo in REPOS:
            past.step()
            _test(forge, *_open(forge, "/".join(repo), number, heads[repo][number]), number)
    for number, head in enumerate(await _settle(forge, *BUSY, ready) if ready else ()):
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
    asyncio.run(serve(Path(sys.argv[1]), *map(int, sys.argv[2:])))
