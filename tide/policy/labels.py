"""Labels, compared as GitHub does: without regard to case."""

from collections.abc import Iterable
from functools import lru_cache


@lru_cache(maxsize=4096)
def folded(labels: tuple[str, ...]) -> frozenset[str]:
    """Give labels in the form in which they are compared."""
    return frozenset(label.strip().lower() for label in labels)


@lru_cache(maxsize=4096)
def alternatives(entry: str) -> frozenset[str]:
    """Split an entry such as `lgtm,approved` into the labels of which one is enough."""
    return folded(tuple(entry.split(",")))


def satisfies(present: frozenset[str], entries: Iterable[str]) -> bool:
    """Tell whether for each entry one of its alternatives is present."""
    return all(not present.isdisjoint(alternatives(entry)) for entry in entries)
