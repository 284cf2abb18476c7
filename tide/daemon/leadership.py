"""Which replica acts: the one with the lease. The others serve the page, and try to take the lease twice a second.

A lease lasts for 9 seconds and is renewed every second. So the lead changes within 10 seconds of a kill, and at once
after a clean stop. A database that is out of reach is waited for until the lease is about to run out; then whatever
acts under it is stopped, before anybody else can have taken it. The lease is renewed beside the event loop of whatever
acts under it (`tide.daemon.renewal`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeAlias, TypeVar

import structlog

from tide.daemon.renewal import RENEW_SECONDS, Renewal
from tide.daemon.shutdown import ended_in_time
from tide.daemon.waiting import first_of
from tide.domain.errors import LeaseLost, StoreError
from tide.domain.leases import Leader, Lease
from tide.ports.clock import SteadyClock
from tide.ports.leases import Leases

log = structlog.get_logger(component="tide")

T = TypeVar("T")

STANDBY_SECONDS = 0.5
MARGIN_SECONDS = 1.0  # so long before the lease runs out, what acts under it is stopped
GRACE_SECONDS = 12.0
CHANGE = timedelta(seconds=10)  # as long as a change of the leader may take

Lead: TypeAlias = Callable[[asyncio.Event], Coroutine[None, None, None]]
"""What the leader does, until the event is set."""


class Beside(Protocol):
    """Runs a coroutine, maybe in the event loop of another thread."""

    def __call__(self, work: Coroutine[Any, Any, T], /) -> Awaitable[T]:
        """Begin the work, and give what waits for it."""
        ...


def here(work: Coroutine[Any, Any, T], /) -> Awaitable[T]:
    """Run a coroutine in the event loop of whoever waits for it."""
    return work


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
    When told to stop, the leader has `grace` seconds to finish what it does. All of `leases` is asked `beside`. While
    this process not `may_lead` it only looks who does.
    """

    leases: Leases
    holder: str
    clock: SteadyClock
    on_error: Callable[[Exception], None]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    grace: float = GRACE_SECONDS
    beside: Beside = here
    may_lead: Callable[[], bool] = lambda: True
    role: Role = Role()
    _renewal: Renewal | None = None

    @property
    def lease(self) -> Lease:
        """The lease that is in force.

        Raises:
            LeaseLost: this replica does not lead.
        """
        lease = self._renewal.lease if self._renewal else None
        if lease is None or not lease.outlives(0, self.clock.steady()):
            raise LeaseLost("this replica does not lead")
        return lease

    async def run(self, lead: Lead, stopping: asyncio.Event) -> None:
        """Stand by, and do `lead` whenever this replica leads; return after `stopping` is set, or when `lead` ends.

        `lead` is given `stopping`. It is cancelled where the lease is lost, and begun anew with the next one.
        """
        while not stopping.is_set():
            lease = await self._taken()
            if lease is None:
                await first_of(self.sleep(STANDBY_SECONDS), stopping.wait())
            elif await self._lead(lease, lead, stopping):
                return

    async def _taken(self) -> Lease | None:
        """Try to take the lead; see who has it."""
        try:
            lease = await self.beside(self.leases.take(self.holder)) if self.may_lead() else None
            if lease:
                leader: Leader | None = Leader(self.holder, lease.token, self.clock.now())
            else:
                leader = await self.beside(self.leases.leader())
        except StoreError as error:
            self.on_error(error)
            return None
        if leader:
            self.role = Role(lease is not None, leader, self.clock.now())
        return lease

    async def _lead(self, lease: Lease, lead: Lead, stopping: asyncio.Event) -> bool:
        """Lead for as long as the lease can be kept; tell whether `lead` has ended by itself."""
        log.info("this replica leads now", holder=self.holder, token=lease.token)
        self._renewal = renewal = Renewal(self.leases, self.clock, lease, self.clock.steady(), self.sleep)
        leading = asyncio.create_task(ended_in_time(lead(stopping), stopping, self.grace))
        keeping = (asyncio.ensure_future(self.beside(renewal.run())), asyncio.create_task(self._watch(renewal)))
        try:
            await asyncio.wait({leading, *keeping}, return_when=asyncio.FIRST_COMPLETED)
            has_ended = leading.done()
        finally:
            # What is still to be stopped gets no lease any more, even before it notices; nor does a renewal that is
            # still under way bring it back.
            self._renewal = None
            self.role = replace(self.role, leads=False)
            await _ended(leading, *keeping)
            await self._release(renewal.lease)
        if has_ended:
            if not leading.result():
                log.warning("what was at hand was cut short; the next leader finds what was begun")
        else:
            log.warning("this replica leads no more: the lease is lost")
        return has_ended

    async def _watch(self, renewal: Renewal) -> None:
        """Show life and tell how the renewals go, until the lease is about to run out."""
        while (left := renewal.lease.until - MARGIN_SECONDS - self.clock.steady()) > 0:
            renewal.alive_at = self.clock.steady()
            if renewal.trouble:
                self.on_error(renewal.trouble)
            elif renewal.renewed_at:
                self.role = replace(self.role, seen_at=renewal.renewed_at)
            await self.sleep(min(left, RENEW_SECONDS))

    async def _release(self, lease: Lease) -> None:
        try:
            await self.beside(self.leases.release(lease))
        except StoreError as error:
            self.on_error(error)  # it runs out by itself


async def _ended(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks and wait for their end."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
