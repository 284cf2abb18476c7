"""Reads what ``git diff`` says about files."""

from __future__ import annotations

from dataclasses import dataclass

_FILE_FIELDS = 3


@dataclass(frozen=True)
class ChangedFile:
    """One file of a diff; ``status`` is GitHub's word, ``previous`` the old name of a renamed file."""

    path: str
    status: str
    additions: int
    deletions: int
    sha: str
    previous: str | None = None


def parse_diff(raw: str, counts: str) -> list[ChangedFile]:
    """Return the files of ``git diff --raw -z`` with the line counts of ``git diff --numstat -z``."""
    numbers = _parse_counts(counts)
    fields = iter(raw.split("\0"))
    files: list[ChangedFile] = []
    words = {"A": "added", "D": "removed", "R": "renamed", "C": "copied", "T": "changed"}
    for head in fields:
        if not head:
            break
        *_, before, after, letter = head.split(" ")
        path = next(fields)
        previous = path if letter[0] in "RC" else None
        path = next(fields) if previous is not None else path
        added, deleted = numbers.get(path, (0, 0))
        sha = before if letter[0] == "D" else after
        files.append(ChangedFile(path, words.get(letter[0], "modified"), added, deleted, sha, previous))
    return files


def _parse_counts(counts: str) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    fields = iter(counts.split("\0"))
    for field_ in fields:
        parts = field_.split("\t")
        if len(parts) < _FILE_FIELDS:
            continue
        path = parts[2]
        if not path:
            next(fields)
            path = next(fields)
        # Binary files have "-" for both counts.
        found[path] = (int(parts[0]), int(parts[1])) if parts[0] != "-" else (0, 0)
    return found
