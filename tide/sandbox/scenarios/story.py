"""What contributors are going to do: values, made from a seed before anything happens."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Fate(StrEnum):
    """What should become of a pull request."""

    MERGED = "merged"
    REJECTED = "rejected"  # its jobs fail, or it conflicts: a human has to change it
    WAITING = "waiting"  # nobody asked for it to be merged, or somebody holds it
    EITHER = "either"  # one of a pair that cannot both merge, or its job fails by chance


@dataclass(frozen=True, slots=True)
class Plot:
    """A repository as it is before the story: `branches` maps each to its files (path -> text), default first."""

    full_name: str
    branches: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Open:
    """A contributor opens a pull request; `name` is how the rest of the story calls it.

    `files` maps paths to texts, on top of the branch as it was at the start of the story, so that a change of a file
    that the branch has changed since is a textual conflict.
    """

    at: float
    name: str
    repo: str
    base: str
    title: str
    author: str
    files: Mapping[str, str]
    labels: tuple[str, ...] = ()
    fate: Fate = Fate.MERGED
    is_stale: bool = False  # cut from the commit before the branch's first one that the story starts with


@dataclass(frozen=True, slots=True)
class Push:
    """A contributor pushes another commit to a pull request."""

    at: float
    name: str
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SetLabels:
    """Somebody labels a pull request."""

    at: float
    name: str
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Retarget:
    """A contributor changes the base of a pull request."""

    at: float
    name: str
    base: str


@dataclass(frozen=True, slots=True)
class DirectPush:
    """Somebody with the right to do so pushes to a branch past the queue."""

    at: float
    repo: str
    branch: str
    files: Mapping[str, str]
    message: str


Event = Open | Push | SetLabels | Retarget | DirectPush


@dataclass(frozen=True, slots=True)
class Story:
    """Repositories and what happens in them; `at` counts seconds from the start, events are in that order.

    `jobs` are the required jobs by repository (`owner/name`), for the judge.
    """

    plots: tuple[Plot, ...]
    events: tuple[Event, ...]
    jobs: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def opened(self) -> tuple[Open, ...]:
        """The pull requests of the story, in the order in which they are opened."""
        return tuple(event for event in self.events if isinstance(event, Open))
