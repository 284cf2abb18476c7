"""At saturation the memory of failed batches never costs a merge that Tide would have made."""

import pytest

from tests.bench.saturated_queue import Load, Played, SaturatedQueue

MINUTE = 60.0


def played(load: Load, seed: int, seconds: float) -> tuple[Played, Played]:
    """Play a load by our rules, and by Tide's."""
    ours, tides = (SaturatedQueue(load, seed, remembers=remembers).play(seconds) for remembers in (True, False))
    return ours, tides


@pytest.mark.parametrize("limit", [0, 8])
@pytest.mark.parametrize("seed", range(3))
def test_in_a_busy_queue_no_less_is_merged_than_by_tide(seed: int, limit: int) -> None:
    ours, tides = played(Load(open_pulls=30, bad=0.1, limit=limit), seed, 7 * MINUTE)
    assert ours.merges >= tides.merges


@pytest.mark.parametrize("seed", range(3))
def test_a_queue_that_nobody_adds_to_runs_empty_no_later(seed: int) -> None:
    ours, tides = played(Load(open_pulls=30, bad=0.1, refills=False), seed, 120 * MINUTE)
    assert ours.merges == tides.merges
    assert ours.merged_at[-1] <= tides.merged_at[-1]
    assert ours.runs <= tides.runs


def test_one_that_is_bad_is_found_by_halving_and_nothing_is_started_twice() -> None:
    queue = SaturatedQueue(Load(open_pulls=16, bad=0.0, seconds=(24.0, 24.0), refills=False), seed=1)
    queue.bad.add(11)
    ended = queue.play(120 * MINUTE)
    assert ended.left == ()
    assert ended.merges == 15
    assert ended.batches[:4] == (16, 8, 4, 2), "what the first one has shown outlasts the landing of its first half"
