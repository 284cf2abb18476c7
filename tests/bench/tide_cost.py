"""What Prow's Tide would ask of GitHub for the same world (Prow: tide/github.go, tide/status.go, tide/blockers.go).

Each round: for each query a search with 37 pull requests a page, one point a page, at least one; the same for the pull
requests that were updated since the last look at statuses; one for the issues that block; one REST call for the branch
of each pool, free behind a caching proxy where the branch has not moved. Each merge: a status and the merge. What else
Tide may need is left out, in its favour: heads beyond the newest commits, lists of files, hourly settings.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil

from tide.sandbox.graphql.search import search_issues
from tide.sandbox.graphql.search_index import SearchIndex

PAGE = 37
# The watermark of the status search is set back by so much (Prow: status.go search).
STATUS_OVERLAP = timedelta(seconds=30)


class Term(StrEnum):
    """The terms of the model."""

    QUERIES = "points: queries, max(1, results / 37) each"
    STATUSES = "points: search for statuses"
    BLOCKERS = "points: blockers"
    REFS_MOVED = "REST: branches that moved"
    REFS_KEPT = "REST, free: branches that did not"
    MERGES = "REST: a status and a merge for each merge"
    STATUS_WRITES = "REST: changed statuses"

    @property
    def is_points(self) -> bool:
        """Whether the term is in points of GraphQL, one call each."""
        return self.value.startswith("points")


@dataclass(slots=True)
class TideCost:
    """Adds up what Tide would have spent.

    Args:
        index: What a search sees.
        queries: The search strings of the pools, without a bound in time.
        coverage: The tokens that name the covered repositories.
    """

    index: SearchIndex
    queries: tuple[str, ...]
    coverage: str
    spent: Counter[Term] = field(default_factory=Counter)
    _refs: dict[tuple[str, str], str] = field(default_factory=dict)
    _looked_at: datetime | None = None

    def round(self, now: datetime) -> None:
        """Count one round of the sync loop and one of the status controller."""
        pools: set[tuple[str, str]] = set()
        for query in self.queries:
            found = search_issues(self.index, query)
            self.spent[Term.QUERIES] += max(1, ceil(found.total / PAGE))
            pools |= {(document.repository.full_name, str(document.base)) for document in found.reachable}
        self.spent[Term.BLOCKERS] += 1
        for full_name, branch in pools:
            head = self.index.forge.repository(full_name).branches[branch]
            is_kept = self._refs.get((full_name, branch)) == head
            self.spent[Term.REFS_KEPT if is_kept else Term.REFS_MOVED] += 1
            self._refs[full_name, branch] = head
        if self._looked_at:
            since = f"{self._looked_at - STATUS_OVERLAP:%Y-%m-%dT%H:%M:%SZ}"
            updated = search_issues(self.index, f"is:pr state:open {self.coverage} updated:>={since}")
            self.spent[Term.STATUSES] += max(1, ceil(updated.total / PAGE))
        self._looked_at = now
