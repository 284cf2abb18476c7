"""The lease: who leads, by the clock of the tables."""

from dataclasses import replace
from datetime import timedelta

from tide.adapters.memory.tables import LeaseRow, Tables
from tide.domain.errors import LeaseLost
from tide.domain.leases import Leader, Lease
from tide.ports.clock import SteadyClock


def check_in_force(tables: Tables, token: int) -> LeaseRow:
    """Give the lease with a token; raise LeaseLost when it is not in force."""
    lease = _held(tables)
    if lease is None or lease.token != token:
        raise LeaseLost("another replica leads, or the lease has run out")
    return lease


def _held(tables: Tables) -> LeaseRow | None:
    lease = tables.lease
    return lease if lease and lease.expires_at > tables.clock.now() else None


class MemoryLeases:
    """Keeps the lease beside the tables (tide.ports.leases.Leases)."""

    def __init__(self, tables: Tables, clock: SteadyClock, lasts: timedelta) -> None:
        self.tables, self.clock, self.lasts = tables, clock, lasts

    async def take(self, holder: str) -> Lease | None:
        """Take the lead if nobody has it; None when somebody else leads.

        The token grows by one each time; `holder` may also take what it holds itself.
        """
        until, now, held = self._until(), self.tables.clock.now(), _held(self.tables)
        if held and held.holder != holder:
            return None
        # Not 1: after the tables were emptied, a token must not come again that another one still holds.
        token = self.tables.lease.token + 1 if self.tables.lease else int(now.timestamp() * 1_000_000)
        self.tables.lease = LeaseRow(holder, token, now, now + self.lasts)
        return Lease(holder, token, until)

    async def renew(self, lease: Lease) -> Lease:
        """Give the lease once more for its whole length.

        Raises:
            LeaseLost: it has run out, or somebody else leads.
        """
        until, held = self._until(), check_in_force(self.tables, lease.token)
        self.tables.lease = replace(held, expires_at=self.tables.clock.now() + self.lasts)
        return Lease(lease.holder, lease.token, until)

    async def release(self, lease: Lease) -> None:
        """Give up the lead; nothing happens where it is lost already."""
        held = _held(self.tables)
        if held and held.token == lease.token:
            self.tables.lease = replace(held, expires_at=self.tables.clock.now())

    async def leader(self) -> Leader | None:
        """Tell who leads now; None when nobody does."""
        held = _held(self.tables)
        return Leader(held.holder, held.token, held.taken_at) if held else None

    def _until(self) -> float:
        return self.clock.steady() + self.lasts.total_seconds()
