"""Reads what ``git diff`` says about files."""

from __future__ import annotations

from dataclasses import dataclass

_FILE_FIELDS = 3


@dataclass(frozen=True)
class ChangedFile:
    """One file of a diff, a renamed one under its new name, with the lines that came and went."""

    path: str
    additions: int
    deletions: int


def parse_diff(counts: str) -> list[ChangedFile]:
    """Return the files of ``git diff --numstat -z``."""
    found: list[ChangedFile] = []
    fields = iter(counts.split("\0"))
    for field in fields:
        parts = field.split("\t")
        if len(parts) < _FILE_FIELDS:
            continue
        added, deleted, path = parts
        if not path:
            next(fields)
            path = next(fields)
        # Binary files have "-" for both counts.
        numbers = (int(added), int(deleted)) if added != "-" else (0, 0)
        found.append(ChangedFile(path, *numbers))
    return found
