"""The lease: one row that names the leader.

Whether it has run out is judged by the server's clock inside each statement, so that the replicas' clocks need not
agree. Were the server's clock set forward, a lease might run out there before its holder knows; what the holder then
begins is refused all the same, for its token (`in_force`).
"""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy import BigInteger, Interval, Select, Text, bindparam, cast, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.sql.base import Executable

from tide.adapters.postgres.engine import statements
from tide.adapters.postgres.schema import leases
from tide.domain.errors import LeaseLost, StoreError
from tide.domain.leases import Leader, Lease
from tide.ports.clock import SteadyClock

T = TypeVar("T")

LASTS = timedelta(seconds=9)  # with a standby's tries this makes less than the ten seconds that a change may take
CALL_SECONDS = 2.0  # leaves several tries before a lease runs out

_LEADER = "leader"
_now = func.clock_timestamp()  # now() would be the time at which the transaction began
_runs_out = _now + bindparam("lasts", type_=Interval)
_token = bindparam("its_token", type_=BigInteger)
_is_leader = leases.c.name == _LEADER

_first = insert(leases).values(
    name=_LEADER,
    holder=bindparam("its_holder", type_=Text),
    # Not 1: after the database was emptied, a token must not come again that another replica still holds.
    token=cast(func.extract("epoch", _now) * 1_000_000, BigInteger),
    taken_at=_now,
    expires_at=_runs_out,
)
_TAKE = _first.on_conflict_do_update(
    index_elements=[leases.c.name],
    set_={"token": leases.c.token + 1} | {name: _first.excluded[name] for name in ("holder", "taken_at", "expires_at")},
    # Its own is given anew to a holder whom the answer to its last call has not reached.
    where=(leases.c.expires_at <= _now) | (leases.c.holder == _first.excluded.holder),
).returning(leases.c.token)
_held = update(leases).where(_is_leader, leases.c.token == _token, leases.c.expires_at > _now)
_RENEW = _held.values(expires_at=_runs_out)
_RELEASE = _held.values(expires_at=_now)
_LEADS = select(leases.c.holder, leases.c.token, leases.c.taken_at).where(_is_leader, leases.c.expires_at > _now)


def in_force() -> Select[tuple[int]]:
    """Select the lease with the token `its_token` if it is in force: one row or none.

    The row is locked until the statement's end, so that nobody takes the lead before others can read what was written
    under this lease.
    """
    in_force = select(leases.c.token).where(_is_leader, leases.c.token == _token, leases.c.expires_at > _now)
    return in_force.with_for_update(read=True)


class PostgresLeases:
    """Keeps the lease in Postgres (tide.ports.leases.Leases).

    Each call ends within `call_seconds`, whatever becomes of the database. `engine` should be of this object alone:
    where renewals wait for connections that others hold, the lead is lost to a long queue.
    """

    def __init__(
        self, engine: AsyncEngine, clock: SteadyClock, lasts: timedelta = LASTS, *, call_seconds: float = CALL_SECONDS
    ) -> None:
        self.engine, self.clock = engine, clock
        self.lasts, self.call_seconds = lasts, call_seconds
        self._left_behind: set[asyncio.Task[Any]] = set()

    async def take(self, holder: str) -> Lease | None:
        """Take the lead if nobody has it; None when somebody else leads.

        The token grows by one each time; `holder` may also take what it holds itself.
        """
        until = self._until()
        given = await self._within(self._executed(_TAKE, its_holder=holder, lasts=self.lasts))
        token = given.scalar_one_or_none()
        return None if token is None else Lease(holder, token, until)

    async def renew(self, lease: Lease) -> Lease:
        """Give the lease once more for its whole length.

        Raises:
            LeaseLost: it has run out, or somebody else leads.
        """
        until = self._until()
        renewed = await self._within(self._executed(_RENEW, its_token=lease.token, lasts=self.lasts))
        if not renewed.rowcount:
            raise LeaseLost("the lease has run out, or another replica leads")
        return Lease(lease.holder, lease.token, until)

    async def release(self, lease: Lease) -> None:
        """Give up the lead; nothing happens where it is lost already."""
        await self._within(self._executed(_RELEASE, its_token=lease.token))

    async def leader(self) -> Leader | None:
        """Tell who leads now; None when nobody does."""
        found = (await self._within(self._executed(_LEADS))).one_or_none()
        return Leader(found.holder, found.token, found.taken_at) if found else None

    def _until(self) -> float:
        return self.clock.steady() + self.lasts.total_seconds()

    async def _executed(self, statement: Executable, **values: object) -> CursorResult[Any]:
        async with statements(self.engine) as connection:
            return await connection.execute(statement, values)

    async def _within(self, call: Coroutine[None, None, T]) -> T:
        """Wait for a call, but no longer than `call_seconds`.

        A task that is cancelled while the server does not answer ends much later, as the driver waits for the server
        to give up the statement: it is left behind, and its connection with it.
        """
        task = asyncio.create_task(call)
        try:
            await asyncio.wait({task}, timeout=self.call_seconds)
        finally:
            if not task.done():
                self._leave_behind(task)
        if not task.done():
            await self.engine.dispose()  # the next call gets a connection of a new pool
            raise StoreError(f"database: no answer within {self.call_seconds:g} s")
        return task.result()

    def _leave_behind(self, task: asyncio.Task[Any]) -> None:
        self._left_behind.add(task)  # the event loop itself would forget it
        task.add_done_callback(self._forget)
        task.cancel()

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._left_behind.discard(task)
        if not task.cancelled():
            task.exception()  # asyncio complains of errors that nobody has asked for
