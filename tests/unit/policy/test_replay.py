from dataclasses import replace

from tests.builders import make_snapshot, make_view
from tide.policy.decide import decide
from tide.policy.replay import Difference, replay

SNAPSHOT = make_snapshot(make_view(1), make_view(2))


def test_what_was_decided_comes_out_as_it_was() -> None:
    assert replay(SNAPSHOT, decide(SNAPSHOT)) == ()


def test_each_field_that_comes_out_otherwise_is_named() -> None:
    made = decide(SNAPSHOT)
    first = replace(made.verdicts[0], summary="It was said otherwise.")
    stored = replace(made, base_sha="f" * 40, pending=(*made.pending, 9), verdicts=(first, *made.verdicts[1:]))
    assert replay(SNAPSHOT, stored) == (
        Difference("base_sha", "f" * 40, made.base_sha),
        Difference("pending", (*made.pending, 9), made.pending),
        Difference("verdicts[0].summary", "It was said otherwise.", made.verdicts[0].summary),
    )


def test_an_action_of_another_kind_is_one_difference() -> None:
    made = decide(SNAPSHOT)
    other = decide(replace(SNAPSHOT, pulls=()))
    assert [one.path for one in replay(SNAPSHOT, replace(made, action=other.action))] == ["action"]
