"""Keeps a cache in step with the cluster: list everything once, then watch, and begin again when the thread is lost.

Kubernetes docs: "Kubernetes API Concepts", efficient detection of changes.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

from tide.adapters.kubernetes.cache import Cache
from tide.adapters.kubernetes.contact import Contact
from tide.adapters.kubernetes.failures import Expired
from tide.adapters.kubernetes.prowjob_api import Event, EventKind, ProwJobApi
from tide.domain.errors import RateLimited, RemoteError, Transient, Unavailable
from tide.ports.clock import SteadyClock

log = logging.getLogger(__name__)

# A watch that a server cannot resume for other reasons than age, such as a restored backup, never gets better.
_TRIES_OF_ONE_VERSION = 3
_SHORTEST_LIFE = 1.0  # seconds; a watch that was ended sooner, and told nothing, is not begun again at once


@dataclass(eq=False)
class Follower:
    """Lists and watches until it is cancelled; whatever goes wrong is noted, waited for, and tried again."""

    api: ProwJobApi
    cache: Cache
    contact: Contact
    clock: SteadyClock
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _version: str = ""
    _pause: float = 0.0

    async def run(self) -> None:
        """Follow the ProwJobs."""
        while True:
            try:
                await self._list()
                await self._watch()
            except RemoteError as error:
                await self._wait_after(error)
            except Exception as error:
                log.exception("following the ProwJobs met a fault of ours")
                await self._wait_after(Unavailable(f"the ProwJobs cannot be followed: {error!r}"))

    async def _list(self) -> None:
        """Take in a whole list."""
        listing, version = self.cache.begin_listing(), ""
        async with aclosing(self.api.pages()) as pages:
            async for page in pages:
                self.cache.take_page(listing, page.prowjobs)
                version = page.version
        self.cache.settle(listing)
        self._version = version
        self.contact.heard()

    async def _watch(self) -> None:
        """Watch on and on; return when a new list is needed, raise Expired when the version has become too old."""
        failures = 0
        while failures < _TRIES_OF_ONE_VERSION and not self.cache.lacks_any:
            version = self._version
            try:
                await self._watch_once()
            except Expired:
                raise
            except Transient as error:
                failures = failures + 1 if self._version == version else 1
                await self._wait_after(error)
            else:
                failures = 0

    async def _watch_once(self) -> None:
        version, began = self._version, self.clock.steady()
        # Also a server that agrees and then says nothing keeps us in step: a few of those make way for a list.
        async with aclosing(self.api.watch(version, self.contact.heard)) as events:
            async for event in events:
                self._take(event)
        if self._version == version and self.clock.steady() - began < _SHORTEST_LIFE:
            raise Unavailable("the watch of the ProwJobs was ended at once")
        self._note_life()

    def _take(self, event: Event) -> None:
        if event.kind is not EventKind.BOOKMARK:
            self.cache.apply(event.kind, event.prowjob)
        self._version = event.version or self._version
        self._note_life()

    def _note_life(self) -> None:
        self.contact.heard()
        self._pause = 0.0

    async def _wait_after(self, error: RemoteError) -> None:
        self.contact.lost(error)
        times = self.api.times
        self._pause = min(max(2 * self._pause, times.first_pause), times.longest_pause)
        if isinstance(error, RateLimited):
            self._pause = max(self._pause, (error.until - self.clock.now()).total_seconds())
        # Replicas that lost the same server must not come back in step.
        await self.sleep(self._pause * random.uniform(1.0, 1.5))  # noqa: S311 - spreads load, guards nothing
