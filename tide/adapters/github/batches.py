"""Divide what is asked for into requests."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

_Asked = TypeVar("_Asked")


def batches(asked: Sequence[_Asked], size: int) -> Iterator[Sequence[_Asked]]:
    """Give all of it, in order, `size` at a time; the last time it may be fewer."""
    for start in range(0, len(asked), size):
        yield asked[start : start + size]
