"""However replicas take, renew, give up and lose the lease, one at most may act; who acted before is refused."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import bindparam, delete, update
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.types import Interval

from tests.builders import NOW, POOL
from tide.adapters.clock import SystemClock
from tide.adapters.postgres.engine import connected, statements
from tide.adapters.postgres.leases import PostgresLeases
from tide.adapters.postgres.schema import intents, leases
from tide.adapters.postgres.store import PostgresStore
from tide.domain.errors import LeaseLost
from tide.domain.intents import Intent, IntentKind
from tide.domain.leases import Lease

LASTS = timedelta(seconds=9.5)  # time passes in whole seconds here, and a little more: nothing hangs on a moment
HOLDERS = ("ann", "bea", "cyd")
INTENT = Intent(IntentKind.MERGE, POOL, "#1", "", NOW, token=0)
_EARLIER = bindparam("by", type_=Interval)
AGE = update(leases).values(taken_at=leases.c.taken_at - _EARLIER, expires_at=leases.c.expires_at - _EARLIER)

Step: TypeAlias = tuple[str, str, int]
"""What happens, to whom, and how many seconds before it pass."""


@dataclass
class ShiftedClock:
    """The machine's clock, set forward by what has passed in the test."""

    shift: float = 0

    def now(self) -> datetime:
        return NOW

    def steady(self) -> float:
        return SystemClock().steady() + self.shift


@dataclass
class World:
    """The database, what each replica believes to have, and what is true."""

    engine: AsyncEngine
    clock: ShiftedClock = field(default_factory=ShiftedClock)
    believed: dict[str, Lease] = field(default_factory=dict)
    dead: list[Lease] = field(default_factory=list)
    leader: str = ""
    token: int = 0
    left: float = 0

    def __post_init__(self) -> None:
        self.leases = PostgresLeases(self.engine, self.clock, LASTS)
        self.store = PostgresStore(self.engine)

    async def happen(self, steps: list[Step]) -> None:
        async with statements(self.engine) as connection:
            for table in (leases, intents):
                await connection.execute(delete(table))
        for deed, holder, seconds in steps:
            await self.pass_by(seconds)
            await getattr(self, deed)(holder)
            self.check()

    async def pass_by(self, seconds: int) -> None:
        self.clock.shift += seconds
        self.left -= seconds
        async with statements(self.engine) as connection:
            await connection.execute(AGE, {"by": timedelta(seconds=seconds)})

    async def take(self, holder: str) -> None:
        lease = await self.leases.take(holder)
        assert (lease is None) == (self.left > 0 and self.leader != holder)
        if lease:
            assert lease.token > self.token
            self._forget(holder)
            self.believed[holder] = lease
            self.leader, self.token, self.left = holder, lease.token, LASTS.total_seconds()

    async def renew(self, holder: str) -> None:
        lease = self.believed.get(holder)
        if lease is None:
            return
        if self._is_in_force(lease):
            self.believed[holder] = await self.leases.renew(lease)
            self.left = LASTS.total_seconds()
        else:
            assert await is_refused(self.leases.renew(lease))
            self._forget(holder)

    async def release(self, holder: str) -> None:
        if lease := self.believed.get(holder):
            await self.leases.release(lease)
            self.left = 0 if lease.token == self.token else self.left
            self._forget(holder)

    async def crash(self, holder: str) -> None:
        """Lose what a replica knows; another start of it would have another name, which is as if it kept still."""
        self._forget(holder)

    async def begin(self, holder: str) -> None:
        """Begin something with what a replica believes to have, and with the leases of long ago."""
        for lease in (*self.dead, *filter(None, [self.believed.get(holder)])):
            intent = replace(INTENT, token=lease.token)
            assert await is_refused(self.store.begin(intent)) != self._is_in_force(lease)
            for begun in (await self.store.open_intents(POOL))[:1]:
                next_step = self.store.proceed(replace(begun, token=lease.token), NOW)
                assert await is_refused(next_step) != self._is_in_force(lease)

    def check(self) -> None:
        steady = self.clock.steady()
        acting = [holder for holder, lease in self.believed.items() if lease.outlives(0, steady)]
        assert acting in ([], [self.leader])

    def _is_in_force(self, lease: Lease) -> bool:
        return lease.token == self.token and self.left > 0

    def _forget(self, holder: str) -> None:
        if lease := self.believed.pop(holder, None):
            self.dead.append(lease)


async def is_refused(call: Coroutine[None, None, Any]) -> bool:
    try:
        await call
    except LeaseLost:
        return True
    return False


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("take", "take", "renew", "release", "crash", "begin")),
        st.sampled_from(HOLDERS),
        st.sampled_from((0, 0, 1, 4, 9, 10)),
    ),
    max_size=25,
)


def test_one_replica_at_most_may_act(database_url: str) -> None:
    with connections(database_url) as (run, engine):

        @settings(max_examples=60, deadline=None)
        @given(STEPS)
        def whatever_happens(steps: list[Step]) -> None:
            run(World(engine).happen(steps))

        whatever_happens()


@contextmanager
def connections(url: str) -> Iterator[tuple[Callable[[Coroutine[None, None, None]], None], AsyncEngine]]:
    """Give an event loop to run coroutines in, and connections that belong to it."""
    with asyncio.Runner() as runner:
        opened = connected(url, connections=1)
        engine = runner.run(opened.__aenter__())
        try:
            yield runner.run, engine
        finally:
            runner.run(opened.__aexit__(None, None, None))
