from datetime import timedelta

from tests.builders import NOW, POOL
from tide.domain.records import DecisionRecord
from tide.web.folding import folded


def decided(number: int, reason: str = "Nothing to do.") -> DecisionRecord:
    at = NOW + timedelta(minutes=number)
    return DecisionRecord(number, POOL, str(number), "WAIT", reason, (), at, at + timedelta(seconds=30))


def test_decisions_that_look_alike_are_one_over_their_whole_time() -> None:
    ((only, count),) = folded([decided(3), decided(2), decided(1)])
    assert (only.id, only.first_seen, only.last_seen, count) == (3, decided(1).first_seen, decided(3).last_seen, 3)


def test_another_decision_between_them_parts_them() -> None:
    records = [decided(3), decided(2, "The pool is frozen."), decided(1)]
    assert list(folded(records)) == [(record, 1) for record in records]
