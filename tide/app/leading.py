"""Who leads is asked, and the lease renewed, in a thread and over connections that serve nothing else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tide.adapters.own_thread import OwnThread, own_thread
from tide.adapters.postgres import engine
from tide.adapters.postgres.engine import DatabaseUrl
from tide.adapters.postgres.leases import PostgresLeases
from tide.ports.clock import SteadyClock


@dataclass(frozen=True, slots=True)
class LeadingBeside:
    """The leases as they are asked in `thread`, and only there: their connections belong to its event loop."""

    leases: PostgresLeases
    thread: OwnThread


@asynccontextmanager
async def leading_beside(url: DatabaseUrl, clock: SteadyClock) -> AsyncIterator[LeadingBeside]:
    """Give the leases of a database in a thread of their own; it is not asked for anything yet."""
    async with own_thread("lease") as thread:
        # Each connection is tried, so that a renewal does not fail as the first one after a restart of the server.
        connections = engine.opened(url, connections=2, is_tried=True)
        try:
            yield LeadingBeside(PostgresLeases(connections, clock), thread)
        finally:
            await thread(connections.dispose())
