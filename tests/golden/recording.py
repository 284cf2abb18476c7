"""Decisions as they were recorded, each with the snapshot that it rests on.

What stories, chaos and properties decide is kept in the directory that TIDE_KEEP_DECISIONS names, in one file each;
`python -m tests.golden.collect` makes the recording of it that `test_golden` decides anew.
"""

import json
import lzma
import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from tide.adapters.documents import document, packed, snapshot_document, snapshot_from
from tide.domain.actions import targets_of
from tide.domain.decisions import Decision
from tide.domain.snapshot import Snapshot
from tide.policy.replay import replay
from tide.ports.store.decisions import Decisions
from tide.ports.views import Views

FILE = Path(__file__).parent / "decisions.jsonl.xz"
KEPT_IN = "TIDE_KEEP_DECISIONS"
MOST = 2**31
"""More decisions than any store holds."""

Recorded = tuple[Snapshot, dict[str, Any]]
"""A snapshot, and what was made of it (`gist`)."""


def gist(decision: Decision) -> dict[str, Any]:
    """Give what users see of a decision: the action with its targets and its reason, and what is said of each."""
    action = decision.action
    return {
        "action": action.kind,
        "targets": [[target.number, target.head_sha, target.method] for target in targets_of(action)],
        "reason": action.reason,
        "first_runs": [[first.target.number, list(first.contexts)] for first in decision.first_runs],
        "places": [list(getattr(decision, name)) for name in ("passing", "pending", "missing", "batch_pending")],
        "verdicts": [
            [one.pull.number, one.kind, one.place, one.summary, list(one.unblock), one.position, one.state]
            for one in decision.verdicts
        ],
    }


async def stored(store: Decisions, views: Views) -> list[tuple[Snapshot, Decision]]:
    """Read all decisions that a store holds, in their order."""
    records = await views.decisions(None, MOST, None)
    return [await store.recorded(record.id) for record in reversed(records)]


def otherwise(recorded: Iterable[tuple[Snapshot, Decision]]) -> list[str]:
    """Tell in what decisions differ that are made again from the snapshots that they are stored with."""
    return [
        f"{snapshot.pool} at {snapshot.now}: {one.path}: {one.stored} -> {one.now}"
        for snapshot, decision in recorded
        for one in replay(snapshot, decision)
    ]


def keep(recorded: Iterable[tuple[Snapshot, Decision]], name: str) -> None:
    """Keep decisions in a file of that name, where they are asked for."""
    if directory := os.environ.get(KEPT_IN):
        found = ((snapshot, gist(decision)) for snapshot, decision in recorded)
        (Path(directory) / f"{name}.jsonl.xz").write_bytes(written(found))


def written(recorded: Iterable[Recorded]) -> bytes:
    """Write a recording."""
    lines = (
        json.dumps({"now": snapshot.now.isoformat(), "snapshot": json.loads(snapshot_document(snapshot)), "gist": made})
        for snapshot, made in recorded
    )
    return lzma.compress("".join(f"{line}\n" for line in lines).encode())


def read(path: Path) -> Iterator[Recorded]:
    """Read a recording."""
    for line in lzma.decompress(path.read_bytes()).splitlines():
        one = json.loads(line)
        body = packed(json.dumps(one["snapshot"]).encode())
        yield snapshot_from(body, datetime.fromisoformat(one["now"])), one["gist"]


def as_json(made: dict[str, Any]) -> Any:
    """Give a gist as it is read from a recording."""
    return json.loads(document(made))
