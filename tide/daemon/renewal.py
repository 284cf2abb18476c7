"""Keeping a lease in force, from where nothing that the leader does can delay it.

So it may run in a thread of its own. Then the lease is kept also while the leader's event loop is held up; but a loop
that is held up for long is no leader, and after LIFE_SECONDS without a sign of life from it the lease is let run out.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from tide.domain.errors import LeaseLost, StoreError
from tide.domain.leases import Lease
from tide.ports.clock import SteadyClock
from tide.ports.leases import Leases

RENEW_SECONDS = 1.0
LIFE_SECONDS = 30.0  # far longer than anything should hold up an event loop, and no longer than a stuck queue may be


@dataclass(slots=True)
class Renewal:
    """Renews one lease.

    `lease` is what is in force, renewed last at `renewed_at`; `trouble` is why the last try failed. These only `run`
    writes. `alive_at` only the leader writes: when it was last seen alive, by the steady clock.
    """

    leases: Leases
    clock: SteadyClock
    lease: Lease
    alive_at: float
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    renewed_at: datetime | None = None
    trouble: StoreError | None = None

    async def run(self) -> None:
        """Renew the lease every second until it is lost."""
        while True:
            await self.sleep(RENEW_SECONDS)
            if self.clock.steady() - self.alive_at > LIFE_SECONDS:
                continue
            try:
                self.lease = await self.leases.renew(self.lease)
                self.renewed_at, self.trouble = self.clock.now(), None
            except StoreError as error:
                self.trouble = error
            except LeaseLost:
                return
