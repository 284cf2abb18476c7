"""What goes wrong in a seed: values, drawn before anything happens."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What a replica does to the outside, or asks of it."""

    MERGE = "merge"
    START_RUN = "start a run"
    STATUS = "write a status"
    SEARCH = "search"
    READ_PULLS = "read pull requests"
    READ_BRANCH = "read a branch"
    FETCH = "fetch"
    FOLLOW = "list or watch ProwJobs"
    WORLD = "the world"


DEEDS = (Action.MERGE, Action.START_RUN, Action.STATUS)
READS = (Action.SEARCH, Action.READ_PULLS, Action.READ_BRANCH, Action.FETCH, Action.FOLLOW)


class Trouble(StrEnum):
    """What happens to one request, or to the world."""

    KILL = "kill -9"
    TIMEOUT = "time-out"
    ERROR = "502"
    CUT = "connection cut"
    TRUNCATED = "truncated body"
    FORBIDDEN = "403"
    FORBIDDEN_WAIT = "403 with Retry-After"
    TOO_MANY = "429"
    TOO_MANY_WAIT = "429 with Retry-After"
    DATABASE_KILLED = "database killed"
    LEADER_KILLED = "leader killed at any moment"
    LEADER_STOPPED = "leader stopped in good order"
    LEADER_PAUSED = "leader paused beyond its lease"
    WATCHES_DROPPED = "watches dropped"
    WATCHES_EXPIRED = "watches expired"


LIMITS = (Trouble.FORBIDDEN, Trouble.FORBIDDEN_WAIT, Trouble.TOO_MANY, Trouble.TOO_MANY_WAIT)
_OF_THE_WORLD = (
    Trouble.DATABASE_KILLED,
    Trouble.LEADER_KILLED,
    Trouble.LEADER_STOPPED,
    Trouble.LEADER_PAUSED,
    Trouble.WATCHES_DROPPED,
    Trouble.WATCHES_EXPIRED,
)


@dataclass(frozen=True, order=True)
class Cell:
    """A kind of strike: what is struck, before or after the deed is done, and how."""

    action: Action
    when: str
    trouble: Trouble

    def __str__(self) -> str:
        return f"{self.action}, {self.when}: {self.trouble}" if self.when else f"{self.action}: {self.trouble}"


@dataclass(frozen=True)
class Strike:
    """One thing that goes wrong: at the `nth` request of its action (from 1), or `at` seconds from the start."""

    cell: Cell
    nth: int = 0
    at: float = 0.0


def cells() -> tuple[Cell, ...]:
    """List every kind of strike."""
    found = []
    for deed in DEEDS:
        found += [Cell(deed, when, trouble) for when in ("before", "after")
                  for trouble in (Trouble.KILL, Trouble.TIMEOUT, Trouble.ERROR, Trouble.CUT)]  # fmt: skip
        found.append(Cell(deed, "after", Trouble.TRUNCATED))
        found += [Cell(deed, "before", trouble) for trouble in LIMITS]
    for read in READS:
        found += [Cell(read, "before", trouble) for trouble in (Trouble.KILL, Trouble.TIMEOUT, Trouble.ERROR)]
        found.append(Cell(read, "after", Trouble.TRUNCATED))
        found += [Cell(read, "before", trouble) for trouble in LIMITS if read is not Action.FETCH]
    found += [Cell(Action.WORLD, "", trouble) for trouble in _OF_THE_WORLD]
    return tuple(found)


QUICK_STRIKES = 11
"""How many things go wrong in a seed, beside the one or two that ask for a minute of patience."""
_LATEST = {Action.MERGE: 8, Action.START_RUN: 7, Action.FETCH: 6, Action.FOLLOW: 6}
_LATEST_OF_OTHERS = 9
_SPREAD = 20.0
_ASKS_FOR_PATIENCE = frozenset({Trouble.FORBIDDEN, Trouble.TOO_MANY})
_OF_GITHUB = frozenset({Action.MERGE, Action.STATUS, Action.SEARCH, Action.READ_PULLS, Action.READ_BRANCH})


def strikes(seed: int) -> tuple[Strike, ...]:
    """Draw what goes wrong in a seed, as from packs of cards, so that many seeds strike each cell about as often.

    A limit of which GitHub does not say when it ends is waited for a minute. There is one of them in each seed, and two
    in every other one: more would have to be waited for one after the other.
    """
    slow = [cell for cell in cells() if cell.action in _OF_GITHUB and cell.trouble in _ASKS_FOR_PATIENCE]
    quick = [cell for cell in cells() if cell not in slow]
    slow_before, slow_ones = seed + seed // 2, 1 + seed % 2
    chosen = [
        *(_card(slow, slow_before + number) for number in range(slow_ones)),
        *(_card(quick, seed * QUICK_STRIKES + number) for number in range(QUICK_STRIKES)),
    ]
    draw = random.Random(seed)  # noqa: S311 - a story, no secret
    many_of = Counter(cell.action for cell in chosen)
    latest = {action: max(_LATEST.get(action, _LATEST_OF_OTHERS), many_of[action]) for action in Action}
    free = {action: list(range(1, latest[action] + 1)) for action in Action}
    return tuple(_strike(cell, free[cell.action], draw) for cell in chosen)


def _card(pack: Sequence[Cell], place: int) -> Cell:
    """Give the card at a place of a long row of shuffled packs."""
    number, place = divmod(place, len(pack))
    shuffled = list(pack)
    random.Random(number).shuffle(shuffled)  # noqa: S311 - a story, no secret
    return shuffled[place]


def _strike(cell: Cell, free: list[int], draw: random.Random) -> Strike:
    """Give a cell its moment: a request that no other strike is meant for."""
    if cell.action is Action.WORLD:
        return Strike(cell, at=draw.uniform(4.0, _SPREAD))
    return Strike(cell, nth=free.pop(draw.randrange(len(free))))
