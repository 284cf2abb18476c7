"""Relay connections with GitHub's opaque cursors."""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypedDict

from tide.sandbox.graphql.errors import GithubError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PREFIX = "cursor:"


class Paging(TypedDict, total=False):
    """The arguments of every connection; :mod:`.cost` has seen to it that one of ``first`` and ``last`` is there."""

    first: int | None
    last: int | None
    after: str | None


@dataclass(frozen=True)
class PageInfo:
    """Where a page ends."""

    end_cursor: str | None
    has_next_page: bool


@dataclass(frozen=True)
class Connection:
    """One page of ``items``: from ``start`` up to ``end``, each shown by ``view``."""

    items: Sequence[Any]
    start: int
    end: int
    view: Callable[[Any], Any]
    cursor: Callable[[int], str]

    @property
    def total_count(self) -> int:
        """How many items there are on all pages."""
        return len(self.items)

    @property
    def page(self) -> Sequence[Any]:
        """The items of this page."""
        return self.items[self.start : self.end]

    @cached_property
    def nodes(self) -> list[Any]:
        """The views of this page."""
        return [self.view(item) for item in self.page]

    @property
    def page_info(self) -> PageInfo:
        """Where this page ends."""
        return PageInfo(
            end_cursor=None if self.start == self.end else self.cursor(self.end - 1),
            has_next_page=self.end < len(self.items),
        )


def paged(items: Sequence[Any], paging: Paging, view: Callable[[Any], Any]) -> Connection:
    """Return a page whose cursors are positions, as those of GitHub's search and of its checks are.

    Raises:
        GithubError: a cursor is none.
    """
    after = _position(paging.get("after"))
    start, end = _window(0 if after is None else min(after, len(items)), len(items), paging)
    return Connection(items, start, end, view, lambda position: _encode(str(position + 1)))


def paged_by_key(
    items: Sequence[Any], paging: Paging, view: Callable[[Any], Any], key: Callable[[Any], str]
) -> Connection:
    """Return a page of items in the order of ``key``, rising or falling.

    A cursor names an item, so that others may come and go between the pages.

    Raises:
        GithubError: a cursor is none.
    """
    keys = [key(item) for item in items]
    is_falling = len(keys) > 1 and keys[0] > keys[-1]
    after = paging.get("after")
    start = _behind(keys, _decode(after), is_falling=is_falling) if after else 0
    start, end = _window(start, len(items), paging)
    return Connection(items, start, end, view, lambda position: _encode(keys[position]))


def _behind(keys: Sequence[str], key: str, *, is_falling: bool) -> int:
    """Return where ``key`` would stand, behind its equals."""
    return len(keys) - bisect_left(keys[::-1], key) if is_falling else bisect_right(keys, key)


def _window(start: int, end: int, paging: Paging) -> tuple[int, int]:
    first, last = paging.get("first"), paging.get("last")
    if first is not None:
        return start, min(end, start + first)
    return (max(start, end - last), end) if last is not None else (start, end)


def _position(cursor: str | None) -> int | None:
    if not cursor:
        return None
    payload = _decode(cursor)
    if not (payload.isascii() and payload.isdigit()):
        raise _bad_cursor(cursor)
    return int(payload)


def _encode(payload: str) -> str:
    return base64.b64encode(f"{PREFIX}{payload}".encode()).decode()


def _decode(cursor: str) -> str:
    try:
        payload = base64.b64decode(cursor, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise _bad_cursor(cursor) from None
    if not payload.startswith(PREFIX):
        raise _bad_cursor(cursor)
    return payload.removeprefix(PREFIX)


def _bad_cursor(cursor: str) -> GithubError:
    return GithubError("INVALID_CURSOR_ARGUMENTS", f"`{cursor}` does not appear to be a valid cursor.")
