"""Write stories: good changes, and changes that fail in each of the ways that a queue must tell apart."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tide.sandbox.scenarios.story import Event, Fate, Open, Plot, Push, SetLabels, Story
from tide.sandbox.scenarios.suite import SCRIPT, SCRIPT_PATH

AUTHORS = ("alice", "bob", "carol", "dave", "erin", "frank")
_VERBS = ("Add", "Speed up", "Rewrite", "Document", "Tidy", "Teach the tests about", "Cache", "Log")
_THINGS = (
    "the pump", "the valve", "telemetry", "the nozzle", "ignition", "the gimbal", "the parser", "retries", "the index",
    "the scheduler", "metrics", "the codec", "time-outs", "the planner", "the throttle", "alarms", "the ledger",
)  # fmt: skip
CORE = "parts/core.part"
CONTESTED = "docs/motto.md"


def base_files(seconds: float, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give the files that a repository starts with; each job takes `seconds`."""
    return {
        "README.md": "# A repository of the sandbox\n",
        CONTESTED: "Slow is smooth, smooth is fast.\n",
        CORE: "provides core\nprovides api-v1\n",
        SCRIPT_PATH: SCRIPT.replace("${2:-0}", f"${{2:-{seconds}}}"),
        **(extra or {}),
    }


@dataclass(slots=True)
class Author:
    """Writes the pull requests of one branch; the seed decides the words, never the outcome."""

    repo: str
    base: str
    labels: tuple[str, ...]
    draw: random.Random
    jobs: tuple[str, ...] = ("unit",)
    _written: int = field(default=0)

    def good(self, at: float) -> Open:
        """Write a change that breaks nothing."""
        self._written += 1
        slug = f"{self.base.replace('/', '-')}-part-{self._written}"
        text = f"provides {slug}\nneeds core\n"
        title = f"{self.draw.choice(_VERBS)} {self.draw.choice(_THINGS)}"
        return Open(
            at=at,
            name=f"{self.repo}:{slug}",
            repo=self.repo,
            base=self.base,
            title=title,
            author=self.draw.choice(AUTHORS),
            files={f"parts/{slug}.part": text},
            labels=self.labels,
        )

    def failing(self, at: float) -> Open:
        """Write a change that fails one of the jobs."""
        return self._adding(self.good(at), f"breaks {self.draw.choice(self.jobs)}", Fate.REJECTED)

    def flaky(self, at: float, percent: int) -> Open:
        """Write a good change whose job fails now and then."""
        return self._adding(self.good(at), f"flakes {self.draw.choice(self.jobs)} {percent}", Fate.EITHER)

    def pair(self, at: float) -> tuple[Open, Open]:
        """Write two changes that are good alone and fail together: one renames what the other begins to use."""
        rename, use = self.good(at), self._adding(self.good(at), "needs api-v1", Fate.EITHER)
        files = {**rename.files, CORE: "provides core\nprovides api-v2\n"}
        return (
            replace(rename, title="Rename api-v1 to api-v2", files=files, fate=Fate.EITHER),
            replace(use, title="Call api-v1 from the planner"),
        )

    def conflicting(self, at: float) -> Open:
        """Write a change that conflicts with what is on the branch already."""
        pull = self.good(at)
        files = {**pull.files, CONTESTED: f"Fast is fine, said {pull.author}.\n"}
        return replace(pull, title="Change the motto", files=files, fate=Fate.REJECTED, is_stale=True)

    def unlabelled(self, at: float) -> Open:
        """Write a good change that nobody has approved."""
        return replace(self.good(at), labels=(), fate=Fate.WAITING)

    def held(self, at: float, label: str = "do-not-merge/hold") -> Open:
        """Write a good change that somebody holds."""
        return replace(self.good(at), labels=(*self.labels, label), fate=Fate.WAITING)

    def _adding(self, pull: Open, line: str, fate: Fate) -> Open:
        path = next(iter(pull.files))
        return replace(pull, files={**pull.files, path: f"{pull.files[path]}{line}\n"}, fate=fate)


LABELS = ("lgtm", "approved")


def demo_story(pulls: int, seed: int, *, seconds: float = 1.0, spread: float = 20.0) -> Story:
    """Write the demonstration: two repositories, three branches, and every way not to merge.

    Of 24 pull requests two fail their job, two conflict in meaning, one conflicts in text, one has no label, one is
    held, and the others are good; with other numbers the good ones become more or fewer.

    Raises:
        ValueError: fewer pull requests than there are ways not to merge.
    """
    odd = 7
    if pulls < odd:
        raise ValueError(f"the demonstration needs at least {odd} pull requests")
    draw = random.Random(seed)  # noqa: S311 - a story, no secret
    rocket = Author("acme/rocket", "main", LABELS, draw)
    engine = Author("acme/engine", "main", LABELS, draw)
    release = Author("acme/rocket", "release-1.0", LABELS, draw)
    renamed, used = rocket.pair(0)
    special = [renamed, used, rocket.failing(0), rocket.conflicting(0)]
    special += [engine.failing(0), engine.unlabelled(0), release.held(0)]
    authors = (rocket, rocket, engine, release)
    good = [authors[number % len(authors)].good(0) for number in range(pulls - odd)]
    opened = [*special, *good]
    draw.shuffle(opened)
    # Half are there from the start, the others come one after the other.
    events = [replace(pull, at=_drip(place, pulls, spread)) for place, pull in enumerate(opened)]
    files = base_files(seconds)
    plots = (
        Plot("acme/rocket", {"main": files, "release-1.0": files}),
        Plot("acme/engine", {"main": files}),
    )
    return Story(plots, tuple(events), {plot.full_name: frozenset({"unit"}) for plot in plots})


def _drip(place: int, count: int, spread: float) -> float:
    half = count // 2
    return max(0, place - half) / max(1, count - half) * spread


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch that pull requests are written for: which labels let them merge, which jobs they need."""

    repo: str
    name: str
    labels: tuple[str, ...]
    jobs: tuple[str, ...]


def seeded_story(branches: Sequence[Branch], plots: Sequence[Plot], pulls: int, seed: int, *, spread: float) -> Story:
    """Write a story for given branches: mostly good changes, and some of each kind that is not.

    Labels come late for some, some are pushed to again, and some that failed are repaired.
    """
    draw = random.Random(seed)  # noqa: S311 - a story, no secret
    authors = [Author(one.repo, one.name, one.labels, draw, one.jobs) for one in branches]
    events: list[Event] = []
    while sum(isinstance(event, Open) for event in events) < pulls:
        events.extend(_some(draw, draw.choice(authors), draw.uniform(0, spread)))
    jobs = {plot.full_name: frozenset(job for one in branches if one.repo == plot.full_name for job in one.jobs)
            for plot in plots}  # fmt: skip
    return Story(tuple(plots), tuple(sorted(events, key=lambda event: event.at)), jobs)


def _some(draw: random.Random, author: Author, at: float) -> list[Event]:
    """Write the events around one pull request."""
    kinds = (_good, _late, _again, _failing, _repaired, _held, _conflicting)
    write = draw.choices(kinds, (50, 10, 5, 8, 7, 5, 3))[0]
    return write(author, at)


def _good(author: Author, at: float) -> list[Event]:
    return [author.good(at)]


def _failing(author: Author, at: float) -> list[Event]:
    return [author.failing(at)]


def _held(author: Author, at: float) -> list[Event]:
    return [author.held(at)]


def _conflicting(author: Author, at: float) -> list[Event]:
    return [author.conflicting(at)]


def _late(author: Author, at: float) -> list[Event]:
    pull = author.good(at)
    return [replace(pull, labels=()), SetLabels(at + 3, pull.name, add=author.labels)]


def _again(author: Author, at: float) -> list[Event]:
    pull = author.good(at)
    path = next(iter(pull.files))
    return [pull, Push(at + 2, pull.name, {path: f"{pull.files[path]}needs api-v1\n"})]


def _repaired(author: Author, at: float) -> list[Event]:
    broken = author.failing(at)
    path = next(iter(broken.files))
    repaired = "\n".join(line for line in broken.files[path].splitlines() if not line.startswith("breaks")) + "\n"
    return [replace(broken, fate=Fate.MERGED), Push(at + 8, broken.name, {path: repaired})]
