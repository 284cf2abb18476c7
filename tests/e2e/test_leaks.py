"""Many rounds later the daemon holds no more than it did after a few."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.e2e.in_process import Rounds, place

FEW, MANY = 20, 100
# A connection two more or less are open by chance; a leak in 100 rounds makes a hundred.
CHANCE = 8


@dataclass(frozen=True)
class Holdings:
    """What a process holds of the system."""

    files: int
    tasks: int
    threads: int
    children: int

    @classmethod
    def now(cls) -> "Holdings":
        return cls(
            files=len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - iterdir would hold one more
            tasks=len(asyncio.all_tasks()),
            threads=len(os.listdir("/proc/self/task")),  # noqa: PTH208 - as above
            children=sum(len(path.read_text().split()) for path in Path("/proc/self/task").glob("*/children")),
        )


async def test_it_holds_no_more_after_many_rounds_than_after_a_few(database_url: str) -> None:
    async with place(database_url) as here, here.daemon() as (daemon, page), httpx.AsyncClient() as browser:
        rounds = Rounds(daemon)
        await rounds.make(FEW)
        await browser.get(page)
        few = Holdings.now()
        for _ in range(10):
            assert (await browser.get(page, headers={"Accept": "text/html"})).is_success
            await rounds.make(MANY // 10)
        many = Holdings.now()
        assert daemon.sync.errors == ()
    assert many.files <= few.files + CHANCE, (few, many)
    assert many.tasks <= few.tasks + CHANCE, (few, many)
    assert many.threads <= few.threads + CHANCE, (few, many)
    assert many.children <= few.children + CHANCE, (few, many)
