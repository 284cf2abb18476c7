import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.builders import NOW, sha
from tests.unit.web.kept import ORBIT, ROCKET
from tide.adapters.history.tide_json import history_from, history_json
from tide.domain.errors import BadAnswer
from tide.domain.records import HistoryRecord, HistoryTarget

SEVEN = HistoryTarget(7, "alice", sha(7), "", "")
NINE = HistoryTarget(9, "bob", sha(9), "Nine <b>", "nine")
OLD = HistoryRecord(ROCKET, NOW, "TRIGGER", sha("base"), (SEVEN,), tenant_ids=("",))
NEW = HistoryRecord(ROCKET, NOW + timedelta(microseconds=1), "MERGE_BATCH", sha("base"), (SEVEN, NINE), "refused")
ELSEWHERE = HistoryRecord(ORBIT, NOW, "MERGE", "", (), tenant_ids=("blue", "green"))
# As Go has written it: nanoseconds, a zone, an author's name left out of nothing, what we have no word for.
OF_TIDE = b"""{"acme/rocket:main":[
 {"time":"2026-01-02T05:04:05.123456789+02:00","action":"MERGE","baseSHA":"5ba5e","target":[
   {"number":7,"author":"alice","sha":"c0ffee","title":"Fix \\u003cb\\u003e","head_ref":"fix","link":"https://x"}],
  "tenantids":["",null]},
 {"time":"2026-01-02T03:04:05Z","action":"TRIGGER","target":null,"err":"no","tenantids":null}
],"acme/orbit:release/1.4":null}"""


def test_what_is_written_is_read_as_it_was_oldest_first() -> None:
    assert history_from(history_json([NEW, ELSEWHERE, OLD]), 1000) == (ELSEWHERE, OLD, NEW)


def test_what_is_read_is_written_as_it_was() -> None:
    written = history_json([NEW, ELSEWHERE, OLD])
    assert history_json(history_from(written, 1000)) == written


def test_what_tide_has_written_is_read() -> None:
    older, newer = history_from(OF_TIDE.replace(b",null]", b"]"), 1000)
    assert older == HistoryRecord(ROCKET, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "TRIGGER", "", (), "no")
    target = HistoryTarget(7, "alice", "c0ffee", "Fix <b>", "fix")
    moment = datetime(2026, 1, 2, 3, 4, 5, 123456, UTC)
    assert newer == HistoryRecord(ROCKET, moment, "MERGE", "5ba5e", (target,), tenant_ids=("",))


def test_records_of_one_moment_keep_their_order() -> None:
    same = [replace(OLD, action=action) for action in ("TRIGGER", "MERGE")]
    (newest, oldest) = json.loads(history_json(same))["acme/rocket:main"]
    assert [record.action for record in history_from(history_json(same), 10)] == [oldest["action"], newest["action"]]


def test_the_newest_of_each_pool_are_read() -> None:
    assert history_from(history_json([NEW, ELSEWHERE, OLD]), 1) == (ELSEWHERE, NEW)


@pytest.mark.parametrize("nothing", [b"{}", b"null", b'{"acme/rocket:main": null}', b'{"acme/rocket:main": []}'])
def test_a_history_may_be_empty(nothing: bytes) -> None:
    assert history_from(nothing, 10) == ()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "EOF"),
        (b"<html>", "expected value"),
        (b"[]", "object"),
        (b'{"acme": []}', "'acme' is not of the form org/repo:branch"),
        (b'{"acme/rocket:main": [7]}', r"acme/rocket:main\.0: .*object"),
        (b'{"acme/rocket:main": [null]}', r"acme/rocket:main\.0: .*object"),
        (b'{"acme/rocket:main": [{"time": 7}]}', r"acme/rocket:main\.0\.time: .*RFC 3339"),
        (b'{"acme/rocket:main": [{"time": "2026-01-02T03:04:05"}]}', r"acme/rocket:main\.0\.time: .*RFC 3339"),
        (b'{"acme/rocket:main": [{"time": "0001-01-01T00:00:00+02:00"}]}', r"main\.0\.time: .*RFC 3339"),
        (b'{"acme/rocket:main": [{"target": [{"number": "7"}]}]}', r"target\.0\.number: .*integer"),
        (b'{"acme/rocket:main": [{"err": "\xff"}]}', "invalid unicode"),
    ],
)
def test_what_is_no_history_is_refused_with_the_place(content: bytes, why: str) -> None:
    with pytest.raises(BadAnswer, match=f"^this is no history of Tide: .*{why}"):
        history_from(content, 10)
