"""What one request reads with: the forge, who asks, and what had to be awaited before the views are shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tide.sandbox.model import PullRequest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from tide.sandbox.graphql.cost import Cost
    from tide.sandbox.graphql.search_index import SearchIndex
    from tide.sandbox.model import Mergeability, Repository
    from tide.sandbox.rate_limits import Standing
    from tide.sandbox.state import Forge
    from tide.sandbox.tokens import Caller

NEED_MERGEABILITY = frozenset({"canBeRebased", "mergeStateStatus", "mergeable"})


@dataclass
class Reading:
    """The context of one request.

    Args:
        forge: the simulated GitHub.
        index: what search sees of it.
        caller: who asks.
        url: the address of the web pages, without a slash at the end.
        cost: what the request costs.
        standing: where the token stands after paying.
        field_names: the names of all fields in the document.
    """

    forge: Forge
    index: SearchIndex
    caller: Caller
    url: str
    cost: Cost
    standing: Standing
    field_names: Collection[str] = frozenset()
    _mergeabilities: dict[PullRequest, Mergeability] = field(default_factory=dict)

    @property
    def login(self) -> str:
        """Whom the token speaks for."""
        return self.caller.login

    async def prepare(self, repository: Repository, pulls: Iterable[PullRequest]) -> None:
        """Ask git about the open pulls among these, if the query wants to know: one call for all of a repository."""
        if NEED_MERGEABILITY.isdisjoint(self.field_names):
            return
        wanted = [pull for pull in pulls if pull.state == "open" and pull not in self._mergeabilities]
        answers = await self.forge.mergeabilities(repository, wanted)
        self._mergeabilities.update(zip(wanted, answers, strict=True))

    async def prepare_all(self, found: Iterable[tuple[Repository, object]]) -> None:
        """Ask git about all pulls of a mixed page, one repository after the other."""
        grouped: dict[Repository, list[PullRequest]] = {}
        for repository, record in found:
            if isinstance(record, PullRequest):
                grouped.setdefault(repository, []).append(record)
        for repository, pulls in grouped.items():
            await self.prepare(repository, pulls)

    def mergeability(self, pull: PullRequest) -> Mergeability | None:
        """Return what git said; None for a pull that is closed, for which GitHub no longer works it out."""
        return self._mergeabilities.get(pull)
