import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

import pytest

from tests.builders import POOL
from tests.unit.daemon.timeline import Timeline
from tide.daemon.hints import HintFollower
from tide.domain.errors import BadAnswer, StoreError, TideError, Unavailable
from tide.domain.keys import Hint, PullKey
from tide.ports.inbox import Delivery

PATIENCE = 10.0
ONE, TWO = PullKey("acme", "rocket", 1), PullKey("acme", "rocket", 2)


@dataclass
class Desk:
    """An inbox over a list, and somebody who looks near what is in it; either may fail."""

    timeline: Timeline = field(default_factory=Timeline)
    hints: dict[int, Hint] = field(default_factory=dict)
    looks: list[set[Hint]] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    trouble: Exception | None = None
    inbox_trouble: Exception | None = None

    def __post_init__(self) -> None:
        self.numbers, self.stopping, self.gate = count(1), asyncio.Event(), asyncio.Event()
        self.gate.set()
        self.follower = HintFollower(self, self._look, self.errors.append, sleep=self.timeline.sleep)

    def put(self, *hints: Hint) -> None:
        self.hints |= {next(self.numbers): hint for hint in hints}

    async def take(self, delivery: Delivery, hint: Hint | None) -> bool:
        raise NotImplementedError  # the follower takes nothing

    async def waiting(self) -> tuple[tuple[int, Hint], ...]:
        if self.inbox_trouble:
            raise self.inbox_trouble
        return tuple(self.hints.items())

    async def done(self, ids: Collection[int]) -> None:
        self.hints = {number: hint for number, hint in self.hints.items() if number not in ids}

    async def _look(self, hints: Collection[Hint]) -> None:
        self.looks.append(set(hints))
        await self.gate.wait()
        if self.trouble:
            raise self.trouble

    @asynccontextmanager
    async def open(self) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.create_task(self.follower.run(self.stopping))
        await self.timeline.go_on()
        try:
            yield task
        finally:
            self.gate.set()
            self.stopping.set()
            await asyncio.wait_for(task, PATIENCE)


async def test_what_waits_at_the_start_is_followed_and_forgotten() -> None:
    desk = Desk()
    desk.put(ONE, POOL, ONE)
    async with desk.open():
        assert desk.looks == [{ONE, POOL}]
        assert desk.hints == {}


async def test_what_another_replica_has_taken_is_found_within_half_a_second() -> None:
    desk = Desk()
    async with desk.open():
        await desk.timeline.go_on(20)
        desk.put(ONE)
        await desk.timeline.go_on(0.5)
        assert desk.looks == [{ONE}]


async def test_what_this_replica_has_taken_is_followed_at_once() -> None:
    desk = Desk()
    async with desk.open():
        desk.put(ONE)
        desk.follower.ring()
        await desk.timeline.go_on()
        assert desk.looks == [{ONE}]


async def test_hints_of_a_burst_are_followed_together() -> None:
    desk = Desk()
    async with desk.open():
        for hint in (ONE, POOL, TWO, POOL):
            desk.put(hint)
            desk.follower.ring()
            await desk.timeline.go_on(0.1)
        await desk.timeline.go_on(1)
        assert desk.looks == [{ONE}, {POOL, TWO}]
        assert desk.hints == {}


async def test_a_hint_that_comes_while_others_are_followed_waits() -> None:
    desk = Desk()
    desk.gate.clear()
    desk.put(ONE)
    async with desk.open():
        desk.put(ONE)
        desk.gate.set()
        await desk.timeline.go_on()
        assert list(desk.hints.values()) == [ONE]
        await desk.timeline.go_on(1)
        assert desk.looks == [{ONE}, {ONE}]
        assert desk.hints == {}


@pytest.mark.parametrize("trouble", [Unavailable("the code host is away"), StoreError("the database is away")])
async def test_hints_wait_while_they_cannot_be_followed(trouble: TideError) -> None:
    desk = Desk(trouble=trouble)
    desk.put(ONE)
    async with desk.open():
        await desk.timeline.go_on(100)
        assert 5 <= len(desk.looks) <= 8  # after 1, 2, 4, 8, 16, 30, 30 ... seconds
        assert desk.errors == [trouble] * len(desk.looks)
        desk.trouble = None
        desk.put(TWO)
        await desk.timeline.go_on(30)
        assert desk.looks[-1] == {ONE, TWO}
        assert desk.hints == {}


async def test_an_inbox_that_cannot_be_read_is_tried_again() -> None:
    desk = Desk(inbox_trouble=StoreError("the database is away"))
    desk.put(ONE)
    async with desk.open():
        await desk.timeline.go_on(10)
        assert desk.looks == []
        desk.inbox_trouble = None
        await desk.timeline.go_on(10)
        assert desk.looks == [{ONE}]


@pytest.mark.parametrize("trouble", [BadAnswer("no such thing"), ValueError("a slip")])
async def test_hints_that_can_never_be_followed_do_not_hold_up_the_others(trouble: Exception) -> None:
    desk = Desk(trouble=trouble)
    desk.put(ONE)
    async with desk.open():
        assert (desk.hints, desk.errors) == ({}, [trouble])
        desk.trouble = None
        desk.put(TWO)
        await desk.timeline.go_on(1)
        assert desk.looks == [{ONE}, {TWO}]


async def test_a_kill_while_hints_are_followed_repeats_them() -> None:
    desk = Desk()
    desk.gate.clear()
    desk.put(ONE)
    killed = asyncio.create_task(desk.follower.run(desk.stopping))
    await desk.timeline.go_on()
    killed.cancel()
    await asyncio.wait({killed})
    desk.gate.set()
    async with desk.open():
        assert desk.looks == [{ONE}, {ONE}]


async def test_stopping_finishes_the_hints_at_hand() -> None:
    desk = Desk()
    desk.gate.clear()
    desk.put(ONE)
    async with desk.open() as task:
        desk.stopping.set()
        await desk.timeline.go_on()
        assert not task.done()
        desk.gate.set()
        await asyncio.wait_for(task, PATIENCE)
    assert desk.hints == {}


async def test_with_nothing_to_do_it_stops_at_once() -> None:
    desk = Desk()
    async with desk.open() as task:
        desk.stopping.set()
        await asyncio.wait_for(task, PATIENCE)
