"""What really happened on the simulated GitHub, kept apart from everything that the queue believes.

Every head that a judged branch ever had is remembered, and judged by reading its files: no run and no status counts.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tide.sandbox.changes import AnyChange, Pushed
from tide.sandbox.model import Repository
from tide.sandbox.scenarios.suite import failures, is_part
from tide.sandbox.state import Forge

# A head that the next merge followed so soon was one of a batch that landed step by step.
RESTS_AFTER = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class JudgedHead:
    """A commit that a branch pointed to; `failures` say why its jobs fail.

    `is_resting` tells whether the branch rested on it.
    `pull` is the number of the pull request that was merged, 0 for a push past the queue.
    """

    repo: str
    branch: str
    sha: str
    pull: int
    at: datetime
    is_resting: bool
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Everything that landed, judged. `red` are resting heads that fail, `passing_by` intermediate ones that do."""

    heads: tuple[JudgedHead, ...]

    @property
    def red(self) -> tuple[JudgedHead, ...]:
        """The failing heads that a branch rested on, but for those that somebody pushed past the queue."""
        return tuple(head for head in self.heads if head.failures and head.is_resting and head.pull)

    @property
    def passing_by(self) -> tuple[JudgedHead, ...]:
        """The failing heads that a branch had for a moment inside a batch."""
        return tuple(head for head in self.heads if head.failures and not head.is_resting and head.pull)

    def as_json(self) -> dict[str, Any]:
        """Give the verdict as JSON."""
        return {
            "heads": [asdict(head) | {"at": head.at.isoformat()} for head in self.heads],
            "red": [head.sha for head in self.red],
            "intermediate_red": [head.sha for head in self.passing_by],
        }


@dataclass(slots=True)
class Truth:
    """Watches the branches of a forge; `jobs` are the required jobs by repository."""

    forge: Forge
    jobs: Mapping[str, frozenset[str]]
    _pushes: list[Pushed] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin to watch."""
        self.forge.subscribe(self._see)

    def _see(self, change: AnyChange) -> None:
        if isinstance(change, Pushed) and change.before and change.after:
            self._pushes.append(change)

    async def verdict(self) -> Verdict:
        """Judge every head that a base branch of some pull request has had."""
        bases = {
            (repository.full_name, pull.base_ref)
            for repository in self.forge.repositories.values()
            for pull in repository.pulls.values()
        }
        pushes = [push for push in self._pushes if (push.repository.full_name, push.branch) in bases]
        return Verdict(tuple([await self._judge(push, pushes) for push in pushes]))

    async def _judge(self, push: Pushed, pushes: list[Pushed]) -> JudgedHead:
        later = [
            other
            for other in pushes
            if other.repository is push.repository
            and other.branch == push.branch
            and other.sequence > push.sequence
            and other.pull is not None
        ]
        full_name, sha = push.repository.full_name, push.after or ""
        return JudgedHead(
            repo=full_name,
            branch=push.branch,
            sha=sha,
            pull=push.pull.number if push.pull else 0,
            at=push.at,
            is_resting=not (later and later[0].at - push.at < RESTS_AFTER),
            failures=failures(await read_parts(push.repository, sha), self.jobs.get(full_name, frozenset())),
        )


async def read_parts(repository: Repository, sha: str) -> dict[str, str]:
    """Read the files of a commit that the suite looks at."""
    listed = await repository.git.run("ls-tree", "-r", "-z", sha, "--", "parts")
    entries = [entry.split(b"\t", 1) for entry in listed.split(b"\0") if entry]
    blobs = {path.decode(): info.split(b" ")[2].decode() for info, path in entries if is_part(path.decode())}
    request = "".join(f"{blob}\n" for blob in blobs.values()).encode()
    answer = await repository.git.run("cat-file", "--batch", stdin=request)
    texts: dict[str, str] = {}
    for path in blobs:
        header, _, answer = answer.partition(b"\n")
        size = int(header.split(b" ")[2])
        texts[path], answer = answer[:size].decode(), answer[size + 1 :]
    return texts
