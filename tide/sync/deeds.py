"""The door to the outside: whoever goes through it leads, and leads for longer than the call may take.

GitHub and Kubernetes cannot check a fencing token. So a deed is written down under the token before it is done, which
the store refuses to whoever leads no more, and it is done only while the lease outlives the call's time-out: when
another replica takes the lead, no call of ours is on its way.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from tide.domain.errors import LeaseLost, Unavailable
from tide.domain.intents import Intent, IntentKind
from tide.domain.keys import PoolKey
from tide.domain.leases import Lease
from tide.sync.world import World

T = TypeVar("T")

# Shorter than a lease lasts, so that a standby may take over within ten seconds. A deed that takes longer counts as
# one whose answer was lost: it is looked for in the world.
DEED_TIMEOUT = 6.0


@dataclass(slots=True)
class Deeds:
    """Does what changes the outside, for as long as the lease lasts; a call may take `timeout` seconds."""

    world: World
    lease: Lease
    timeout: float = DEED_TIMEOUT

    async def begin(self, kind: IntentKind, pool: PoolKey, subject: str, detail: str) -> Intent:
        """Write down a deed that is about to be done.

        Raises:
            LeaseLost: somebody else leads.
            StoreError: it could not be written down, so it must not be done.
        """
        await self._renew()
        now = self.world.clock.now()
        intent = Intent(kind, pool, subject, detail, now, self.lease.token, latest_at=now)
        return replace(intent, id=await self.world.store.begin(intent))

    async def proceed(self, intent: Intent) -> None:
        """Write down that the next step of a deed is about to be done; raise as `begin` does."""
        await self._renew()
        await self.world.store.proceed(intent, self.world.clock.now())

    async def finish(self, intent: Intent, outcome: str) -> None:
        """Write down what came of a deed."""
        await self.world.store.finish(intent.id, outcome, self.world.clock.now())

    async def do(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make one call that changes the outside.

        Raises:
            LeaseLost: the lease might run out before the call does; nothing was done.
            Unavailable: there was no answer in time; it may have been done, and may still be done for a while.
            RemoteError: whatever the call raises.
        """
        if not self.lease.outlives(self.timeout, self.world.clock.steady()):
            raise LeaseLost("the lease does not last for another call")
        try:
            async with asyncio.timeout(self.timeout):
                return await call()
        except TimeoutError as error:
            raise Unavailable(f"no answer within {self.timeout:g} seconds") from error

    async def _renew(self) -> None:
        self.lease = await self.world.leases.renew(self.lease)
