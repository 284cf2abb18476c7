"""`python -m tests.golden.collect DIRECTORY`: make the recording of what was kept there, and of drawn snapshots."""

import sys
from collections.abc import Iterator
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings

from tests.golden.recording import FILE, Recorded, gist, read, written
from tests.properties.test_decisions import snapshots
from tide.adapters.documents import digest, snapshot_document
from tide.domain.snapshot import Snapshot
from tide.policy.decide import decide

DRAWN = 1000
MOST = 200
"""So many decisions of one file at most, so that no long story drowns the others."""


def main(directory: Path) -> None:
    """Write the recording, and tell how much there is of it."""
    found: dict[str, Recorded] = {}
    for path in sorted(directory.glob("*.jsonl.xz")):
        new = [one for one in read(path) if _name(one) not in found]
        found |= {_name(one): one for one in new[-MOST:]}
    kept = len(found)
    found |= {_name(one): one for one in _drawn()}
    FILE.write_bytes(written(found.values()))
    print(f"{kept} decisions of stories and seeds, {len(found) - kept} of drawn snapshots")


def _name(one: Recorded) -> str:
    return f"{one[0].now} {digest(snapshot_document(one[0]))}"


def _drawn() -> Iterator[Recorded]:
    drawn: list[Snapshot] = []

    @settings(
        max_examples=DRAWN,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(snapshots())
    def draw(snapshot: Snapshot) -> None:
        drawn.append(snapshot)

    draw()
    for snapshot in drawn:
        yield snapshot, gist(decide(snapshot))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
