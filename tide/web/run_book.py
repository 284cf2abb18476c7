"""The tests of what was done: beside a batch or a record stand the runs that it is about, so that a log is at hand."""

from collections.abc import Collection, Iterable

from tide.domain.evidence import Batch
from tide.domain.pulls import Pull
from tide.domain.records import HistoryRecord
from tide.domain.runs import Base, Run
from tide.ports.views import Views
from tide.web.last_known import Reading

_Tested = tuple[Base, frozenset[tuple[int, str]]]
_MERGES = ("MERGE", "MERGE_BATCH")
# So many of a head are looked at, of which each job's newest is told.
_RUNS_OF_HEAD = 100


def bases_of(batches: Iterable[Batch], records: Iterable[HistoryRecord]) -> Collection[Base]:
    """Name the heads of branches on which these were tested."""
    return {
        *(Base(batch.pool, batch.base_sha) for batch in batches),
        *(Base(record.pool, record.base_sha) for record in records if record.action not in _MERGES),
    }


def newest(runs: Iterable[Run]) -> tuple[Run, ...]:
    """Give the first run of each context and kind, those that failed before the others.

    Args:
        runs: newest first.
    """
    found: dict[tuple[str, str], Run] = {}
    for run in runs:
        found.setdefault((run.kind, run.context), run)
    return tuple(sorted(found.values(), key=lambda run: (not run.state.is_failed, run.context, run.kind)))


class RunBook:
    """Finds the runs of batches and of records among runs, newest first."""

    def __init__(self, runs: Iterable[Run]) -> None:
        self._runs: dict[_Tested, list[Run]] = {}
        for run in runs:
            self._runs.setdefault((run.base, frozenset(run.heads)), []).append(run)

    def of_batch(self, batch: Batch) -> tuple[Run, ...]:
        """Give the newest run of each job of a batch."""
        return newest(self._runs.get((Base(batch.pool, batch.base_sha), frozenset(batch.members)), ()))

    def of_record(self, record: HistoryRecord) -> tuple[Run, ...]:
        """Give the newest run of each job of what a record is about; none of what was merged."""
        if record.action in _MERGES:
            return ()
        heads = frozenset((target.number, target.sha) for target in record.targets)
        return newest(self._runs.get((Base(record.pool, record.base_sha), heads), ()))


async def run_book_of(
    views: Views | Reading, records: Iterable[HistoryRecord], batches: Iterable[Batch] = ()
) -> RunBook:
    """Read the tests of what was done."""
    return RunBook(await views.runs_on(bases_of(batches, records)))


async def newest_of_head(views: Views | Reading, pull: Pull) -> tuple[Run, ...]:
    """Read the newest run of each job on the head of a pull request, those that failed before the others."""
    return newest(await views.runs_of_head(pull.key, pull.head_sha, _RUNS_OF_HEAD))
