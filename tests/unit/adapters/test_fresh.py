import asyncio
from dataclasses import dataclass, field

import pytest

from tide.adapters.fresh import Fresh


@dataclass
class Kitchen:
    """Reads what stands in `state` and makes a list of it; both only when they are let to."""

    state: str = "one"
    reads: int = 0
    makes: int = 0
    may_read: asyncio.Event = field(default_factory=asyncio.Event)
    trouble: Exception | None = None

    def __post_init__(self) -> None:
        self.may_read.set()
        self.fresh = Fresh(self.read, self.make)

    async def read(self) -> str:
        self.reads += 1
        state = self.state
        await self.may_read.wait()
        if self.trouble:
            raise self.trouble
        return state

    async def make(self, state: str) -> list[str]:
        self.makes += 1
        return [state]


async def turn() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_an_equal_reading_gives_the_value_that_is_there() -> None:
    kitchen = Kitchen()
    first = await kitchen.fresh.get()
    assert await kitchen.fresh.get() is first
    assert (kitchen.reads, kitchen.makes) == (2, 1)


async def test_another_reading_makes_another_value() -> None:
    kitchen = Kitchen()
    await kitchen.fresh.get()
    kitchen.state = "two"
    assert await kitchen.fresh.get() == ["two"]


async def test_however_many_ask_at_once_it_is_read_at_most_twice() -> None:
    kitchen = Kitchen()
    kitchen.may_read.clear()
    asking = [asyncio.create_task(kitchen.fresh.get()) for _ in range(50)]
    await turn()
    kitchen.may_read.set()
    assert await asyncio.gather(*asking) == [["one"]] * 50
    assert (kitchen.reads, kitchen.makes) == (2, 1)


async def test_who_asks_while_it_is_read_gets_what_was_read_after_that() -> None:
    kitchen = Kitchen()
    kitchen.may_read.clear()
    early = asyncio.create_task(kitchen.fresh.get())
    await turn()
    kitchen.state = "two"
    late = asyncio.create_task(kitchen.fresh.get())
    await turn()
    kitchen.may_read.set()
    assert (await early, await late) == (["one"], ["two"])


async def test_trouble_is_told_to_all_who_waited_and_tried_again_for_the_next() -> None:
    kitchen = Kitchen(trouble=OSError("gone"))
    kitchen.may_read.clear()
    asking = [asyncio.create_task(kitchen.fresh.get()) for _ in range(20)]
    await turn()
    kitchen.may_read.set()
    told = await asyncio.gather(*asking, return_exceptions=True)
    assert [str(error) for error in told] == ["gone"] * 20
    assert kitchen.reads == 2
    kitchen.trouble = None
    assert await kitchen.fresh.get() == ["one"]


async def test_who_leaves_takes_nothing_from_those_who_wait() -> None:
    kitchen = Kitchen()
    kitchen.may_read.clear()
    leaving, staying = [asyncio.create_task(kitchen.fresh.get()) for _ in range(2)]
    await turn()
    leaving.cancel()
    kitchen.may_read.set()
    assert await staying == ["one"]
    with pytest.raises(asyncio.CancelledError):
        await leaving
