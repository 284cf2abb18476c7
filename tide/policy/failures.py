"""What the history tells of tests that failed: which job, of what, and who was found guilty of a batch's failure."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from tide.domain.keys import PoolKey
from tide.domain.records import BATCH_FAILED, TEST_FAILED, HistoryRecord, HistoryTarget
from tide.domain.runs import Purpose, Run, RunKind
from tide.domain.snapshot import Snapshot
from tide.policy.results import Member, Result, result_of
from tide.policy.wording import enumerated, numbered

_ALONE = {Purpose.FIRST: "Its first run, on {}.", Purpose.RETEST: "Tested alone on {}."}


def failed_tests(snapshot: Snapshot, ended: Iterable[Run], now: datetime) -> tuple[HistoryRecord, ...]:
    """Tell of the heads of which a test of ours has just failed, one record each, by ascending number.

    Args:
        snapshot: what was read with it.
        ended: the runs that have ended since they were last seen.
        now: the moment.
    """
    failed: dict[tuple[Member, str], list[Run]] = {}
    for run in ended:
        if run.purpose in _ALONE and len(run.heads) == 1 and result_of(run) is Result.FAILED:
            failed.setdefault((run.heads[0], run.base_sha), []).append(run)
    return tuple(_test_failed(snapshot, member, failed[member, base], now) for member, base in sorted(failed))


def batch_failed(snapshot: Snapshot, members: Sequence[Member], failed: Sequence[str], now: datetime) -> HistoryRecord:
    """Tell of a batch that has just failed; `failed` are the contexts that did."""
    return HistoryRecord(
        pool=snapshot.pool,
        time=now,
        action=BATCH_FAILED,
        base_sha=snapshot.base_sha,
        targets=tuple(_target(snapshot, member) for member in sorted(members)),
        error=_told(failed),
        reason=f"Tested together on {_place(snapshot.pool, snapshot.base_sha)}.",
    )


def failed_contexts(members: Sequence[Member], runs: Iterable[Run]) -> tuple[str, ...]:
    """Name the contexts that failed on a batch, sorted."""
    heads = tuple(members)
    batch = (run for run in runs if run.kind is RunKind.BATCH and run.heads == heads)
    return tuple(sorted({run.context for run in batch if result_of(run) is Result.FAILED}))


def _test_failed(snapshot: Snapshot, member: Member, runs: Sequence[Run], now: datetime) -> HistoryRecord:
    first, failed = runs[0], sorted({run.context for run in runs})
    return HistoryRecord(
        pool=snapshot.pool,
        time=now,
        action=TEST_FAILED,
        base_sha=first.base_sha,
        targets=(_target(snapshot, member),),
        error=f"{_told(failed)}{_guilt(snapshot, member, failed)}",
        reason=_ALONE[first.purpose].format(_place(snapshot.pool, first.base_sha)),
    )


def _guilt(snapshot: Snapshot, member: Member, failed: Sequence[str]) -> str:
    """Say which batch, the largest that is remembered, failed as this member does alone."""
    just_now = {run.heads for run in snapshot.runs if run.kind is RunKind.BATCH and result_of(run) is Result.FAILED}
    batches = [members for members in (*snapshot.failed_batches, *sorted(just_now)) if member in members]
    for members in sorted(batches, key=len, reverse=True):
        together = failed_contexts(members, snapshot.runs)
        # Of one on an earlier base only that it failed may be known.
        if not together or not set(failed).isdisjoint(together):
            return f", which is what made the batch of {numbered(number for number, _ in members)} fail"
    return ""


def _target(snapshot: Snapshot, member: Member) -> HistoryTarget:
    number, sha = member
    pull = next((one.pull for one in snapshot.pulls if one.pull.number == number), None)
    return replace(HistoryTarget.of(pull), sha=sha) if pull else HistoryTarget(number, "", sha, "", "")


def _told(failed: Sequence[str]) -> str:
    return f"{enumerated(failed)} failed"


def _place(pool: PoolKey, base_sha: str) -> str:
    return f"{pool.branch} at {base_sha[:7]}"
