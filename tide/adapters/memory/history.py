"""What was done to the pools."""

from collections.abc import Sequence
from dataclasses import replace

from tide.adapters.documents import storable
from tide.adapters.memory.tables import Tables
from tide.domain.records import HistoryRecord


class MemoryHistory:
    """Keeps what was done, here or elsewhere (tide.ports.store.history.History)."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    async def add_history(self, record: HistoryRecord) -> None:
        """Keep what was done, newest first for readers."""
        _add(self.tables, record)

    async def take_over_history(self, records: Sequence[HistoryRecord]) -> int:
        """Keep what was done elsewhere, but for the records that are here already; give how many were not."""
        known = set(map(_name, self.tables.history.values()))
        news = [record for record in records if _name(record) not in known]
        for record in sorted(news, key=lambda record: record.time):
            _add(self.tables, record)
        return len(news)


def _add(tables: Tables, record: HistoryRecord) -> None:
    number = tables.next_id()
    tables.history[number] = storable(replace(record, id=number))


def _name(record: HistoryRecord) -> tuple[object, ...]:
    return record.pool, record.time, record.action, record.base_sha
