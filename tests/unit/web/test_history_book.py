"""Tide's history as the page tells it to programs."""

import asyncio
import gzip
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from tests.builders import NOW
from tests.unit.web.kept import ORBIT, ROCKET, KeptViews, StandingClock, history_of
from tide.adapters.history.tide_json import history_json
from tide.domain.errors import StoreError
from tide.domain.records import TIDE_ACTIONS, HistoryRecord, HistoryState
from tide.web.history_book import HistoryBook, WrittenHistory
from tide.web.last_known import LastKnown


@dataclass
class ReadViews(KeptViews):
    """Views that count what is read of the history; records keep the ids that they were given."""

    read: list[int] = field(default_factory=list)
    breaks_after: int | None = None

    async def history_state(self) -> HistoryState:
        self._check()
        return HistoryState(len(self.records), max((record.id for record in self.records), default=0))

    async def history_after(self, newest: int, limit: int) -> tuple[HistoryRecord, ...]:
        self._check()
        if self.breaks_after is not None and len(self.read) >= self.breaks_after:
            raise StoreError("gone in the middle")
        found = sorted((one for one in self.records if one.id > newest), key=lambda one: one.id)[:limit]
        self.read += [one.id for one in found]
        return tuple(found)

    def add(self, number: int, minutes: int, action: str = "MERGE") -> None:
        record = history_of(ROCKET if number % 3 else ORBIT, action, minutes, [], f"Number {number}.", f"<{number}>")
        self.records.append(replace(record, id=number))


class Shelf:
    """A book over views, with a clock."""

    def __init__(self, limit: int = 1000) -> None:
        self.views, self.clock, self.limit = ReadViews(), StandingClock(), limit
        known = LastKnown(self.views, self.clock)
        self.book = HistoryBook(known.reading, self.clock, limit)

    async def get(self) -> WrittenHistory:
        return await self.book.get()

    async def text(self) -> bytes:
        body = (await self.get()).body
        whole = b"".join(map(bytes, body.pieces()))
        assert len(whole) == body.length
        assert gzip.decompress(body.compressed) == whole
        return whole

    def expected(self) -> bytes:
        told = [one for one in self.views.records if one.action in TIDE_ACTIONS]
        newest = sorted(told, key=lambda one: (one.time, one.id), reverse=True)
        pools = {one.pool for one in newest}
        return history_json([one for pool in pools for one in [it for it in newest if it.pool == pool][: self.limit]])


@pytest.fixture
def shelf() -> Shelf:
    shelf = Shelf()
    for number in range(1, 1200):
        shelf.views.add(number, 5000 - number)
    return shelf


async def test_it_is_written_as_tide_writes_it(shelf: Shelf) -> None:
    assert await shelf.text() == shelf.expected()


async def test_without_any_record_it_is_empty() -> None:
    assert await Shelf().text() == b"{}"


async def test_it_is_kept_until_there_is_a_new_record_and_then_only_that_is_read(shelf: Shelf) -> None:
    first = await shelf.get()
    assert await shelf.get() is first
    assert len(shelf.views.read) == 1199
    shelf.views.add(1200, 1)
    assert await shelf.text() == shelf.expected()
    assert shelf.views.read[1199:] == [1200]


async def test_of_each_pool_the_newest_are_told() -> None:
    shelf = Shelf(limit=5)
    for number in range(1, 40):
        shelf.views.add(number, 500 - number, "MERGE" if number % 4 else "TEST_FAILED")
    assert await shelf.text() == shelf.expected()
    for number in range(40, 60):
        shelf.views.add(number, 500 - number)
        assert await shelf.text() == shelf.expected()


async def test_a_record_of_earlier_that_comes_late_stands_in_its_place(shelf: Shelf) -> None:
    await shelf.text()
    shelf.views.add(1300, 4000)
    assert await shelf.text() == shelf.expected()


async def test_a_record_whose_id_was_given_before_is_seen_too(shelf: Shelf) -> None:
    held_back = shelf.views.records.pop(-2)
    await shelf.text()
    shelf.views.records.append(held_back)
    assert await shelf.text() == shelf.expected()
    shelf.views.add(1201, 1)
    assert await shelf.text() == shelf.expected()


async def test_records_that_are_gone_are_told_no_more(shelf: Shelf) -> None:
    await shelf.text()
    del shelf.views.records[:100]
    assert await shelf.text() == shelf.expected()
    del shelf.views.records[:3]
    for number in range(2000, 2003):
        shelf.views.add(number, 1)
    assert await shelf.text() == shelf.expected()


async def test_while_the_store_is_lost_it_is_told_whole_with_its_age(shelf: Shelf) -> None:
    whole = await shelf.text()
    shelf.views.is_broken, shelf.clock.moment = True, NOW + timedelta(minutes=4)
    assert (await shelf.get()).as_of == NOW
    assert await shelf.text() == whole


async def test_what_was_never_read_whole_is_an_error(shelf: Shelf) -> None:
    shelf.views.breaks_after = 500
    for _ in range(2):
        with pytest.raises(StoreError):
            await shelf.get()
    shelf.views.breaks_after = None
    assert await shelf.text() == shelf.expected()


@pytest.mark.parametrize("steps", range(8, 16))
async def test_what_was_being_written_for_one_who_went_away_is_told_once(shelf: Shelf, steps: int) -> None:
    asked = asyncio.create_task(shelf.get())
    for _ in range(steps):
        await asyncio.sleep(0)
    asked.cancel()
    await asyncio.wait([asked])
    assert await shelf.text() == shelf.expected()
    shelf.views.add(1200, 1)
    assert await shelf.text() == shelf.expected()


async def test_what_was_written_before_one_that_cannot_be_is_told_once(shelf: Shelf) -> None:
    shelf.views.records[700] = replace(good := shelf.views.records[700], time=None)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        await shelf.get()
    shelf.views.records[700] = good
    assert await shelf.text() == shelf.expected()
