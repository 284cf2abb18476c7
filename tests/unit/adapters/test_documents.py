import json
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic_core import PydanticSerializationError, to_json

from tests.builders import NOW, make_context, make_pull, make_snapshot, make_view
from tide.adapters.documents import (
    decision_from,
    digest,
    document,
    exact_document,
    packed,
    parsed,
    snapshot_document,
    snapshot_from,
    storable,
)
from tide.domain.decisions import Decision
from tide.domain.errors import StoreError
from tide.domain.pulls import Context, ContextState, MergeState
from tide.domain.rules import QueueSettings
from tide.domain.snapshot import Snapshot

T = TypeVar("T")
ANY_TEXT = st.text(st.characters(codec=None), max_size=8)  # surrogates and NUL included
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: ANY_TEXT,
    int: st.integers(-(2**31), 2**31 - 1),
    bool: st.booleans(),
    datetime: st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=2, minutes=30))])),
    timedelta: st.timedeltas(timedelta(0), timedelta(days=400)),
    type(None): st.none(),
}


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Draw values of a domain type; hypothesis's own registry is left alone, since it is shared by all tests."""
    if kind in PLAIN:
        return PLAIN[kind]
    if isinstance(kind, type) and is_dataclass(kind):
        hints = get_type_hints(kind)
        return st.builds(kind, **{field.name: values_of(hints[field.name]) for field in fields(kind)})
    arguments = get_args(kind)
    if get_origin(kind) is tuple and arguments[-1] is Ellipsis:
        return st.lists(values_of(arguments[0]), max_size=2).map(tuple)
    if get_origin(kind) is tuple:
        return st.tuples(*map(values_of, arguments))
    if get_origin(kind) is Literal:
        return st.sampled_from(arguments)
    return st.one_of(*map(values_of, arguments)) if arguments else st.sampled_from(kind)


def kept(value: T) -> T:
    """Give what comes back of a value: all of it, but where there are no bytes for halves of UTF-16 pairs."""
    try:
        to_json(value)
    except PydanticSerializationError:
        return storable(value)
    return value


@settings(max_examples=60, deadline=None)
@given(values_of(Snapshot))
def test_a_snapshot_comes_back_as_it_was(snapshot: Snapshot) -> None:
    # The same but for what our own statuses make of it, which is the next test.
    assume(all(view.pull.merge_state is not MergeState.UNSTABLE for view in snapshot.pulls))
    assert snapshot_from(packed(snapshot_document(snapshot)), snapshot.now) == kept(snapshot)


def test_what_our_own_statuses_make_of_a_snapshot_is_left_out() -> None:
    shown = make_view(1, [make_context("tide", ContextState.PENDING)], merge_state=MergeState.UNSTABLE)
    stored = snapshot_from(packed(snapshot_document(make_snapshot(shown))), NOW)
    assert stored == make_snapshot(make_view(1, merge_state=MergeState.CLEAN))


@settings(max_examples=60, deadline=None)
@given(values_of(Decision))
def test_a_decision_comes_back_as_it_was(decision: Decision) -> None:
    assert decision_from(packed(exact_document(decision))) == kept(decision)


def test_snapshots_that_differ_only_in_the_moment_have_one_digest() -> None:
    snapshot = make_snapshot(make_view(1), make_view(2))
    later = replace(snapshot, now=NOW + timedelta(days=1))
    assert digest(snapshot_document(snapshot)) == digest(snapshot_document(later))


def test_snapshots_that_differ_otherwise_have_two_digests() -> None:
    one, other = make_snapshot(make_view(1)), make_snapshot(make_view(1, labels=("hold",)))
    assert digest(snapshot_document(one)) != digest(snapshot_document(other))


@settings(max_examples=200, deadline=None)
@given(ANY_TEXT)
def test_whatever_text_comes_in_postgres_can_store_what_goes_on(text: str) -> None:
    written = json.loads(document({"text": text}))["text"]
    assert written == storable(text)
    assert "\x00" not in written
    written.encode()
    assert len(written) == len(text)


def test_text_that_needs_no_change_is_left_alone() -> None:
    for text in ("", "é 🚀", "\\u0000", "\\\\u0000", "\x01\x7f"):
        assert storable(text) == text
        assert json.loads(document([text])) == [text]


def test_hostile_text_is_replaced_wherever_it_stands() -> None:
    pull = make_pull(1, [Context("a\x00", ContextState.SUCCESS)], title="\ud800", labels=("x\udfffy",))
    clean = storable({"pulls": [pull], "\x00": []})
    kept = clean["pulls"][0]
    assert (kept.title, kept.labels, kept.contexts[0].name) == ("\ufffd", ("x\ufffdy",), "a\ufffd")
    assert kept.contexts[0].state is ContextState.SUCCESS
    assert "\ufffd" in clean


@pytest.mark.parametrize("body", [b"", b"not compressed", packed(b"{}"), packed(b"no json")])
def test_a_spoilt_body_is_told_as_an_error_of_the_store(body: bytes) -> None:
    with pytest.raises(StoreError, match="a stored"):
        decision_from(body)


def test_a_value_of_a_later_program_is_read_as_far_as_it_is_known() -> None:
    assert parsed(QueueSettings, b'{"max_runs": 3, "added_next_year": true}') == QueueSettings(max_runs=3)
