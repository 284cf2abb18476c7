"""Who leads. Times are those of the store's own clock, so that the clocks of the replicas do not matter."""

from typing import Protocol

from tide.domain.leases import Leader, Lease


class Leases(Protocol):
    """One lease for all replicas that share a store. Every call may raise a `tide.domain.errors.StoreError`."""

    async def take(self, holder: str) -> Lease | None:
        """Take the lead if nobody has it, or whoever had it let it run out; None when somebody else leads.

        `holder` names this process, and no other one: a restarted process is another one.
        """
        ...

    async def renew(self, lease: Lease) -> Lease:
        """Give the lease once more for its whole length.

        Raises:
            LeaseLost: it has run out, or somebody else leads.
        """
        ...

    async def release(self, lease: Lease) -> None:
        """Give up the lead, so that the next one need not wait; nothing happens where it is lost already."""
        ...

    async def leader(self) -> Leader | None:
        """Tell who leads now; None when nobody does."""
        ...
