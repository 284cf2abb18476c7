import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from tests.builders import BASE, NOW, POOL
from tests.unit.web.kept import KeptViews
from tide.daemon.history import HistoryKeeper
from tide.domain.errors import Unavailable
from tide.domain.records import HistoryRecord

FIRST = HistoryRecord(POOL, NOW, "TRIGGER", BASE, (), id=1)
SECOND = HistoryRecord(POOL, NOW + timedelta(seconds=1), "MERGE", BASE, (), id=2)


@dataclass
class KeptFile:
    """The port `HistoryFile` in memory: what is unread, and what was written, time by time."""

    unread: tuple[HistoryRecord, ...] = ()
    written: list[tuple[HistoryRecord, ...]] = field(default_factory=list)
    trouble: str = ""
    hangs: bool = False

    async def news(self) -> tuple[HistoryRecord, ...]:
        if self.hangs:
            await asyncio.Event().wait()
        if self.trouble:
            raise Unavailable(self.trouble)
        unread, self.unread = self.unread, ()
        return unread

    async def write(self, records: Sequence[HistoryRecord]) -> None:
        if self.trouble:
            raise Unavailable(self.trouble)
        self.written.append(tuple(records))


class Bench:
    """A keeper between a file and an archive."""

    def __init__(self) -> None:
        self.file, self.archive = KeptFile(), KeptViews()
        self.told: list[str] = []
        self.keeper = HistoryKeeper(self.file, self._add, self.archive, 1000, self.told.append)

    async def _add(self, records: Sequence[HistoryRecord]) -> int:
        start = len(self.archive.records)
        self.archive.records += [replace(record, id=start + place) for place, record in enumerate(records, 1)]
        return len(records)


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_what_was_done_is_written_newest_first_and_once(bench: Bench) -> None:
    bench.archive.records = [FIRST]
    await bench.keeper.keep()
    await bench.keeper.keep()
    bench.archive.records = [FIRST, SECOND]
    await bench.keeper.keep()
    assert bench.file.written == [(FIRST,), (SECOND, FIRST)]


async def test_nothing_is_written_before_anything_was_done(bench: Bench) -> None:
    await bench.keeper.keep()
    assert (bench.file.written, bench.told) == ([], [""])


async def test_what_tide_wrote_meanwhile_is_taken_over_before_the_file_is_written(bench: Bench) -> None:
    bench.archive.records = [FIRST]
    bench.file.unread = (SECOND,)
    await bench.keeper.keep()
    assert bench.file.written == [(SECOND, FIRST)]


async def test_a_failing_write_is_told_tried_again_and_raises_nothing(bench: Bench) -> None:
    bench.archive.records = [FIRST]
    bench.file.trouble = "it is away"
    await bench.keeper.keep()
    bench.file.trouble = ""
    await bench.keeper.keep()
    assert bench.told == ["it is away", ""]
    assert bench.file.written == [(FIRST,)]


async def test_a_file_that_hangs_is_given_up(bench: Bench) -> None:
    bench.archive.records, bench.file.hangs = [FIRST], True
    await bench.keeper.keep(timedelta(0))
    assert bench.told == ["it took longer than 0 s"]
    assert bench.file.written == []


async def test_a_database_that_is_away_stops_nothing(bench: Bench) -> None:
    bench.archive.is_broken = True
    await bench.keeper.keep()
    assert bench.told[0].startswith("connection refused")
