"""Write changes: good ones, and such as fail in each way that a queue must tell apart; and the demonstration."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from tide.sandbox.scenarios.story import DirectPush, Fate, Open, Plot, Push, Story
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
        slug = self._slug("part")
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
        """Write a good change whose job fails now and then until it has landed."""
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

    def breakage(self, at: float, lasts: float) -> tuple[DirectPush, DirectPush]:
        """Write two pushes past the queue: one breaks every job on the branch, the other mends it after a while."""
        slug = self._slug("hotfix")
        path = f"parts/{slug}.part"
        push = DirectPush(
            at, self.repo, self.base, {path: f"provides {slug}\nneeds {slug}-later\n"}, "Fix it in a hurry"
        )
        mended = {path: f"provides {slug}\nneeds core\n"}
        return push, replace(push, at=at + lasts, files=mended, message="Mend the hurried fix")

    def another_try(self, at: float, pull: Open) -> Push:
        """Write a push that changes nothing that counts, for jobs run once for each head."""
        slug = self._slug("try")
        return Push(at, pull.name, {f"parts/{slug}.part": f"provides {slug}\nneeds core\n"})

    def _slug(self, kind: str) -> str:
        self._written += 1
        return f"{quote(self.base, safe='')}-{kind}-{self._written}"

    def _adding(self, pull: Open, line: str, fate: Fate) -> Open:
        path = next(iter(pull.files))
        return replace(pull, files={**pull.files, path: f"{pull.files[path]}{line}\n"}, fate=fate)


LABELS = ("lgtm", "approved")
FEWEST_IN_DEMO = 7
"""There are so many pull requests with which something is wrong."""


def demo_story(pulls: int, seed: int, *, seconds: float = 1.0, spread: float = 20.0) -> Story:
    """Write the demonstration: two repositories, three branches, and every way not to merge.

    Of 24 pull requests two fail their job, two conflict in meaning, one conflicts in text, one has no label, one is
    held, and the others are good; with other numbers the good ones become more or fewer. The two that conflict in
    meaning come first: met later, each merge would bring them together in another batch that fails.

    Raises:
        ValueError: fewer pull requests than there are ways not to merge.
    """
    if pulls < FEWEST_IN_DEMO:
        raise ValueError(f"the demonstration needs at least {FEWEST_IN_DEMO} pull requests")
    draw = random.Random(seed)  # noqa: S311 - a story, no secret
    rocket = Author("acme/rocket", "main", LABELS, draw)
    engine = Author("acme/engine", "main", LABELS, draw)
    release = Author("acme/rocket", "release-1.0", LABELS, draw)
    renamed, used = rocket.pair(0)
    special = [rocket.failing(0), rocket.conflicting(0), engine.failing(0), engine.unlabelled(0), release.held(0)]
    authors = (rocket, rocket, engine, release)
    good = [authors[number % len(authors)].good(0) for number in range(pulls - FEWEST_IN_DEMO)]
    others = [*special, *good]
    draw.shuffle(others)
    opened = [renamed, used, *others]
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
