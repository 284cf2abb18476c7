"""Tide's history as its JSON, each record of it written once.

The whole may be tens of megabytes and is asked for again and again, by Deck every ten seconds. So what is written
stays, and only what was done since is read and written.
"""

import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from starlette.concurrency import run_in_threadpool

from tide.adapters.fresh import Fresh
from tide.adapters.history.tide_json import written_record
from tide.domain.errors import StoreError
from tide.domain.records import HistoryRecord, HistoryState
from tide.golang.json_writer import go_json
from tide.ports.clock import Clock
from tide.web.bodies import COMMA, Body, compressed_section
from tide.web.last_known import Reading

_AT_ONCE = 500  # records: they take a few milliseconds of the event loop
_IN_A_PIECE = 200
_BEGIN, _END = (compressed_section([part]) for part in (b"{", b"}"))
_EPOCH, _MICROSECOND, _IDS = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1), 2**63


@dataclass(frozen=True, slots=True)
class WrittenHistory:
    """The whole history as it was read; `as_of` is the moment of that where it cannot be read now."""

    body: Body
    as_of: datetime | None = None


@dataclass(slots=True)
class _Page:
    """The newest records of one pool, oldest first, without those that Tide does not tell.

    They stay as they are: a thread may go on reading or writing for somebody who has long gone away. `told` is what it
    is in the history, None until somebody asks, and `section` the same compressed.
    """

    marks: list[int] = field(default_factory=list)
    written: list[bytes] = field(default_factory=list)
    told: tuple[bytes, ...] | None = None
    section: bytes = b""

    def followed_by(self, records: Sequence[HistoryRecord], limit: int) -> "_Page":
        """Give a page that has these records too."""
        marks, written = self.marks.copy(), self.written.copy()
        for record in records:
            # One number each: a hundred thousand small objects would be walked by every collection of garbage.
            mark = (record.time - _EPOCH) // _MICROSECOND * _IDS + record.id
            if told := written_record(record):
                place = bisect.bisect(marks, mark)
                marks.insert(place, mark)
                written.insert(place, told)
        return _Page(marks[-limit:], written[-limit:])

    def tell(self, name: str) -> tuple[bytes, ...]:
        """Give the records that Tide tells, newest first, none where there is none."""
        if self.told is None:
            told = tuple(reversed(self.written))
            self.section = compressed_section(_pieces(name, told))
            self.told = told  # last: whoever finds it finds the section
        return self.told


class HistoryBook:
    """Gives Tide's `/history`, whole or not at all: the newest `limit` records of each pool.

    Args:
        reading: gives the views of one request.
        clock: tells when it was read.
        limit: how many records of each pool it tells.
    """

    def __init__(self, reading: Callable[[], Reading], clock: Clock, limit: int) -> None:
        self._reading = reading
        self._clock = clock
        self._limit = limit
        self._pages: dict[str, _Page] = {}
        self._read = HistoryState(0, 0)
        self._read_at: datetime | None = None
        self._written = Fresh(self._refreshed, self._bound)

    async def get(self) -> WrittenHistory:
        """Give the history as it is now, or as it was last read where the store fails.

        Raises:
            StoreError: the store fails, and it has never been read.
        """
        return await self._written.get()

    async def _refreshed(self) -> tuple[HistoryState, datetime | None]:
        """Take in what was done meanwhile; tell what is there, and as of when if that is not now."""
        views = self._reading()
        try:
            state = await views.history_state(in_haste=self._read_at is not None)
            if state != self._read:
                await self._take_in(views, state)
        except StoreError:
            if self._read_at is None:
                raise
            return self._read, self._read_at
        self._read_at = self._clock.now()
        return self._read, None

    async def _take_in(self, views: Reading, state: HistoryState) -> None:
        """Read the records after the newest; all of them where others have come or gone meanwhile."""
        await self._read_on(views)
        if self._read.count < state.count or (self._read != state and self._read != await views.history_state()):
            self._pages, self._read, self._read_at = {}, HistoryState(0, 0), None
            await self._read_on(views)

    async def _read_on(self, views: Reading) -> None:
        while records := await views.history_after(self._read.newest, _AT_ONCE):
            pages = await run_in_threadpool(self._with, records)
            # In one step: what was written counts as read, or is written again.
            self._pages, self._read = pages, HistoryState(self._read.count + len(records), records[-1].id)

    def _with(self, records: Sequence[HistoryRecord]) -> dict[str, _Page]:
        """Give the pages that have these records too."""
        by_pool: dict[str, list[HistoryRecord]] = {}
        for record in records:
            by_pool.setdefault(str(record.pool), []).append(record)
        pages = self._pages
        return pages | {name: pages.get(name, _Page()).followed_by(new, self._limit) for name, new in by_pool.items()}

    async def _bound(self, read: tuple[HistoryState, datetime | None]) -> WrittenHistory:
        return WrittenHistory(await run_in_threadpool(self._body), read[1])

    def _body(self) -> Body:
        pools = [(name, page.tell(name), page.section) for name, page in sorted(self._pages.items())]
        shown = [(name, told, section) for name, told, section in pools if told]
        listed = [(name, told) for name, told, _ in shown]
        between = [COMMA.compressed] * (len(shown) - 1) + [b""]
        sections = [part for (_, _, section), comma in zip(shown, between, strict=False) for part in (section, comma)]
        return Body.of_sections(lambda: _all_pieces(listed), [_BEGIN, *sections, _END])


def _all_pieces(pools: Sequence[tuple[str, Sequence[bytes]]]) -> Iterator[bytes]:
    yield b"{"
    for place, (name, told) in enumerate(pools):
        if place:
            yield b","
        yield from _pieces(name, told)
    yield b"}"


def _pieces(name: str, told: Sequence[bytes]) -> Iterator[bytes]:
    yield go_json(name) + b":["
    for start in range(0, len(told), _IN_A_PIECE):
        yield (b"," if start else b"") + b",".join(told[start : start + _IN_A_PIECE])
    yield b"]"
