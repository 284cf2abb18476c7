"""The statuses that Prow's Tide would write for the same decisions (Prow: status.go expectedStatus, tide.go mergePRs).

Of a pull request in the pool it tells whether each required job has passed alone on this base, and nothing of batches;
of the others what we tell. Before a merge it writes that it is in the pool, where the head does not show that.
"""

from dataclasses import dataclass, field

from tide.domain.actions import Merge, MergeBatch, targets_of
from tide.domain.decisions import Decision, Place
from tide.domain.keys import PullKey

_POOLED, _RETESTING = "In merge pool.", "Retesting."


@dataclass(slots=True)
class TideStatuses:
    """Counts the writes: `for_merges` those without which GitHub might refuse a merge, `others` the rest."""

    for_merges: int = 0
    others: int = 0
    _shown: dict[tuple[PullKey, str], str] = field(default_factory=dict)

    def decided(self, decision: Decision) -> None:
        """Count what a decision changes."""
        landing = {target.member for target in targets_of(decision.action)}
        is_merge = isinstance(decision.action, Merge | MergeBatch)
        for verdict in decision.verdicts:
            is_landing = is_merge and (verdict.pull.number, verdict.head_sha) in landing
            in_pool = _POOLED if verdict.place is Place.PASSING or is_landing else _RETESTING
            text = verdict.summary if verdict.place is Place.OUTSIDE else in_pool
            head = (verdict.pull, verdict.head_sha)
            if self._shown.get(head) != text:
                self._shown[head] = text
                self.for_merges += is_landing
                self.others += not is_landing
