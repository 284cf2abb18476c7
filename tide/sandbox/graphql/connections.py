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
    before: str | None


@dataclass(frozen=True)
class PageInfo:
    """Where a page lies."""

    start_cursor: str | None
    end_cursor: str | None
    has_next_page: bool
    has_previous_page: bool


@dataclass(frozen=True)
class Edge:
    """A node with its cursor."""

    node: Any
    cursor: str


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
    def edges(self) -> list[Edge]:
        """The same with cursors."""
        return [Edge(node, self.cursor(self.start + offset)) for offset, node in enumerate(self.nodes)]

    @property
    def page_info(self) -> PageInfo:
        """Where this page lies."""
        is_empty = self.start == self.end
        return PageInfo(
            start_cursor=None if is_empty else self.cursor(self.start),
            end_cursor=None if is_empty else self.cursor(self.end - 1),
            has_next_page=self.end < len(self.items),
            has_previous_page=self.start > 0,
        )


def paged(items: Sequence[Any], paging: Paging, view: Callable[[Any], Any]) -> Connection:
    """Return a page whose cursors are positions, as those of GitHub's search and of its checks are.

    Raises:
        GithubError: a cursor is none.
    """
    after, before = _position(paging.get("after")), _position(paging.get("before"))
    start = 0 if after is None else min(after, len(items))
    end = len(items) if before is None else max(start, before - 1)
    start, end = _window(start, end, paging)
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
    after, before = paging.get("after"), paging.get("before")
    start = _place(keys, _decode(after), is_falling=is_falling, behind=True) if after else 0
    end = _place(keys, _decode(before), is_falling=is_falling, behind=False) if before else len(items)
    start, end = _window(start, max(start, end), paging)
    return Connection(items, start, end, view, lambda position: _encode(keys[position]))


def _place(keys: Sequence[str], key: str, *, is_falling: bool, behind: bool) -> int:
    """Return where ``key`` would stand, behind its equals or before them."""
    if is_falling:
        return len(keys) - _place(keys[::-1], key, is_falling=False, behind=not behind)
    return bisect_right(keys, key) if behind else bisect_left(keys, key)


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
