"""What really happened on the simulated GitHub, kept apart from everything that the queue believes.

Every head that a judged branch ever had is remembered, and judged by reading its files: no run and no status counts.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from tide.sandbox.changes import AnyChange, Pushed
from tide.sandbox.model import Repository
from tide.sandbox.scenarios.suite import failures, is_part
from tide.sandbox.state import Forge

# A head that the next merge followed so soon was one of a batch that landed step by step.
RESTS_AFTER = timedelta(seconds=5)
_FILE_MODE = b"100"


@dataclass(frozen=True, slots=True)
class JudgedHead:
    """A commit that a branch pointed to; `failures` say why its jobs fail.

    `foreign` are those failures that somebody pushed past the queue, here or before.
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
    foreign: tuple[str, ...] = ()

    @property
    def is_broken_by_merges(self) -> bool:
        """Tell whether something fails that came by a merge."""
        return bool(set(self.failures) - set(self.foreign))


@dataclass(frozen=True, slots=True)
class Verdict:
    """Everything that landed, judged. `red` are resting heads that fail, `passing_by` intermediate ones that do."""

    heads: tuple[JudgedHead, ...]

    @property
    def red(self) -> tuple[JudgedHead, ...]:
        """The failing heads that a branch rested on, but for what somebody pushed past the queue."""
        return tuple(head for head in self.heads if head.is_broken_by_merges and head.is_resting)

    @property
    def passing_by(self) -> tuple[JudgedHead, ...]:
        """The failing heads that a branch had for a moment inside a batch."""
        return tuple(head for head in self.heads if head.is_broken_by_merges and not head.is_resting)

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
    _failures: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin to watch."""
        self.forge.subscribe(self._see)

    def _see(self, change: AnyChange) -> None:
        if isinstance(change, Pushed) and change.before and change.after:
            self._pushes.append(change)

    async def verdict(self) -> Verdict:
        """Judge every head that a branch has had which pull requests are for, or were merged into."""
        bases = {
            (repository.full_name, pull.base_ref)
            for repository in self.forge.repositories.values()
            for pull in repository.pulls.values()
        }
        by_branch: dict[tuple[str, str], list[Pushed]] = {}
        for push in self._pushes:
            by_branch.setdefault((push.repository.full_name, push.branch), []).append(push)
        judged = [
            await self._judge(pushes)
            for branch, pushes in by_branch.items()
            if branch in bases or any(push.pull for push in pushes)
        ]
        return Verdict(tuple(sorted(chain.from_iterable(judged), key=lambda head: head.at)))

    async def _judge(self, pushes: list[Pushed]) -> list[JudgedHead]:
        """Judge the heads of one branch, oldest first."""
        heads: list[JudgedHead] = []
        foreign = frozenset[str]()
        for place, push in enumerate(pushes):
            found = await self._failures_of(push)
            # A failure that a push past the queue brought stays its own until it is gone.
            foreign = frozenset(found) & foreign if push.pull else frozenset(found) - _own(heads)
            heads.append(
                JudgedHead(
                    repo=push.repository.full_name,
                    branch=push.branch,
                    sha=push.after or "",
                    pull=push.pull.number if push.pull else 0,
                    at=push.at,
                    is_resting=_rests(push, pushes[place + 1 :]),
                    failures=found,
                    foreign=tuple(sorted(foreign)),
                )
            )
        return heads

    async def _failures_of(self, push: Pushed) -> tuple[str, ...]:
        full_name, sha = push.repository.full_name, push.after or ""
        if sha not in self._failures:
            jobs = self.jobs.get(full_name, frozenset())
            self._failures[sha] = failures(await read_parts(push.repository, sha), jobs)
        return self._failures[sha]


def _own(heads: list[JudgedHead]) -> frozenset[str]:
    """Give the failures of the last head that came by merges."""
    return frozenset(heads[-1].failures) - frozenset(heads[-1].foreign) if heads else frozenset()


def _rests(push: Pushed, later: list[Pushed]) -> bool:
    """Tell whether a branch rested on what was pushed."""
    following = next((other for other in later if other.pull is not None), None)
    return following is None or following.at - push.at >= RESTS_AFTER


async def read_parts(repository: Repository, sha: str) -> dict[str, str]:
    """Read the files of a commit that the suite looks at; links and submodules are none."""
    listed = await repository.git.run("ls-tree", "-r", "-z", sha, "--", "parts")
    entries = [entry.split(b"\t", 1) for entry in listed.split(b"\0") if entry]
    blobs = {_text(path): info.split(b" ")[2].decode() for info, path in entries if info.startswith(_FILE_MODE)}
    blobs = {path: blob for path, blob in blobs.items() if is_part(path)}
    contents = await repository.git.contents(list(blobs.values()))
    return dict(zip(blobs, map(_text, contents), strict=True))


def _text(content: bytes) -> str:
    return content.decode(errors="surrogateescape")
