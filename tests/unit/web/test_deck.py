"""What Prow's Deck reads of us, pinned: field by field, in Go's order, with Go's nulls.

The golden files are what Go writes of Prow's own structs (pkg/tide Pool, pkg/tide/history Record) after it has read
them: `[]tide.Pool` and `map[string][]history.Record`, which Deck decodes (cmd/deck/tide.go updatePools, updateHistory).
A version of Prow that does not know CanBeRebased leaves it out, and reads over it.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.builders import NOW, make_pull, sha
from tests.unit.web.kept import ORBIT, RELEASE, ROCKET, pull_in
from tide.adapters.history.tide_json import history_json
from tide.domain.pulls import Blocker, Mergeable
from tide.domain.records import HistoryRecord, HistoryTarget, PoolView
from tide.web.prow_format import pools_json

GOLDEN = Path(__file__).parent / "golden"
PULL = replace(
    make_pull(7, title='Fix <b> & "co" — ракета 🚀', body="why\r\n\tso\u2028", author="alice"),
    updated_at=datetime(2026, 1, 2, 3, 4, 5, 120000, UTC),
)
PENDING = replace(pull_in(ROCKET, 8, "Eight", "bob"), mergeable=Mergeable.UNKNOWN)
MISSING = replace(pull_in(ROCKET, 9, "Nine", "carol"), mergeable=Mergeable.CONFLICTING, can_be_rebased=False)
POOLS = [
    PoolView(
        ROCKET,
        sha("base"),
        "MERGE_BATCH",
        "our own words",
        passing=(PULL,),
        pending=(PENDING,),
        missing=(MISSING,),
        outside=(pull_in(ROCKET, 10, "Ten", "dave"),),
        batch_pending=(PENDING, MISSING),
        target=(PULL,),
        blockers=(Blocker(3, "Freeze <all>", "https://github.com/acme/rocket/issues/3", ("main",)),),
        error="failed merging [7]: #7: refused",
        tenant_ids=("blue", "green"),
    ),
    PoolView(RELEASE, sha("base"), "WAIT", "", pending=(pull_in(RELEASE, 11, "Eleven", "erin"),), tenant_ids=("",)),
    PoolView(ORBIT, sha("base"), "TRIGGER", "", missing=(pull_in(ORBIT, 12, "Twelve", "frank"),)),
]
SEVEN = HistoryTarget(7, "alice", sha(7), "Fix <b> & co", "change-7")
EIGHT = HistoryTarget(8, "bob", sha(8), "", "")
HISTORY = [
    HistoryRecord(ROCKET, NOW, "TRIGGER_BATCH", sha("base"), (EIGHT, SEVEN), reason="ours", tenant_ids=("",)),
    HistoryRecord(
        ROCKET, NOW + timedelta(microseconds=120), "MERGE_BATCH", sha("base"), (SEVEN, EIGHT), "refused: <7>"
    ),
    HistoryRecord(RELEASE, NOW, "MERGE", sha("base"), (SEVEN,), tenant_ids=("blue", "green")),
    HistoryRecord(ORBIT, NOW - timedelta(days=365), "TRIGGER", "", ()),
]


def in_order(text: bytes) -> Any:
    """Read JSON with its objects as lists of pairs, so that their order counts."""
    return json.loads(text, object_pairs_hook=lambda pairs: ["object", *pairs])


def test_deck_reads_our_pools() -> None:
    assert in_order(pools_json(POOLS)) == in_order((GOLDEN / "pools.json").read_bytes())


def test_deck_reads_our_history() -> None:
    assert in_order(history_json(HISTORY)) == in_order((GOLDEN / "history.json").read_bytes())
