from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tide.sandbox.kubernetes.objects import ApiObjects
from tide.sandbox.kubernetes.problems import AlreadyExists, Conflict, Expired, NotFound

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def objects() -> ApiObjects:
    return ApiObjects(lambda: NOW)


def make(name: str, namespace: str = "prow", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": spec}


def test_what_is_created_gets_an_identity_and_a_version(objects: ApiObjects) -> None:
    first, second = objects.create(make("a", job="unit")), objects.create(make("b"))
    assert first["apiVersion"] == "prow.k8s.io/v1"
    assert first["kind"] == "ProwJob"
    assert first["spec"] == {"job": "unit"}
    assert first["metadata"]["creationTimestamp"] == "2026-03-01T12:00:00Z"
    assert first["metadata"]["generation"] == 1
    assert first["metadata"]["uid"] != second["metadata"]["uid"]
    assert int(first["metadata"]["resourceVersion"]) < int(second["metadata"]["resourceVersion"]) == objects.revision


def test_a_name_is_taken_once_per_namespace(objects: ApiObjects) -> None:
    objects.create(make("a"))
    objects.create(make("a", "other"))
    with pytest.raises(AlreadyExists, match=r'^prowjobs.prow.k8s.io "a" already exists$'):
        objects.create(make("a"))
    assert len(objects.listed("prow")) == 1
    assert len(objects.listed()) == len(objects) == 2


def test_what_is_given_out_is_not_what_is_stored(objects: ApiObjects) -> None:
    given_in = make("a", refs={"pulls": [1]})
    created = objects.create(given_in)
    heard: list[dict[str, Any]] = []
    objects.subscribe(lambda _kind, obj: heard.append(obj))
    replaced = objects.replace(created | {"status": {"state": "pending"}})
    for copy in (given_in, created, replaced, heard[0], objects.get("prow", "a"), objects.listed()[0]):
        copy["spec"]["refs"]["pulls"].append(2)
    assert objects.get("prow", "a")["spec"]["refs"]["pulls"] == [1]


def test_replacing_keeps_the_identity_and_counts_generations(objects: ApiObjects) -> None:
    old = objects.create(make("a", job="unit"))
    labelled = objects.replace({**old, "metadata": {**old["metadata"], "labels": {"a": "b"}, "creationTimestamp": "x"}})
    changed = objects.replace({**labelled, "spec": {"job": "other"}})
    assert [each["metadata"]["generation"] for each in (old, labelled, changed)] == [1, 1, 2]
    assert changed["metadata"]["uid"] == old["metadata"]["uid"]
    assert changed["metadata"]["creationTimestamp"] == old["metadata"]["creationTimestamp"]


def test_replacing_what_was_changed_meanwhile_is_a_conflict(objects: ApiObjects) -> None:
    old = objects.create(make("a"))
    objects.replace(old | {"spec": {"x": 1}})
    with pytest.raises(Conflict, match="the object has been modified"):
        objects.replace(old | {"spec": {"x": 2}})
    del old["metadata"]["resourceVersion"]
    assert objects.replace(old | {"spec": {"x": 3}})["spec"] == {"x": 3}


def test_another_object_of_the_same_name_is_not_replaced(objects: ApiObjects) -> None:
    old = objects.create(make("a"))
    objects.delete("prow", "a")
    objects.create(make("a"))
    del old["metadata"]["resourceVersion"]
    with pytest.raises(Conflict, match="UID in precondition"):
        objects.replace(old)


def test_a_change_of_nothing_is_no_event(objects: ApiObjects) -> None:
    old = objects.create(make("a"))
    heard: list[str] = []
    objects.subscribe(lambda kind, _obj: heard.append(kind))
    assert objects.replace(old) == old
    assert not heard


def test_listeners_hear_every_change_until_they_leave(objects: ApiObjects) -> None:
    heard: list[tuple[str, str]] = []
    leave = objects.subscribe(lambda kind, obj: heard.append((kind, obj["metadata"]["resourceVersion"])))
    created = objects.create(make("a"))
    objects.replace(created | {"spec": {"x": 1}})
    gone = objects.delete("prow", "a")
    leave()
    objects.create(make("b"))
    assert [kind for kind, _ in heard] == ["ADDED", "MODIFIED", "DELETED"]
    assert heard[-1][1] == gone["metadata"]["resourceVersion"]
    assert len({version for _, version in heard}) == 3


def test_what_is_not_there_is_not_found(objects: ApiObjects) -> None:
    with pytest.raises(NotFound, match='"a" not found'):
        objects.get("prow", "a")
    with pytest.raises(NotFound, match='"a" not found'):
        objects.delete("prow", "a")
    with pytest.raises(NotFound, match='"a" not found'):
        objects.replace(make("a"))


def test_events_are_kept_as_far_as_the_window_goes() -> None:
    objects = ApiObjects(lambda: NOW, window=2)
    versions = [int(objects.create(make(name))["metadata"]["resourceVersion"]) for name in "abcd"]
    assert [event.after.name for event in objects.events_after(versions[1])] == ["c", "d"]
    with pytest.raises(Expired, match="too old resource version"):
        objects.events_after(versions[0])


def test_forgotten_events_expire_every_version_seen(objects: ApiObjects) -> None:
    objects.create(make("a"))
    seen = objects.revision
    objects.forget_events()
    with pytest.raises(Expired):
        objects.events_after(seen)
    assert objects.events_after(objects.revision) == []


CHANGES = st.lists(st.tuples(st.sampled_from(["a/x", "a/y", "a/z", "b/x", "ab/x"]), st.integers(0, 3)), max_size=30)


@given(CHANGES, CHANGES, st.sampled_from([None, "a", "b"]), st.sampled_from(["", "a/w", "a/x", "a/z", "b/x"]))
def test_a_view_of_the_past_shows_what_was_there(
    before: list[tuple[str, int]], after: list[tuple[str, int]], namespace: str | None, start: str
) -> None:
    objects = ApiObjects(lambda: NOW)
    _play(objects, before)
    then = objects.view(namespace)
    expected = [(stored.key, stored.raw) for stored in then.after(start)]
    _play(objects, after)
    past = objects.view(namespace, then.revision)
    assert [(stored.key, stored.raw) for stored in past.after(start)] == expected


def _play(objects: ApiObjects, changes: list[tuple[str, int]]) -> None:
    for key, value in changes:
        namespace, _, name = key.partition("/")
        if not objects.has(namespace, name):
            objects.create(make(name, namespace, x=value))
        elif value:
            objects.replace(make(name, namespace, x=value))
        else:
            objects.delete(namespace, name)
