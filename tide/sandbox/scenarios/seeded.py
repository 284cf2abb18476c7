"""Write a story of any size for given branches: mostly good changes, and some of each kind that is not."""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from tide.sandbox.scenarios.story import DirectPush, Event, Fate, Open, Plot, Push, Retarget, SetLabels, Story
from tide.sandbox.scenarios.writing import Author

# Seconds between what a contributor does and what follows.
RETARGET_AFTER = 1.5
PUSH_AFTER = 2.0
LABEL_AFTER = 3.0
REPAIR_AFTER = 8.0
MEND_AFTER = 6.0
TRY_AGAIN_AFTER = 3.0
FLAKES_OF_A_HUNDRED = 40


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch that pull requests are written for: which labels let them merge, which one holds them, which jobs run.

    Without jobs nobody would notice a broken change there, so that none is written.
    """

    repo: str
    name: str
    labels: tuple[str, ...]
    jobs: tuple[str, ...]
    hold: str = "do-not-merge/hold"


def seeded_story(branches: Sequence[Branch], plots: Sequence[Plot], pulls: int, seed: int, *, spread: float) -> Story:
    """Write a story for given branches.

    Labels come late for some, some are pushed to again, some come to another base; some that failed are repaired, and
    some jobs fail for a pair, by chance, or because somebody broke the branch for a while. Whoever had a good change
    open then pushes once more after it was mended.

    Args:
        branches: where pull requests go.
        plots: the repositories with their files.
        pulls: how many are opened.
        seed: decides everything.
        spread: the seconds over which they are opened.
    """
    draw = random.Random(seed)  # noqa: S311 - a story, no secret
    desks = [_desk(one, branches, draw) for one in branches]
    events: list[Event] = []
    while missing := pulls - sum(isinstance(event, Open) for event in events):
        desk = draw.choice(desks)
        events += desk.some(draw.uniform(0, spread), missing)
    authors = {(desk.branch.repo, desk.branch.name): desk.author for desk in desks}
    events += _tries_after_breakages(events, authors)
    jobs = {plot.full_name: frozenset(job for one in branches if one.repo == plot.full_name for job in one.jobs)
            for plot in plots}  # fmt: skip
    return Story(tuple(plots), tuple(sorted(events, key=lambda event: event.at)), jobs)


@dataclass(slots=True)
class _Desk:
    """Where the pull requests of one branch are written; `siblings` are the other branches of its repository."""

    branch: Branch
    author: Author
    siblings: tuple[Branch, ...]
    draw: random.Random
    _has_broken: bool = field(default=False)

    def some(self, at: float, most: int) -> list[Event]:
        """Write the events around one pull request, or two where so many may be opened."""
        kinds = [kind for kind in _KINDS if kind.opens <= most and kind.is_possible(self)]
        kind = self.draw.choices(kinds, [kind.weight for kind in kinds])[0]
        return kind.write(self, at)

    def has_jobs(self) -> bool:
        """Tell whether a broken change would be noticed."""
        return bool(self.branch.jobs)

    def has_labels(self) -> bool:
        """Tell whether a label is needed to merge."""
        return bool(self.branch.labels)

    def has_hold(self) -> bool:
        """Tell whether a label holds a pull request."""
        return bool(self.branch.hold)

    def has_siblings(self) -> bool:
        """Tell whether the repository has other branches."""
        return bool(self.siblings)

    def may_break(self) -> bool:
        """Tell whether the branch may be broken, which happens once at most."""
        return self.has_jobs() and not self._has_broken

    def good(self, at: float) -> list[Event]:
        """Write a good change."""
        return [self.author.good(at)]

    def late(self, at: float) -> list[Event]:
        """Write a good change that is approved later."""
        pull = self.author.good(at)
        return [replace(pull, labels=()), SetLabels(at + LABEL_AFTER, pull.name, add=self.author.labels)]

    def unlabelled(self, at: float) -> list[Event]:
        """Write a good change that nobody approves."""
        return [self.author.unlabelled(at)]

    def held(self, at: float) -> list[Event]:
        """Write a good change that somebody holds."""
        return [self.author.held(at, self.branch.hold)]

    def again(self, at: float) -> list[Event]:
        """Write a good change that is pushed to once more."""
        pull = self.author.good(at)
        return [pull, self.author.another_try(at + PUSH_AFTER, pull)]

    def conflicting(self, at: float) -> list[Event]:
        """Write a textual conflict."""
        return [self.author.conflicting(at)]

    def retargeted(self, at: float) -> list[Event]:
        """Write a good change that is opened for another branch; where labels differ, they come with the new base."""
        pull, other = self.author.good(at), self.draw.choice(self.siblings)
        moving = Retarget(at + RETARGET_AFTER, pull.name, self.branch.name)
        if other.labels == self.branch.labels:
            return [replace(pull, base=other.name), moving]
        approval = SetLabels(moving.at, pull.name, add=self.branch.labels)
        return [replace(pull, base=other.name, labels=()), moving, approval]

    def failing(self, at: float) -> list[Event]:
        """Write a change that fails a job."""
        return [self.author.failing(at)]

    def repaired(self, at: float) -> list[Event]:
        """Write a change that fails a job until it is pushed to again."""
        broken = self.author.failing(at)
        path = next(iter(broken.files))
        lines = [line for line in broken.files[path].splitlines() if not line.startswith("breaks")]
        repair = Push(at + REPAIR_AFTER, broken.name, {path: "".join(f"{line}\n" for line in lines)})
        return [replace(broken, fate=Fate.MERGED), repair]

    def flaky(self, at: float) -> list[Event]:
        """Write a change whose job fails by chance."""
        return [self.author.flaky(at, FLAKES_OF_A_HUNDRED)]

    def pair(self, at: float) -> list[Event]:
        """Write two changes that fail together."""
        return [*self.author.pair(at)]

    def broken_base(self, at: float) -> list[Event]:
        """Break the branch past the queue, with a good change on top, and mend it."""
        self._has_broken = True
        return [*self.author.breakage(at, MEND_AFTER), self.author.good(at)]


@dataclass(frozen=True, slots=True)
class _Kind:
    """One way to write pull requests; the weights say how often, beside each other."""

    weight: int
    write: Callable[[_Desk, float], list[Event]]
    is_possible: Callable[[_Desk], bool] = lambda _desk: True
    opens: int = 1


_KINDS = (
    _Kind(48, _Desk.good),
    _Kind(10, _Desk.late, _Desk.has_labels),
    _Kind(8, _Desk.failing, _Desk.has_jobs),
    _Kind(7, _Desk.repaired, _Desk.has_jobs),
    _Kind(5, _Desk.again),
    _Kind(5, _Desk.held, _Desk.has_hold),
    _Kind(4, _Desk.retargeted, _Desk.has_siblings),
    _Kind(4, _Desk.flaky, _Desk.has_jobs),
    _Kind(3, _Desk.conflicting),
    _Kind(2, _Desk.unlabelled, _Desk.has_labels),
    _Kind(2, _Desk.pair, _Desk.has_jobs, opens=2),
    _Kind(2, _Desk.broken_base, _Desk.may_break),
)


def _desk(branch: Branch, branches: Iterable[Branch], draw: random.Random) -> _Desk:
    siblings = tuple(one for one in branches if one.repo == branch.repo and one.name != branch.name)
    return _Desk(branch, Author(branch.repo, branch.name, branch.labels, draw, branch.jobs), siblings, draw)


def _tries_after_breakages(events: Sequence[Event], authors: dict[tuple[str, str], Author]) -> list[Push]:
    """Write another push to each good change that may have been tested on a broken branch.

    A job runs once for each head: without the push such a change would stay rejected for what it did not do.
    """
    opened = [event for event in events if isinstance(event, Open) and event.fate is Fate.MERGED]
    mends = [event for event in events if isinstance(event, DirectPush)]
    bases = {event.name: event.base for event in events if isinstance(event, Retarget)}
    tries = []
    for pull in opened:
        where = {pull.base, bases.get(pull.name, pull.base)}
        moments = [mend.at for mend in mends if mend.repo == pull.repo and mend.branch in where]
        if moments and pull.at <= max(moments) + TRY_AGAIN_AFTER:
            author = authors[pull.repo, pull.base]
            tries.append(author.another_try(max(pull.at, *moments) + TRY_AGAIN_AFTER, pull))
    return tries
