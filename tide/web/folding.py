"""Decisions that say the same again and again, as one row."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby

from tide.domain.records import DecisionRecord


def folded(records: Iterable[DecisionRecord]) -> Iterator[tuple[DecisionRecord, int]]:
    """Give each run of decisions that look alike as one, with how many they are.

    Args:
        records: newest first. What is given of several is the newest, first seen when the oldest of them was.
    """
    for _, group in groupby(records, key=_looks):
        alike = list(group)
        yield replace(alike[0], first_seen=alike[-1].first_seen), len(alike)


def _looks(record: DecisionRecord) -> tuple[object, ...]:
    return record.pool, record.action, record.reason, record.targets, record.outcome, record.is_dry_run
