"""Which replica acts: the one with the lease. The others serve the page, and try to take the lease twice a second.

A lease lasts for 9 seconds and is renewed every second. So the lead changes within 10 seconds of a kill, and at once
after a clean stop. A database that is out of reach is waited for until the lease is about to run out; then whatever
acts under it is stopped, before anybody else can have taken it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import structlog

from tide.daemon.shutdown import ended_in_time
from tide.daemon.waiting import first_of
from tide.domain.errors import LeaseLost, StoreError
from tide.domain.leases import Leader, Lease
from tide.ports.clock import SteadyClock
from tide.ports.leases import Leases

log = structlog.get_logger(component="tide")

STANDBY_SECONDS = 0.5
RENEW_SECONDS = 1.0
MARGIN_SECONDS = 1.0  # so long before the lease runs out, what acts under it is stopped
GRACE_SECONDS = 12.0
CHANGE = timedelta(seconds=10)  # as long as a change of the leader may take

Lead: TypeAlias = Callable[[asyncio.Event], Coroutine[None, None, None]]
"""What the leader does, until the event is set."""


@dataclass(frozen=True, slots=True)
class Role:
    """What a replica does: it leads, or stands by.

    `leader` is who was last seen leading, maybe this replica, and `seen_at` when that was.
    """

    leads: bool = False
    leader: Leader | None = None
    seen_at: datetime | None = None

    def sees_leader(self, now: datetime) -> bool:
        """Tell whether somebody was leading a moment ago."""
        return self.seen_at is not None and now - self.seen_at <= CHANGE


@dataclass(slots=True)
class Leadership:
    """Takes the lead, keeps it and gives it up, for one process.

    `holder` names this process and no other one, ever. `on_error` is told whenever the database could not be asked.
    When told to stop, the leader has `grace` seconds to finish what it does.
    """

    leases: Leases
    holder: str
    clock: SteadyClock
    on_error: Callable[[Exception], None]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    grace: float = GRACE_SECONDS
    role: Role = Role()
    _lease: Lease | None = None
    _trouble: str = ""

    @property
    def lease(self) -> Lease:
        """The lease that is in force.

        Raises:
            LeaseLost: this replica does not lead.
        """
        if self._lease is None or not self._lease.outlives(0, self.clock.steady()):
            raise LeaseLost("this replica does not lead")
        return self._lease

    async def run(self, lead: Lead, stopping: asyncio.Event) -> None:
        """Stand by, and do `lead` whenever this replica leads; return after `stopping` is set, or when `lead` ends.

        `lead` is given `stopping`. It is cancelled where the lease is lost, and begun anew with the next one.
        """
        while not stopping.is_set():
            self._lease = await self._taken()
            if self._lease is None:
                await first_of(self.sleep(STANDBY_SECONDS), stopping.wait())
            elif await self._lead(lead, stopping):
                return

    async def _taken(self) -> Lease | None:
        """Try to take the lead; see who has it."""
        try:
            lease = await self.leases.take(self.holder)
            leader = Leader(self.holder, lease.token, self.clock.now()) if lease else await self.leases.leader()
        except StoreError as error:
            self._tell(error)
            return None
        self._trouble = ""
        if leader:
            self.role = Role(lease is not None, leader, self.clock.now())
        return lease

    async def _lead(self, lead: Lead, stopping: asyncio.Event) -> bool:
        """Lead for as long as the lease can be kept; tell whether `lead` has ended by itself."""
        log.info("this replica leads now", holder=self.holder, token=self._lease.token if self._lease else 0)
        leading = asyncio.create_task(ended_in_time(lead(stopping), stopping, self.grace))
        keeping = (asyncio.create_task(self._renewing()), asyncio.create_task(self._running_out()))
        try:
            await asyncio.wait({leading, *keeping}, return_when=asyncio.FIRST_COMPLETED)
            has_ended = leading.done()
        finally:
            # What is still to be stopped gets no lease any more, even before it notices.
            lease, self._lease = self._lease, None
            self.role = replace(self.role, leads=False)
            await _ended(leading, *keeping)
            await self._release(lease)
        if has_ended:
            if not leading.result():
                log.warning("what was at hand was cut short; the next leader finds what was begun")
        else:
            log.warning("this replica leads no more: the lease is lost")
        return has_ended

    async def _renewing(self) -> None:
        """Renew the lease again and again, until it is lost."""
        while self._lease:
            await self.sleep(RENEW_SECONDS)
            try:
                self._lease = await self.leases.renew(self._lease)
                self.role, self._trouble = replace(self.role, seen_at=self.clock.now()), ""
            except StoreError as error:
                self._tell(error)
            except LeaseLost:
                return

    async def _running_out(self) -> None:
        """Wait until the lease is about to run out, as it could not be renewed."""
        while self._lease and (left := self._lease.until - MARGIN_SECONDS - self.clock.steady()) > 0:
            await self.sleep(left)

    async def _release(self, lease: Lease | None) -> None:
        try:
            if lease:
                await self.leases.release(lease)
        except StoreError as error:
            self._tell(error)  # it runs out by itself

    def _tell(self, error: StoreError) -> None:
        if str(error) != self._trouble:  # twice a second would be too often
            log.warning("who leads cannot be asked", error=str(error))
        self._trouble = str(error)
        self.on_error(error)


async def _ended(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait for their end."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
