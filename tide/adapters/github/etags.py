"""Remember answers with their ETags, so that asking again for what has not changed is free.

GitHub docs: Best practices for using the REST API, "Use conditional requests". Nothing is ever served without asking:
an answer that may be a minute old is no ground for a merge.
"""

from collections import OrderedDict
from dataclasses import dataclass

from tide.adapters.github.answers import Answer

LIMIT = 4096
"""Answers kept at most: one per pool branch and repository, some kilobytes each."""


@dataclass(frozen=True, slots=True)
class EtagKey:
    """What an ETag is good for: the same address, asked in the same form, by the same owner of tokens."""

    path: str
    accept: str
    owner: str


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer and the ETag that it had."""

    etag: str
    answer: Answer


class Etags:
    """The answers last given, the least recently used forgotten first.

    Args:
        limit: How many are kept.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._kept: OrderedDict[EtagKey, Kept] = OrderedDict()

    def find(self, key: EtagKey) -> Kept | None:
        """Give what was last answered, or None."""
        kept = self._kept.get(key)
        if kept:
            self._kept.move_to_end(key)
        return kept

    def keep(self, key: EtagKey, answer: Answer) -> None:
        """Remember an answer that has an ETag that can be sent; forget the old one when it has none."""
        self._kept.pop(key, None)
        if (etag := answer.headers.get("ETag")) and etag.isascii():
            self._kept[key] = Kept(etag, answer)
            if len(self._kept) > self._limit:
                self._kept.popitem(last=False)
