"""A forge without a server, for rules and deeds that need no network."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tide.sandbox.model import Mergeability, PullRequest, Repository
from tide.sandbox.state import Forge, NewPull

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
BASE, HEAD = "a" * 40, "b" * 40
CLEAN = Mergeability(BASE, HEAD, mergeable=True, rebaseable=True, behind=False, merge_commit=None)


@dataclass
class Clock:
    """Time that only the test moves."""

    now: datetime = field(default=START)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **delta: float) -> None:
        self.now += timedelta(**delta)


def open_pull(forge: Forge, repository: Repository, name: str = "boost") -> PullRequest:
    """Open a pull of ``alice`` whose branch stands on a commit that git does not have."""
    repository.branches.setdefault("main", BASE)
    repository.branches[name] = HEAD
    return forge.open_pull(repository, NewPull(title=f"Add {name}", head_ref=name, base_ref="main"), "alice")
