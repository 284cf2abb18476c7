from hypothesis import given
from hypothesis import strategies as st

from tests.builders import POOL
from tide.adapters.prowjobs.versions import Versions
from tide.domain.keys import PoolKey

POOLS = [PoolKey("acme", f"part-{number}", "main") for number in range(3)]


def test_a_change_in_one_pool_leaves_the_others() -> None:
    versions = Versions()
    before = {pool: versions.of(pool) for pool in POOLS}
    versions.changed(POOLS[0])
    assert versions.of(POOLS[0]) != before[POOLS[0]]
    assert [versions.of(pool) for pool in POOLS[1:]] == [before[pool] for pool in POOLS[1:]]


def test_what_is_forgotten_counts_as_changed() -> None:
    versions = Versions()
    versions.changed(POOL)
    known = versions.of(POOL)
    versions.keep([])
    assert versions.of(POOL) != known
    assert versions.of(POOLS[0]) == versions.of(POOL)


@given(st.lists(st.integers(0, len(POOLS)), max_size=30))
def test_no_pool_ever_has_a_number_again_that_it_had_before_a_change(changes: list[int]) -> None:
    versions, had = Versions(), {pool: {Versions().of(pool)} for pool in POOLS}
    for change in changes:
        if change == len(POOLS):
            versions.keep(POOLS[:1])
            assert all(versions.of(pool) not in had[pool] for pool in POOLS[1:])
        else:
            versions.changed(POOLS[change])
            assert versions.of(POOLS[change]) not in had[POOLS[change]]
        for pool in POOLS:
            had[pool].add(versions.of(pool))
