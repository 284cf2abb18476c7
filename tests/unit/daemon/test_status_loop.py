import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from tests.unit.daemon.timeline import Timeline
from tide.daemon.status_loop import REST_SECONDS, StatusLoop
from tide.domain.errors import LeaseLost, StoreError

PERIOD = 60.0


@dataclass
class Desk:
    """A loop whose rounds are counted, and may fail or take long."""

    timeline: Timeline = field(default_factory=Timeline)
    rounds: list[float] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    trouble: Exception | None = None

    def __post_init__(self) -> None:
        self.stopping, self.gate = asyncio.Event(), asyncio.Event()
        self.gate.set()
        self.loop = StatusLoop(
            self._round, lambda: timedelta(seconds=PERIOD), self.errors.append, sleep=self.timeline.sleep
        )

    async def _round(self, is_stopping: Callable[[], bool]) -> None:
        self.rounds.append(self.timeline.seconds)
        while not (self.gate.is_set() or is_stopping()):
            await self.timeline.sleep(1)
        if self.trouble:
            raise self.trouble

    @asynccontextmanager
    async def open(self) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.create_task(self.loop.run(self.stopping))
        await self.timeline.go_on()
        try:
            yield task
        finally:
            self.stopping.set()
            await self.timeline.go_on(1)
            await task


async def test_a_round_is_made_at_once_and_then_every_period() -> None:
    desk = Desk()
    async with desk.open():
        await desk.timeline.go_on(2 * (PERIOD + REST_SECONDS))
        assert desk.rounds == [1000.0, 1000 + PERIOD + REST_SECONDS, 1000 + 2 * (PERIOD + REST_SECONDS)]


async def test_what_rings_within_a_moment_is_one_round() -> None:
    desk = Desk()
    async with desk.open():
        for _ in range(3):
            desk.loop.ring()
        await desk.timeline.go_on(REST_SECONDS)
        assert len(desk.rounds) == 2


async def test_what_rings_during_a_round_has_another_one_made() -> None:
    desk = Desk()
    desk.gate.clear()
    async with desk.open():
        desk.loop.ring()
        desk.gate.set()
        await desk.timeline.go_on(1 + REST_SECONDS)
        assert len(desk.rounds) == 2


@pytest.mark.parametrize("trouble", [StoreError("down"), LeaseLost("lost"), RuntimeError("a bug")])
async def test_a_round_that_fails_is_told_and_the_next_one_is_made(trouble: Exception) -> None:
    desk = Desk(trouble=trouble)
    async with desk.open():
        desk.trouble = None
        desk.loop.ring()
        await desk.timeline.go_on(REST_SECONDS)
        assert desk.errors == [trouble]
        assert len(desk.rounds) == 2


async def test_a_round_is_told_to_stop() -> None:
    desk = Desk()
    desk.gate.clear()
    async with desk.open() as task:
        desk.stopping.set()
        await desk.timeline.go_on(1)
        assert task.done()
        assert len(desk.rounds) == 1
