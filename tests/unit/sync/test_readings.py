import asyncio
import traceback
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from tide.domain.errors import StoreError
from tide.domain.keys import PoolKey
from tide.sync.readings import Readings
from tide.sync.refresh import Blockers, Refreshed

FACTS = Refreshed(datetime(2026, 1, 1, tzinfo=UTC), frozenset(), Blockers({}, {}))
POOLS = [PoolKey("acme", f"part-{number}", "main") for number in range(500)]


@dataclass
class Reader:
    asked: list[frozenset[PoolKey]] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    errors: list[Exception] = field(default_factory=list)

    async def read(self, pools: Collection[PoolKey]) -> Refreshed:
        self.asked.append(frozenset(pools))
        self.begun.set()
        await self.gate.wait()
        if self.errors:
            raise self.errors.pop()
        return FACTS


def in_one_line(reader: Reader) -> Readings:
    return Readings(reader.read, lambda _pool: "")


async def test_pools_that_are_woken_together_are_read_together() -> None:
    reader = Reader()
    reader.gate.set()
    readings = in_one_line(reader)
    await asyncio.gather(*map(readings.of, POOLS))
    assert reader.asked == [frozenset(POOLS)]


async def test_one_that_asks_while_others_are_read_is_read_after_them() -> None:
    reader = Reader()
    readings = in_one_line(reader)
    first = asyncio.create_task(readings.of(POOLS[0]))
    await reader.begun.wait()
    later = [asyncio.create_task(readings.of(pool)) for pool in POOLS[:3]]
    reader.gate.set()
    await asyncio.gather(first, *later)
    assert reader.asked == [{POOLS[0]}, set(POOLS[:3])]


async def test_all_that_are_read_together_are_told_of_an_error_and_the_next_reading_is_made() -> None:
    reader = Reader(errors=[StoreError("away")])
    reader.gate.set()
    readings = in_one_line(reader)
    found = await asyncio.gather(*map(readings.of, POOLS[:3]), return_exceptions=True)
    assert [str(one) for one in found] == ["away"] * 3
    assert await readings.of(POOLS[0]) is FACTS


async def test_what_went_wrong_does_not_grow_with_those_who_are_told() -> None:
    reader = Reader(errors=[error := StoreError("away")])
    reader.gate.set()
    readings = in_one_line(reader)
    await asyncio.gather(*map(readings.of, POOLS), return_exceptions=True)
    assert len(traceback.extract_tb(error.__traceback__)) < 10


async def test_a_line_does_not_wait_for_another_one() -> None:
    slow, other = Reader(), PoolKey("umbrella", "orbit", "main")

    async def read(pools: Collection[PoolKey]) -> Refreshed:
        return FACTS if other in pools else await slow.read(pools)

    readings = Readings(read, lambda pool: pool.org)
    held_up = asyncio.create_task(readings.of(POOLS[0]))
    await slow.begun.wait()
    assert await readings.of(other) is FACTS
    assert not held_up.done()
    slow.gate.set()
    assert await held_up is FACTS
    assert slow.asked == [{POOLS[0]}]


async def test_one_that_reads_for_all_and_is_cut_short_leaves_it_to_the_next() -> None:
    reader = Reader()
    readings = in_one_line(reader)
    first, second = (asyncio.create_task(readings.of(pool)) for pool in POOLS[:2])
    await reader.begun.wait()
    first.cancel()
    reader.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await second is FACTS
    assert reader.asked == [set(POOLS[:2])] * 2
