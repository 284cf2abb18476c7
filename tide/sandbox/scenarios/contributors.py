"""Play a story on the simulated GitHub: write the branches, open the pull requests, push, label, retarget."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tide.sandbox.commits import NewCommit
from tide.sandbox.model import PullRequest, Repository
from tide.sandbox.scenarios.story import DirectPush, Event, Fate, Open, Plot, Push, Retarget, SetLabels, Story
from tide.sandbox.scenarios.writing import CONTESTED
from tide.sandbox.state import Forge, NewPull

_PEOPLE = ("Sandbox", "sandbox@localhost")


@dataclass(frozen=True, slots=True)
class Opened:
    """A pull request of the story on the forge."""

    repository: Repository
    pull: PullRequest
    fate: Fate
    opened_at: datetime

    @property
    def name(self) -> str:
        """`owner/name#number`."""
        return f"{self.repository.full_name}#{self.pull.number}"


@dataclass(slots=True)
class Contributors:
    """Plays one story; `pulls` are those opened so far, by their names in the story.

    `sleep` waits for so many seconds.
    """

    forge: Forge
    story: Story
    sleep: Callable[[float], Awaitable[None]]
    pulls: dict[str, Opened] = field(default_factory=dict)
    _done: int = 0
    _now: float = 0.0
    _heads: dict[str, str] = field(default_factory=dict)
    _roots: dict[str, str] = field(default_factory=dict)
    _starts: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """Tell whether everything in the story has been done."""
        return self._done == len(self.story.events)

    async def prepare(self) -> None:
        """Make the repositories with their branches, and the commits of all pull requests to come."""
        for plot in self.story.plots:
            await self._settle(plot)
            await self._write_heads(plot)

    async def play(self, *, until: float | None = None) -> None:
        """Do what the story tells, each at its time; with `until`, stop before what comes later.

        Called again, it goes on where it stopped.
        """
        for event in self.story.events[self._done :]:
            if until is not None and event.at > until:
                return
            if event.at > self._now:
                await self.sleep(event.at - self._now)
                self._now = event.at
            await self._do(event)
            self._done += 1

    async def _settle(self, plot: Plot) -> None:
        """Make one repository: all branches come from one commit, and old changes from the one before it."""
        owner, _, name = plot.full_name.partition("/")
        repository = await self.forge.create_repository(owner, name, default_branch=next(iter(plot.branches)))
        first = next(iter(plot.branches.values()))
        older = {**first, CONTESTED: "Haste makes waste.\n"}
        begin = [self._commit((), older, "Begin"), self._commit((0,), first, "Change the motto")]
        forks = [
            self._commit((1,), {**dict.fromkeys(first), **files}, f"Begin {branch}")
            for branch, files in plot.branches.items()
        ]
        root, _, *starts = await repository.git.write_commits([*begin, *forks])
        self._roots[plot.full_name] = root
        for branch, start in zip(plot.branches, starts, strict=True):
            self._starts[plot.full_name, branch] = start
            await self.forge.write_branch(repository, branch, start)

    async def _write_heads(self, plot: Plot) -> None:
        repository = self.forge.repository(plot.full_name)
        opened = [event for event in self.story.opened if event.repo == plot.full_name]
        root, starts = self._roots[plot.full_name], self._starts
        parents = [root if event.is_stale else starts[event.repo, event.base] for event in opened]
        shas = await repository.git.write_commits(
            [
                self._commit((parent,), event.files, event.title, event.author)
                for parent, event in zip(parents, opened, strict=True)
            ]
        )
        self._heads.update(zip((event.name for event in opened), shas, strict=True))

    def _commit(
        self, parents: tuple[str | int, ...], files: Mapping[str, str | None], message: str, author: str = ""
    ) -> NewCommit:
        who = (author, f"{author}@users.noreply.localhost") if author else _PEOPLE
        contents = {path: None if text is None else text.encode() for path, text in files.items()}
        return NewCommit(parents=parents, files=contents, message=message, author=who, at=self.forge.now())

    async def _do(self, event: Event) -> None:
        match event:
            case Open():
                self._open(event)
            case Push():
                await self._push(event)
            case SetLabels():
                self._set_labels(event)
            case Retarget():
                await self._retarget(event)
            case DirectPush():
                await self._push_directly(event)

    def _open(self, event: Open) -> None:
        repository = self.forge.repository(event.repo)
        branch = _branch(event)
        repository.git.set_ref_later(f"refs/heads/{branch}", self._heads[event.name])
        self.forge.branch_moved(repository, branch, self._heads[event.name], actor=event.author)
        new = NewPull(title=event.title, head_ref=branch, base_ref=event.base, labels=event.labels)
        pull = self.forge.open_pull(repository, new, event.author)
        self.pulls[event.name] = Opened(repository, pull, event.fate, self.forge.now())

    async def _push(self, event: Push) -> None:
        opened = self.pulls[event.name]
        pull, git = opened.pull, opened.repository.git
        # A merge that is under way has the lock: it must not find another head than the one it checked.
        async with git.lock:
            if pull.state == "open":
                await git.flush()
                commit = self._commit((pull.head_sha,), event.files, "Follow the review", pull.author)
                (sha,) = await git.write_commits([commit])
                await self.forge.write_branch(opened.repository, pull.head_ref, sha, actor=pull.author)

    async def _retarget(self, event: Retarget) -> None:
        opened = self.pulls[event.name]
        async with opened.repository.git.lock:
            if opened.pull.state == "open":
                self.forge.retarget_pull(opened.repository, opened.pull, event.base, opened.pull.author)

    def _set_labels(self, event: SetLabels) -> None:
        opened = self.pulls[event.name]
        for label in event.add:
            self.forge.add_label(opened.repository, opened.pull, label)
        for label in event.remove:
            self.forge.remove_label(opened.repository, opened.pull, label)

    async def _push_directly(self, event: DirectPush) -> None:
        repository = self.forge.repository(event.repo)
        async with repository.git.lock:
            commit = self._commit((repository.branches[event.branch],), event.files, event.message)
            (sha,) = await repository.git.write_commits([commit])
            await self.forge.write_branch(repository, event.branch, sha)


def _branch(event: Open) -> str:
    return f"{event.author}/{event.name.rpartition(':')[2]}"
