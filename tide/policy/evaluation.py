"""Everything that follows from a snapshot before anything is chosen."""

from collections.abc import Iterable
from dataclasses import dataclass

from tide.domain.actions import Target
from tide.domain.decisions import Place
from tide.domain.snapshot import Snapshot
from tide.policy.assessment import Assessment, assess_all
from tide.policy.order import rank
from tide.policy.results import Member, Results
from tide.policy.tally import Batches, tally_batches


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A snapshot, and what was found in it.

    `assessments` are of all its pull requests, `pool` of those that are in the pool; both by ascending number.
    """

    snapshot: Snapshot
    results: Results
    assessments: tuple[Assessment, ...]
    pool: tuple[Assessment, ...]
    batches: Batches

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Evaluation":
        """Judge every pull request and every batch of a snapshot."""
        results = Results.of(snapshot.runs, snapshot.base_sha)
        assessments = assess_all(snapshot, results)
        pool = tuple(one for one in assessments if one.obstacle is None)
        batches = tally_batches(results, pool, snapshot.failed_batches)
        return cls(snapshot, results, assessments, pool, batches)

    def at(self, place: Place) -> tuple[Assessment, ...]:
        """Give those that stand at one place of the pool."""
        return tuple(one for one in self.pool if one.place is place)

    def in_merge_order(self) -> tuple[Assessment, ...]:
        """Give the pool in the order in which its members would be merged one by one."""
        priority = self.snapshot.rules.priority
        return tuple(sorted(self.pool, key=lambda one: rank(one, priority)))

    def targets(self, members: Iterable[Member]) -> tuple[Target, ...]:
        """Give what an action about these members of the pool would pin, in their order."""
        by_member = {one.member: one for one in self.pool}
        return tuple(by_member[member].target for member in members)

    @property
    def place_name(self) -> str:
        """Name the state of the branch that everything is tested on."""
        return f"{self.snapshot.pool.branch} at {self.snapshot.base_sha[:7]}"
