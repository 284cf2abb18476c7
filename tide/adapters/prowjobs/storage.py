"""Where the local runner keeps its ProwJob objects."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

ProwJobObject = dict[str, Any]
"""A `prow.k8s.io/v1` ProwJob as JSON: apiVersion, kind, metadata, spec, status."""


class ProwJobStorage(Protocol):
    """Keeps whole ProwJob objects by `metadata.name`, and finds them by what they run.

    What is searched by is read from the object itself: `spec.type`, `spec.refs` (org, repo, base_ref, base_sha, and
    the SHAs of pulls), `status.state`, `metadata.creationTimestamp`, `status.completionTime`. An object without refs
    is kept, and never selected. A run is unfinished as long as it has no `status.completionTime`. Every call may raise
    a `tide.domain.errors.StoreError`.
    """

    async def insert(self, name: str, prowjob: Mapping[str, Any]) -> bool:
        """Keep a new object; give False, and change nothing, when the name is taken."""
        ...

    async def get(self, name: str) -> ProwJobObject | None:
        """Give the object of that name."""
        ...

    async def update(self, name: str, prowjob: Mapping[str, Any]) -> bool:
        """Replace an object; give False when there is none of that name. A finished one is never made unfinished."""
        ...

    async def select(
        self,
        org: str,
        repo: str,
        base_ref: str,
        *,
        base_sha: str = "",
        heads: Collection[str] = (),
    ) -> Sequence[ProwJobObject]:
        """Give those of one branch that run on `base_sha`, or on any of the head SHAs `heads`; oldest first."""
        ...

    async def unfinished(self) -> Sequence[ProwJobObject]:
        """Give those without a completion time, oldest first."""
        ...

    async def prune(self, before: datetime) -> int:
        """Delete those that were completed before this moment; give how many."""
        ...
