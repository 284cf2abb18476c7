"""What a batch that failed has shown, after the base has moved."""

from collections.abc import Sequence

from tests.builders import BASE, NOW, POOL, sha
from tide.domain.evidence import Batch, BatchState, Landing
from tide.domain.pulls import MergeMethod
from tide.policy.failed_batches import still_failed

ALL = frozenset((number, sha(number)) for number in range(1, 10))


def batch(*numbers: int, base: str = BASE, state: BatchState = BatchState.FAILED) -> Batch:
    return Batch(POOL, base, tuple((number, sha(number)) for number in numbers), ("unit",), "", "", state=state)


def landing(number: int, onto: str, at: str) -> Landing:
    return Landing(POOL, number, sha(number), MergeMethod.MERGE, onto, "", "", at, "", NOW)


def left(batches: Sequence[Batch], landings: Sequence[Landing], base: str) -> list[list[int]]:
    return [[number for number, _ in members] for members in still_failed(batches, landings, base, ALL)]


def test_what_failed_on_this_base_has_failed() -> None:
    assert left([batch(1, 2), batch(3, 4, state=BatchState.PASSED)], [], BASE) == [[1, 2]]


def test_after_a_landing_of_ours_the_rest_is_as_good_as_failed() -> None:
    assert left([batch(1, 2, 3, 4)], [landing(1, BASE, "second")], "second") == [[2, 3, 4]]


def test_it_does_not_matter_whether_what_has_landed_was_a_member() -> None:
    assert left([batch(1, 2, 3)], [landing(9, BASE, "second")], "second") == [[1, 2, 3]]


def test_any_number_of_landings_may_lie_between() -> None:
    landings = [landing(1, BASE, "second"), landing(2, "second", "third"), landing(7, "third", "fourth")]
    batches = [batch(1, 2, 3, 4), batch(2, 3, base="second"), batch(5, 6, base="fourth")]
    assert left(batches, landings, "fourth") == [[3, 4], [3], [5, 6]]


def test_what_somebody_else_has_pushed_ends_it() -> None:
    assert left([batch(1, 2)], [landing(1, BASE, "second")], "theirs") == []
    assert left([batch(2, 3)], [landing(1, "theirs", "third")], "third") == []


def test_a_batch_of_which_all_has_landed_after_all_is_gone() -> None:
    landings = [landing(1, BASE, "second"), landing(2, "second", "third")]
    assert left([batch(1, 2)], landings, "third") == []


def test_another_head_of_a_member_has_not_landed_with_it() -> None:
    pushed = Landing(POOL, 1, sha("new"), MergeMethod.MERGE, BASE, "", "", "second", "", NOW)
    assert left([batch(1, 2)], [pushed], "second") == [[1, 2]]


def test_a_member_that_is_not_there_any_more_ends_it() -> None:
    assert left([batch(1, 2, 11)], [], BASE) == []


def test_landings_in_a_ring_are_walked_once() -> None:
    assert left([batch(1, 2)], [landing(3, "second", BASE), landing(4, BASE, "second")], BASE) == [[1, 2]]
