"""What goes wrong in a seed: values, drawn before anything happens."""

import math
import random
from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What a replica does to the outside, or asks of it."""

    MERGE = "merge"
    START_RUN = "start a run"
    SEARCH = "search"
    READ_PULLS = "read pull requests"
    READ_BRANCH = "read a branch"
    FETCH = "fetch"
    FOLLOW = "list or watch ProwJobs"
    WORLD = "the world"


DEEDS = (Action.MERGE, Action.START_RUN)
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
        found += [Cell(read, "before", trouble) for trouble in (Trouble.TIMEOUT, Trouble.ERROR)]
        # git asks without a token, so that nobody knows for whom.
        found += [Cell(read, "before", Trouble.KILL)] if read is not Action.FETCH else []
        found.append(Cell(read, "after", Trouble.TRUNCATED))
        found += [Cell(read, "before", trouble) for trouble in LIMITS if read is not Action.FETCH]
    found += [Cell(Action.WORLD, "", trouble) for trouble in _OF_THE_WORLD]
    return tuple(found)


STRIKES = 11
"""How many things go wrong in a seed; one of them asks for a minute of patience."""
_LATEST = {Action.MERGE: 6, Action.START_RUN: 7, Action.FETCH: 6, Action.FOLLOW: 6}
_LATEST_OF_OTHERS = 9
_SPREAD = 20.0
_ASKS_FOR_PATIENCE = frozenset({Trouble.FORBIDDEN, Trouble.TOO_MANY})
_OF_GITHUB = frozenset({Action.MERGE, Action.SEARCH, Action.READ_PULLS, Action.READ_BRANCH})


def strikes(seed: int) -> tuple[Strike, ...]:
    """Draw what goes wrong in a seed: the cells take turns, so that many seeds strike each about as often.

    A limit of which GitHub does not say when it ends is waited for a minute. There is one of them in each seed: several
    would have to be waited for one after the other.
    """
    slow = [cell for cell in cells() if cell.action in _OF_GITHUB and cell.trouble in _ASKS_FOR_PATIENCE]
    quick = [cell for cell in cells() if cell not in slow]
    draw = random.Random(seed)  # noqa: S311 - a story, no secret
    many = STRIKES - 1
    chosen = [slow[seed % len(slow)]]
    chosen += [quick[(seed * many + number) % len(quick)] for number in _stride(len(quick), many)]
    free = {action: list(range(1, _LATEST.get(action, _LATEST_OF_OTHERS) + 1)) for action in Action}
    return tuple(_strike(cell, free[cell.action], draw) for cell in chosen)


def _stride(count: int, many: int) -> list[int]:
    """Give numbers that are far from each other, so that the strikes of a seed are of many kinds."""
    step = next(step for step in range(count // many, count) if math.gcd(step, count) == 1)
    return [number * step for number in range(many)]


def _strike(cell: Cell, free: list[int], draw: random.Random) -> Strike:
    """Give a cell its moment: a request that no other strike is meant for."""
    if cell.action is Action.WORLD:
        return Strike(cell, at=draw.uniform(4.0, _SPREAD))
    return Strike(cell, nth=free.pop(draw.randrange(len(free))))
