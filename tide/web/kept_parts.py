"""What was made of each of many things, kept as long as that very thing is there."""

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

K = TypeVar("K")
T = TypeVar("T")


class KeptParts(Generic[K, T]):
    """Makes a part of each thing, and makes it again only of those that were not there the last time.

    A thing is known by its identity: the store gives the same value where nothing has changed. One call at a time.
    """

    def __init__(self, make: Callable[[K], T]) -> None:
        self._make = make
        self._kept: dict[int, tuple[K, T]] = {}

    def of(self, things: Iterable[K]) -> list[T]:
        """Give the parts of these, and forget those of others."""
        kept = {}
        for thing in things:
            # The thing is kept too, so that no other one gets its id.
            kept[id(thing)] = self._kept.get(id(thing)) or (thing, self._make(thing))
        self._kept = kept
        return [part for _, part in kept.values()]
