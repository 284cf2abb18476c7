"""What was decided once is decided alike today, from the same snapshots."""

from tests.golden.recording import FILE, as_json, gist, read
from tide.policy.decide import decide

FEWEST = 2000
SHOWN = 3


def test_recorded_snapshots_are_decided_as_they_were() -> None:
    recorded = list(read(FILE))
    assert len(recorded) >= FEWEST
    made = ((snapshot, before, as_json(gist(decide(snapshot)))) for snapshot, before in recorded)
    differing = [(str(snapshot.pool), before, now) for snapshot, before, now in made if now != before]
    assert differing[:SHOWN] == []
