"""The hints of webhooks: any replica keeps them, the leader follows them.

A hint waits in the inbox until it was followed, so that neither a kill nor a change of the leader loses one; it may be
followed twice. The leader looks into the inbox twice a second rather than listen to the database's notifications: they
need a connection of their own, and get lost with it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field

import structlog

from tide.daemon.troubles import Trouble
from tide.daemon.waiting import first_of
from tide.domain.errors import LeaseLost, StoreError, Transient
from tide.domain.keys import Hint
from tide.ports.inbox import Inbox

log = structlog.get_logger(component="tide")

POLL_SECONDS = 0.5
# Hints come in bursts (a job reports on each of its steps): those that come meanwhile are followed together, so that a
# burst costs two syncs of a pool and not one for each. It is no longer than people wait without noticing.
REST_SECONDS = 1.0
LONGEST_BACK_OFF = 30.0


@dataclass(slots=True)
class HintFollower:
    """Follows the hints in `inbox` while it runs.

    `look_near` wakes the pools that hints are about; `on_error` is told why that could not be done.
    """

    inbox: Inbox
    look_near: Callable[[Collection[Hint]], Awaitable[None]]
    on_error: Callable[[Exception], None]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _rung: asyncio.Event = field(default_factory=asyncio.Event)
    _trouble: Trouble = field(default_factory=Trouble)

    def ring(self) -> None:
        """Ask to look into the inbox at once."""
        self._rung.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Follow hints; after `stopping` is set, finish those at hand and return."""
        back_off = REST_SECONDS
        while not stopping.is_set():
            self._rung.clear()
            try:
                has_followed = await self._follow()
            except (StoreError, Transient, LeaseLost) as error:
                if self._trouble.is_news(error):
                    log.warning("hints could not be followed; they wait", error=str(error))
                self.on_error(error)
                await first_of(self.sleep(back_off), stopping.wait())
                back_off = min(2 * back_off, LONGEST_BACK_OFF)
            else:
                back_off = REST_SECONDS
                if self._trouble.is_over():
                    log.info("hints are followed again")
                if has_followed:
                    await first_of(self.sleep(REST_SECONDS), stopping.wait())
                else:
                    await first_of(self.sleep(POLL_SECONDS), self._rung.wait(), stopping.wait())

    async def _follow(self) -> bool:
        """Follow the hints that wait; tell whether there were any."""
        waiting = await self.inbox.waiting()
        if not waiting:
            return False
        await self._look({hint for _, hint in waiting})
        await self.inbox.done([number for number, _ in waiting])
        return True

    async def _look(self, hints: Collection[Hint]) -> None:
        """Look near hints; what asking again will not mend is told, and left to the next round."""
        try:
            await self.look_near(hints)
        except (StoreError, Transient, LeaseLost):
            raise
        except Exception as error:
            # One that could never be followed would keep all others waiting.
            log.exception("hints could not be followed; the next round finds what they were about")
            self.on_error(error)
