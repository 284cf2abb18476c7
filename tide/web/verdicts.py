"""The answer about one pull request as it stands in the store: the last verdict, or why there is none."""

from dataclasses import replace

from tide.domain.decisions import Place, Verdict, VerdictKind
from tide.domain.records import PullRecord
from tide.policy.explain import CLOSED, MERGED, NOT_MERGEABLE, REOPEN


def reason_of(verdict: Verdict) -> str:
    """Give the reason of a verdict without how a commit status begins: a reader sees that from where it stands."""
    return verdict.summary.removeprefix(NOT_MERGEABLE)


def verdict_of(record: PullRecord) -> Verdict:
    """Give the verdict to show: a merged or closed pull request needs no rules to be explained.

    A verdict about an earlier head is told as such, for it may not hold for this one.
    """
    pull, verdict = record.pull, record.verdict
    if pull.is_merged:
        return _plain(record, VerdictKind.MERGED, MERGED)
    if not pull.is_open:
        return _plain(record, VerdictKind.BLOCKED, CLOSED, REOPEN)
    if verdict is None:
        return _plain(record, VerdictKind.UNKNOWN, "It has been read, but no sync has decided about it yet.")
    if verdict.head_sha != pull.head_sha:
        return replace(verdict, summary=f"{verdict.summary} (Said of the earlier head {verdict.head_sha[:7]}.)")
    return verdict


def _plain(record: PullRecord, kind: VerdictKind, summary: str, *unblock: str) -> Verdict:
    pull = record.pull
    return Verdict(pull.key, pull.head_sha, kind, Place.OUTSIDE, summary, unblock=unblock)
