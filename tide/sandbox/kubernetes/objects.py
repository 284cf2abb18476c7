"""The objects of one kind in the memory of an API server, with the history that watches and paged lists need."""

from __future__ import annotations

import json
import uuid
from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass, field
from heapq import merge
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Literal

from tide.sandbox.kubernetes.problems import already_exists, conflict, not_found, too_old
from tide.sandbox.kubernetes.resources import PROWJOBS, JsonObject, Resource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

EventKind = Literal["ADDED", "MODIFIED", "DELETED"]
WINDOW = 10_000
"""How many events are kept for watches and lists that go on from an earlier revision."""


@dataclass
class Revisions:
    """The counter from which every change of an API server takes its resource version."""

    current: int = 1

    def following(self) -> int:
        """Count one more."""
        self.current += 1
        return self.current


@dataclass(frozen=True, slots=True)
class Stored:
    """One object as it was at one revision; ``raw`` is its JSON, made once and sent as it is."""

    key: str
    revision: int
    raw: bytes
    labels: Mapping[str, str]

    @property
    def name(self) -> str:
        """Its name."""
        return self.key.rpartition("/")[2]

    @property
    def namespace(self) -> str:
        """Its namespace, empty where its kind has none."""
        return self.key.rpartition("/")[0]

    def read(self) -> JsonObject:
        """Return the object, which is the caller's alone."""
        content: JsonObject = json.loads(self.raw)
        return content


@dataclass(frozen=True, slots=True)
class Event:
    """A change: ``before`` is what it changed, ``after`` the object then (as it was last, if it is gone)."""

    kind: EventKind
    revision: int
    before: Stored | None
    after: Stored


@dataclass(frozen=True)
class View:
    """The objects under a prefix as they were at a revision.

    Args:
        revision: the resource version of the whole.
        current: sorted keys as they are now.
        changed: what the objects were that changed since; None if they were not there.
    """

    revision: int
    prefix: str
    keys: list[str]
    items: Mapping[str, Stored]
    changed: Mapping[str, Stored | None]

    def after(self, key: str) -> Iterator[Stored]:
        """Give the objects whose key is above the given one, in order; empty for all."""
        for candidate in merge(self._kept(key), self._lost(key)):
            found = self.changed.get(candidate) if candidate in self.changed else self.items[candidate]
            if found is not None:
                yield found

    def _in(self, candidate: str, key: str) -> bool:
        return candidate.startswith(self.prefix) and candidate > key

    def _range(self, key: str) -> tuple[int, int]:
        start = bisect_left(self.keys, max(f"{key}\0" if key else "", self.prefix))
        return start, max(start, bisect_left(self.keys, self.prefix + "\U0010ffff"))

    def _kept(self, key: str) -> Iterator[str]:
        start, stop = self._range(key)
        return islice(self.keys, start, stop)

    def _lost(self, key: str) -> list[str]:
        return sorted(
            changed
            for changed, old in self.changed.items()
            if old is not None and changed not in self.items and self._in(changed, key)
        )


@dataclass
class _History:
    """The latest events; ``oldest`` is the revision from which on none is missing."""

    oldest: int
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=WINDOW))

    def append(self, event: Event) -> None:
        if len(self.events) == self.events.maxlen:
            self.oldest = self.events[0].revision
        self.events.append(event)

    def after(self, revision: int) -> list[Event]:
        if revision < self.oldest:
            raise too_old(revision, self.oldest)
        return list(takewhile(lambda event: event.revision > revision, reversed(self.events)))[::-1]


class ApiObjects:
    """All objects of one kind, ProwJobs unless told otherwise.

    Every change takes the next resource version, is told to the listeners before the call returns, and stays in a
    bounded history. Objects that come in or go out are copies. Not for several threads.

    Args:
        now: the clock, for ``creationTimestamp``.
        resource: the kind of the objects.
        revisions: the counter of the whole API server; one of its own if left out.
        window: how many events are kept.
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        *,
        resource: Resource = PROWJOBS,
        revisions: Revisions | None = None,
        window: int = WINDOW,
    ) -> None:
        self.resource = resource
        self._now = now
        self._revisions = revisions or Revisions()
        self._items: dict[str, Stored] = {}
        self._keys: list[str] = []
        self._history = _History(self._revisions.current, deque(maxlen=window))
        self._listeners: list[Callable[[Event], None]] = []

    @property
    def revision(self) -> int:
        """The latest resource version."""
        return self._revisions.current

    def __len__(self) -> int:
        return len(self._items)

    def create(self, obj: JsonObject) -> JsonObject:
        """Add an object; give it as stored: with uid, creationTimestamp, generation and resourceVersion.

        Raises:
            AlreadyExists: its namespace has one of that name.
        """
        content = _copied(obj)
        metadata = content.setdefault("metadata", {})
        key = self._key(metadata.get("namespace", ""), metadata["name"])
        if key in self._items:
            raise already_exists(self.resource, metadata["name"])
        metadata["uid"] = str(uuid.uuid4())
        metadata["creationTimestamp"] = self._now().strftime("%Y-%m-%dT%H:%M:%SZ")
        metadata["generation"] = 1
        insort(self._keys, key)
        return self._write("ADDED", key, content)

    def get(self, namespace: str, name: str) -> JsonObject:
        """Return an object.

        Raises:
            NotFound: there is none of that name.
        """
        return self.stored(namespace, name).read()

    def stored(self, namespace: str, name: str) -> Stored:
        """Return an object with its JSON.

        Raises:
            NotFound: there is none of that name.
        """
        found = self._items.get(self._key(namespace, name))
        if found is None:
            raise not_found(self.resource, name)
        return found

    def has(self, namespace: str, name: str) -> bool:
        """Whether there is an object of that name."""
        return self._key(namespace, name) in self._items

    def listed(self, namespace: str | None = None) -> list[JsonObject]:
        """Return the objects of a namespace, or all, ordered by namespace and name."""
        return [stored.read() for stored in self.view(namespace).after("")]

    def replace(self, obj: JsonObject) -> JsonObject:
        """Put an object in the place of the one of its name; a change of nothing is no change and no event.

        Args:
            obj: the whole object; a resourceVersion or uid in it must be the stored one's.

        Raises:
            NotFound: there is none of that name.
            Conflict: it was changed since the resource version that the caller holds, or is another of that name.
        """
        content = _copied(obj)
        metadata = content.setdefault("metadata", {})
        stored = self.stored(metadata.get("namespace", ""), metadata["name"])
        old = stored.read()
        self._check_same(metadata, old["metadata"])
        for kept in ("uid", "creationTimestamp", "generation", "resourceVersion"):
            metadata[kept] = old["metadata"][kept]
        if self._named(content) == old:
            return old
        if _without_metadata(content) != _without_metadata(old):
            metadata["generation"] += 1
        return self._write("MODIFIED", stored.key, content)

    def delete(self, namespace: str, name: str) -> JsonObject:
        """Take an object away; give it as it was last.

        Raises:
            NotFound: there is none of that name.
        """
        stored = self.stored(namespace, name)
        content = stored.read()
        del self._keys[bisect_left(self._keys, stored.key)]
        del self._items[stored.key]
        content["metadata"]["resourceVersion"] = str(self._revisions.following())
        after = _stored(stored.key, self._revisions.current, content)
        self._tell(Event("DELETED", after.revision, stored, after))
        return content

    def subscribe(self, listener: Callable[[str, JsonObject], None]) -> Callable[[], None]:
        """Tell a listener ("ADDED", "MODIFIED" or "DELETED", the object) of every change from now on.

        Returns:
            What ends that when it is called.
        """
        return self.follow(lambda event: listener(event.kind, event.after.read()))

    def follow(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Tell a listener of every event from now on; what is given back ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def events_after(self, revision: int) -> list[Event]:
        """Return the events above a revision, oldest first.

        Raises:
            Expired: some of them are forgotten.
        """
        return self._history.after(revision)

    def view(self, namespace: str | None = None, revision: int | None = None) -> View:
        """Return the objects of a namespace, or all, as they were at a revision, or are; good until the next change.

        Raises:
            Expired: what happened since that revision is forgotten.
        """
        prefix = f"{namespace}/" if namespace is not None else ""
        changed: dict[str, Stored | None] = {}
        for event in self.events_after(revision) if revision is not None else ():
            changed.setdefault(event.after.key, event.before)
        return View(self.revision if revision is None else revision, prefix, self._keys, self._items, changed)

    def forget_events(self) -> None:
        """Forget the history: to go on from any revision that was seen so far is refused as too old."""
        self._history.events.clear()
        self._history.oldest = self._revisions.following()

    def _named(self, content: JsonObject) -> JsonObject:
        named = {"apiVersion": self.resource.api_version, "kind": self.resource.kind}
        return named | content | named

    def _key(self, namespace: str, name: str) -> str:
        return f"{namespace}/{name}"

    def _check_same(self, metadata: JsonObject, stored: JsonObject) -> None:
        if metadata.get("resourceVersion") not in {None, "", stored["resourceVersion"]}:
            raise conflict(self.resource, stored["name"])
        if metadata.get("uid") not in {None, "", stored["uid"]}:
            why = f"UID in precondition: {metadata['uid']}, UID in object meta: {stored['uid']}"
            raise conflict(self.resource, stored["name"], f"Precondition failed: {why}")

    def _write(self, kind: EventKind, key: str, content: JsonObject) -> JsonObject:
        before = self._items.get(key)
        revision = self._revisions.following()
        content["metadata"]["resourceVersion"] = str(revision)
        after = _stored(key, revision, self._named(content))
        self._items[key] = after
        self._tell(Event(kind, revision, before, after))
        return after.read()

    def _tell(self, event: Event) -> None:
        self._history.append(event)
        for listener in tuple(self._listeners):
            listener(event)


def _stored(key: str, revision: int, content: JsonObject) -> Stored:
    return Stored(key, revision, _json(content), content["metadata"].get("labels") or {})


def _json(content: JsonObject) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _copied(content: JsonObject) -> JsonObject:
    copy: JsonObject = json.loads(_json(content))
    return copy


def _without_metadata(content: JsonObject) -> JsonObject:
    return {key: value for key, value in content.items() if key != "metadata"}
