"""Watches: changes told one JSON object a line for as long as the caller listens."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from tide.sandbox.kubernetes.problems import Expired, too_old

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.types import Receive, Scope, Send

    from tide.sandbox.kubernetes.call import Call
    from tide.sandbox.kubernetes.objects import ApiObjects, Event, Stored

DEFAULT_SECONDS = 1800
"""How long a watch lasts that names no time (apiserver: 30 to 60 minutes, by chance)."""
BOOKMARK_SECONDS = 60.0
"""How often a bookmark tells how far the watch is (apiserver: about once a minute)."""

End = Literal["closed", "cut", "expired"]


@dataclass(eq=False)
class Watch:
    """One watch that goes on, as an ASGI answer.

    Args:
        objects: what is watched.
        call: the request.
        show: turns an object's JSON into what the caller wants to see of it.
        bookmark_seconds: how often bookmarks come, if they are allowed.
    """

    objects: ApiObjects
    call: Call
    show: Callable[[bytes], bytes]
    bookmark_seconds: float = BOOKMARK_SECONDS
    _waiting: deque[Event] = field(default_factory=deque)
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _ended: End | None = None

    def end(self, how: End) -> None:
        """End it now: in good order, by cutting the connection, or with the error that its version is too old."""
        self._ended = self._ended or how
        self._woken.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell events until the caller goes, the time is up, or it is ended."""
        del scope
        unfollow = self.objects.follow(self._hear)
        gone = asyncio.create_task(self._listen(receive))
        try:
            start = self._start()
            headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-cache, private")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await self._tell(start, send)
        finally:
            unfollow()
            gone.cancel()

    def _hear(self, event: Event) -> None:
        self._waiting.append(event)
        self._woken.set()

    async def _listen(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.end("cut")

    def _start(self) -> list[bytes]:
        """Return what has happened before: a watch that names no version, or 0, begins with all that is there."""
        version = self.call.number("resourceVersion")
        try:
            if version:
                missed = self.objects.events_after(version)
                return [line for event in missed if (line := self._line(event))]
        except Expired:
            # Told in the stream, not as an answer of its own (apiserver: pkg/storage/cacher, newErrWatcher).
            self.end("expired")
            return []
        chosen = filter(self.call.selector.fits, self.objects.view(self.call.scope).after(""))
        return [self._told("ADDED", stored.raw) for stored in chosen]

    async def _tell(self, lines: list[bytes], send: Send) -> None:
        loop = asyncio.get_running_loop()
        over = loop.time() + (self.call.number("timeoutSeconds") or DEFAULT_SECONDS)
        bookmark = loop.time() + self.bookmark_seconds
        # An empty part makes the head go out at once: the caller then knows that the watch stands.
        await _send(send, b"".join(lines))
        while self._ended is None and loop.time() < over:
            await self._wait(min(over, bookmark) - loop.time())
            told = list(self._drain())
            if loop.time() >= bookmark:
                bookmark = loop.time() + self.bookmark_seconds
                told += self._bookmark()
            await _send(send, b"".join(told))
        await self._finish(send)

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(seconds, 0)):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()

    def _drain(self) -> Iterator[bytes]:
        while self._waiting and self._ended != "cut":
            if line := self._line(self._waiting.popleft()):
                yield line

    async def _finish(self, send: Send) -> None:
        if self._ended == "cut":
            # Without a last part the server drops the connection.
            return
        if self._ended == "expired":
            problem = too_old(self.call.number("resourceVersion"), self.objects.revision)
            await _send(send, _json_line({"type": "ERROR", "object": problem.status}))
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _line(self, event: Event) -> bytes | None:
        """Return what the event is to this watch: what begins to fit is added to it, what ceases to fit is deleted."""
        was, is_now = self._fits(event.before), event.kind != "DELETED" and self._fits(event.after)
        if is_now:
            return self._told("MODIFIED" if was else "ADDED", event.after.raw)
        if not was:
            return None
        return self._told("DELETED", event.after.raw if event.kind == "DELETED" else _last_fitting(event))

    def _fits(self, stored: Stored | None) -> bool:
        inside = stored is not None and self.call.namespace in {"", stored.namespace}
        return inside and self.call.selector.fits(stored)

    def _told(self, kind: str, raw: bytes) -> bytes:
        return b'{"type":"%s","object":%s}\n' % (kind.encode(), self.show(raw))

    def _bookmark(self) -> list[bytes]:
        if not self.call.is_set("allowWatchBookmarks"):
            return []
        resource = self.objects.resource
        metadata = {"resourceVersion": str(self.objects.revision), "creationTimestamp": None}
        mark = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
        return [_json_line({"type": "BOOKMARK", "object": mark})]


def _last_fitting(event: Event) -> bytes:
    # The object as it last fitted, with the version of the change (apiserver: pkg/storage/cacher/cache_watcher.go).
    if event.before is None:
        return event.after.raw
    content = event.before.read()
    content["metadata"]["resourceVersion"] = str(event.revision)
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _json_line(content: Any) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode() + b"\n"


async def _send(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})
