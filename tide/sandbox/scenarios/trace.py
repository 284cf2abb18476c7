"""Make a story out of a recorded trace of merges: its rhythm, and how many files each pull request touches."""

import csv
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from tide.domain.errors import ConfigError, Problem
from tide.sandbox.scenarios.story import Plot, Story
from tide.sandbox.scenarios.writing import LABELS, Author, base_files

COLUMNS = ("merged_ts", "pr", "method", "head_commit_ts", "n_files", "file_ids")
MINUTE = 60.0
REPO = "acme/traced"
MOST_FILES = 20


@dataclass(frozen=True, slots=True)
class Row:
    """One merge: when (unix seconds), which pull request, which files."""

    merged_at: int
    number: int
    files: tuple[int, ...]


def read_trace(path: Path, count: int) -> list[Row]:
    """Read the first `count` merges of a trace, a CSV with the columns `COLUMNS`.

    Raises:
        ConfigError: the file cannot be read, is not such a CSV, or has no merges in it.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            reader = csv.DictReader(handle)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise ConfigError(Problem(str(path), 1, "", f"the columns must be {','.join(COLUMNS)}"))
            rows = [_row(path, reader.line_num, row) for row in islice(reader, count)]
    except UnicodeDecodeError as error:
        raise ConfigError(Problem(str(path), 0, "", "cannot be read: it is not text in UTF-8")) from error
    except (OSError, csv.Error) as error:
        raise ConfigError(Problem(str(path), 0, "", f"cannot be read: {error}")) from error
    if not rows:
        raise ConfigError(Problem(str(path), 0, "", "has no merges: a story needs one at least"))
    return rows


def _row(path: Path, line: int, row: dict[str, str]) -> Row:
    try:
        return Row(int(row["merged_ts"]), int(row["pr"]), tuple(int(one) for one in row["file_ids"].split()))
    except (ValueError, TypeError, AttributeError) as error:
        raise ConfigError(Problem(str(path), line, "", f"not a row of a trace: {error}")) from error


def trace_story(rows: Sequence[Row], seed: int, *, seconds: float) -> Story:
    """Write a story in the rhythm of a trace (one merge or more), scaled to one minute; every change is good.

    Each pull request adds a file beside each that the recorded one touched (the first 20), so that none conflict.
    """
    author = Author(REPO, "main", LABELS, random.Random(seed))  # noqa: S311 - a story, no secret
    in_order = sorted(rows, key=lambda row: row.merged_at)
    start, length = in_order[0].merged_at, max(1, in_order[-1].merged_at - in_order[0].merged_at)
    events = []
    for row in in_order:
        pull = author.good((row.merged_at - start) / length * MINUTE)
        touched = {f"files/{one}/{row.number}.txt": f"{row.number}\n" for one in row.files[:MOST_FILES]}
        events.append(replace(pull, files={**pull.files, **touched}))
    return Story((Plot(REPO, {"main": base_files(seconds)}),), tuple(events), {REPO: frozenset({"unit"})})
