"""Who is first, wherever several could be: total orders, so that nothing depends on chance or on how it was read."""

from collections.abc import Callable, Iterable, Sequence

from tide.policy.assessment import Assessment
from tide.policy.labels import folded, satisfies
from tide.policy.results import Member

Priority = Sequence[Sequence[str]]
"""Label sets, most urgent first; each entry of a set may hold alternatives separated by commas."""


def rank(assessment: Assessment, priority: Priority) -> tuple[int, int]:
    """Give the place of a pull request in the order of merging: its first priority that fits, then its number."""
    labels = folded(assessment.pull.labels)
    tier = next((index for index, entries in enumerate(priority) if satisfies(labels, entries)), len(priority))
    return (tier, assessment.number)


def pick(
    assessments: Iterable[Assessment], priority: Priority, suits: Callable[[Assessment], bool]
) -> Assessment | None:
    """Choose the pull request that suits and comes first (Prow: tide.go pickHighestPriorityPR)."""
    suitable = [assessment for assessment in assessments if suits(assessment)]
    return min(suitable, key=lambda one: rank(one, priority), default=None)


def largest_first(members: Sequence[Member]) -> tuple[int, tuple[Member, ...]]:
    """Order batches: the largest first, then the lowest numbers, then the heads (Tide leaves this to chance)."""
    return (-len(members), tuple(sorted(members)))


def smallest_first(members: Iterable[Member]) -> tuple[int, tuple[Member, ...]]:
    """Order failed batches: the smallest first, then the lowest numbers, then the heads."""
    ordered = tuple(sorted(members))
    return (len(ordered), ordered)
