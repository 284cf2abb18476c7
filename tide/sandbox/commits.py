"""Commits as git stores them, and as they are to be written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True)
class Commit:
    """A commit as git stores it."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author_name: str
    author_email: str
    authored_at: datetime
    committer_name: str
    committer_email: str
    committed_at: datetime
    message: str


@dataclass(frozen=True, kw_only=True)
class NewCommit:
    """A commit to write. ``parents`` are SHAs or positions of earlier commits in the same call.

    ``files`` maps paths to contents (None deletes) on top of the first parent's tree; what begins with ``#!`` can be
    executed. ``at`` is both dates.
    """

    parents: tuple[str | int, ...]
    files: Mapping[str, bytes | None]
    message: str
    author: tuple[str, str]
    at: datetime
