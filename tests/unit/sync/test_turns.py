import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from tide.domain.keys import PoolKey
from tide.sync.turns import Line, Turns


def pool(number: int) -> PoolKey:
    return PoolKey("acme", f"part-{number}", "main")


@dataclass
class Crowd:
    """Turns that are had at once, until the test lets them go."""

    most: int
    begun: list[tuple[Line, int]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    gates: dict[int, asyncio.Event] = field(default_factory=dict)
    tasks: dict[int, asyncio.Task[None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.turns = Turns(lambda: self.most)

    def come(self, line: Line, number: int, *, of: int | None = None) -> None:
        self.gates[number] = asyncio.Event()
        self.tasks[number] = asyncio.create_task(self._turn(line, number, pool(number if of is None else of)))

    async def _turn(self, line: Line, number: int, its_pool: PoolKey) -> None:
        async with self.turns.alone(its_pool), self.turns.place(line):
            self.begun.append((line, number))
            self.at_once += 1
            self.most_at_once = max(self.at_once, self.most_at_once)
            try:
                await self.gates[number].wait()
            finally:
                self.at_once -= 1

    async def settled(self) -> None:
        """Let all go as far as they can."""
        for _ in range(20):
            await asyncio.sleep(0)

    async def end(self) -> None:
        for gate in self.gates.values():
            gate.set()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)


async def test_never_more_than_so_many_pools_have_a_turn() -> None:
    crowd = Crowd(most=7)
    for number in range(500):
        crowd.come(Line.LOOK if number % 2 else Line.ROUND, number)
    await crowd.settled()
    assert crowd.at_once == 7
    await crowd.end()
    assert len(crowd.begun) == 500
    assert crowd.most_at_once == 7


async def test_one_that_is_looked_at_does_not_wait_for_a_whole_round_nor_a_round_for_all_looks() -> None:
    crowd = Crowd(most=1)
    for number in range(10):
        crowd.come(Line.ROUND, number)
    await crowd.settled()
    for number in range(10, 20):
        crowd.come(Line.LOOK, number)
    await crowd.settled()
    await crowd.end()
    lines = [line for line, _ in crowd.begun]
    assert lines[:6] == [Line.ROUND, Line.LOOK, Line.ROUND, Line.LOOK, Line.ROUND, Line.LOOK]
    assert [number for line, number in crowd.begun if line is Line.LOOK] == list(range(10, 20))


async def test_who_waits_for_a_pool_takes_no_place_away() -> None:
    crowd = Crowd(most=2)
    crowd.come(Line.LOOK, 0)
    await crowd.settled()
    crowd.come(Line.LOOK, 1, of=0)
    crowd.come(Line.ROUND, 2)
    await crowd.settled()
    assert [number for _, number in crowd.begun] == [0, 2]
    await crowd.end()
    assert len(crowd.begun) == 3


async def test_a_changed_bound_holds_from_then_on() -> None:
    crowd = Crowd(most=1)
    for number in range(8):
        crowd.come(Line.ROUND, number)
    await crowd.settled()
    crowd.most = 4
    crowd.gates[0].set()
    await crowd.settled()
    assert crowd.at_once == 4
    crowd.most = 2
    crowd.gates[1].set()
    crowd.gates[2].set()
    await crowd.settled()
    assert crowd.at_once == 2
    await crowd.end()


async def test_who_gives_up_leaves_a_place_to_others() -> None:
    crowd = Crowd(most=1)
    for number in range(4):
        crowd.come(Line.ROUND, number)
    await crowd.settled()
    crowd.tasks[1].cancel()  # waits
    crowd.gates[0].set()
    crowd.tasks[2].cancel()  # is about to get the place
    await crowd.settled()
    assert [number for _, number in crowd.begun] == [0, 3]
    await crowd.end()


async def test_one_that_is_given_a_place_in_the_moment_of_its_end_gives_it_back() -> None:
    turns = Turns(lambda: 1)
    first = turns.place(Line.LOOK)
    await first.__aenter__()
    waiting = asyncio.create_task(turns.place(Line.LOOK).__aenter__())
    await asyncio.sleep(0)
    await first.__aexit__(None, None, None)
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting
    async with asyncio.timeout(10), turns.place(Line.LOOK):
        pass


async def test_nothing_is_left_of_a_pool_that_nobody_wants() -> None:
    crowd = Crowd(most=3)
    for number in range(6):
        crowd.come(Line.LOOK, number, of=number % 2)
    await crowd.settled()
    assert crowd.turns.busy == {pool(0), pool(1)}
    crowd.gates[0].set()
    await crowd.settled()
    assert crowd.turns.is_busy(pool(0)), "others wait for it"
    await crowd.end()
    assert crowd.turns.busy == frozenset()
