"""The ProwJobs of one namespace, as its API server serves them."""

import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from tide.adapters.kubernetes.api_server import ApiServer
from tide.adapters.kubernetes.failures import failure, value_of
from tide.adapters.kubernetes.times import Times
from tide.adapters.prowjobs import markers
from tide.domain.errors import NotFound, Unavailable
from tide.domain.runs import RunKind

GROUP = "prow.k8s.io"
GROUP_VERSION = f"/apis/{GROUP}/v1"
PLURAL = "prowjobs"

# Prow writes the label from the type and lets no job have it (config.go validateLabels), and so do we: leaving out
# by it what tests no branch leaves out nothing else. Periodics are often the most.
_SELECTOR = f"{markers.TYPE} in ({','.join(RunKind)})"
_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?")
_LONGEST_NAME = 253


class EventKind(StrEnum):
    """What a watch tells of an object."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a watch; of a bookmark only the version counts."""

    kind: EventKind
    prowjob: Mapping[str, Any]
    version: str


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list; the version is that of the whole."""

    prowjobs: list[Mapping[str, Any]]
    version: str


@dataclass(frozen=True, slots=True)
class ProwJobApi:
    """Creates, reads, lists and watches ProwJobs; every call may raise a `tide.domain.errors.RemoteError`."""

    server: ApiServer
    namespace: str
    times: Times = field(default_factory=Times)
    page_size: int = 500

    @property
    def path(self) -> str:
        """Where they are."""
        return f"{GROUP_VERSION}/namespaces/{quote(self.namespace, safe='')}/{PLURAL}"

    async def create(self, prowjob: Mapping[str, Any]) -> Mapping[str, Any]:
        """Create one; raise AlreadyExists when the name is taken, Unavailable when what became of it is not known."""
        made = await self.server.call("POST", self.path, seconds=self.times.create, body=prowjob)
        return _object("the created ProwJob", made)

    async def get(self, name: str) -> Mapping[str, Any] | None:
        """Give the one of that name."""
        if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
            return None
        try:
            found = await self.server.call("GET", f"{self.path}/{name}", seconds=self.times.get)
        except NotFound:
            return None
        return _object(f"ProwJob {name}", found)

    async def pages(self) -> AsyncGenerator[Page]:
        """List those that test a branch, all as they were at one moment; raise Expired when that takes too long."""
        params = {"labelSelector": _SELECTOR, "limit": str(self.page_size)}
        while True:
            listed = _object(
                "the list", await self.server.call("GET", self.path, seconds=self.times.page, params=params)
            )
            metadata, items = listed.get("metadata"), listed.get("items")
            version = _version(listed)
            if not isinstance(metadata, Mapping) or not isinstance(items, list) or not version:
                raise Unavailable(f"GET {self.path}: the answer is no list of ProwJobs")
            yield Page([item for item in items if isinstance(item, Mapping)], version)
            if not metadata.get("continue"):
                return
            params["continue"] = str(metadata["continue"])

    async def watch(self, version: str, on_open: Callable[[], None]) -> AsyncGenerator[Event]:
        """Tell what changes after that version, until the server has had enough; raise Expired when it is too old.

        `on_open` is called when the server has agreed to tell.
        """
        params = {
            "labelSelector": _SELECTOR,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": f"{self.times.watch:.0f}",
        }
        lines = self.server.lines(self.path, silence=self.times.silence, params=params, on_open=on_open)
        async with aclosing(lines):
            async for line in lines:
                yield self._event(line)

    def _event(self, line: bytes) -> Event:
        asked = f"watch {self.path}"
        told = _object(asked, value_of(asked, line))
        content = _object(asked, told.get("object"))
        if told.get("type") == "ERROR":
            code = content.get("code")
            code = code if isinstance(code, int) else HTTPStatus.INTERNAL_SERVER_ERROR
            raise failure(asked, code, content, self.server.clock.now())
        try:
            return Event(EventKind(str(told.get("type"))), content, _version(content))
        except ValueError:
            raise Unavailable(f"{asked}: told an event of an unknown type") from None


def _version(content: Mapping[str, Any]) -> str:
    metadata = content.get("metadata")
    version = metadata.get("resourceVersion") if isinstance(metadata, Mapping) else None
    return version if isinstance(version, str) else ""


def _object(what: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Unavailable(f"{what} is no object")
    return value
