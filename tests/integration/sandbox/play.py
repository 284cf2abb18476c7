"""A story played on a forge with real repositories, in time that only the story moves."""

from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.sandbox.world import Clock
from tide.sandbox.merging import MergeRequest, merge_pull
from tide.sandbox.model import Mergeability
from tide.sandbox.scenarios.contributors import Contributors, Opened
from tide.sandbox.scenarios.story import Story
from tide.sandbox.scenarios.truth import Truth, Verdict
from tide.sandbox.state import Forge

QUEUE = "merge-bot"


@dataclass
class Play:
    """Contributors at work; `slept` are the waits that they asked for."""

    story: Story
    root: Path
    clock: Clock = field(default_factory=Clock)
    slept: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.forge = Forge(self.clock, self.root)
        self.truth = Truth(self.forge, self.story.jobs)
        self.contributors = Contributors(self.forge, self.story, self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.forward(seconds=seconds)

    async def begin(self) -> "Play":
        """Make the repositories and play everything that comes at the start."""
        await self.contributors.prepare()
        await self.contributors.play(until=0)
        return self

    async def end(self) -> "Play":
        """Make the repositories and play the whole story."""
        await self.contributors.prepare()
        await self.contributors.play()
        return self

    def opened(self, name: str) -> Opened:
        """Give a pull request by its name in the story."""
        return self.contributors.pulls[name]

    async def mergeability(self, name: str) -> Mergeability:
        """Say what git thinks of merging a pull request."""
        opened = self.opened(name)
        return await self.forge.mergeability(opened.repository, opened.pull)

    async def merge(self, *names: str) -> list[str]:
        """Merge pull requests right away, tested or not, and long after what was before; give the new heads."""
        self.clock.forward(minutes=1)
        return [
            await merge_pull(self.forge, self.opened(name).repository, self.opened(name).pull, MergeRequest(), QUEUE)
            for name in names
        ]

    async def verdict(self) -> Verdict:
        """Judge what landed."""
        return await self.truth.verdict()

    async def files(self, repo: str, rev: str) -> dict[str, str]:
        """Read a whole commit: path -> text."""
        git = self.forge.repository(repo).git
        await git.flush()
        paths = (await git.run("ls-tree", "-r", "-z", "--name-only", rev)).decode().split("\0")[:-1]
        return {path: (await git.run("cat-file", "blob", f"{rev}:{path}")).decode() for path in paths}
