"""What is searched for along with a look: pull requests that have changed, and issues that block merging."""

from contextlib import suppress
from dataclasses import dataclass

from tide.adapters.github import parse
from tide.adapters.github.blockers import blockers_of
from tide.adapters.github.graph import GraphAnswer
from tide.adapters.github.parse import ChangedNode, SearchPage
from tide.domain.errors import BadAnswer, RemoteError
from tide.ports.code_host import BlockerIssue, Searches


@dataclass(slots=True)
class Along:
    """What came along with looks, each None until all of it was had in one piece."""

    changed: tuple[ChangedNode, ...] | None = None
    blockers: tuple[BlockerIssue, ...] | None = None

    def missing(self, wanted: Searches) -> Searches:
        """Give what is still to be searched for."""
        return Searches(
            changes=wanted.changes if self.changed is None else "",
            blockers=wanted.blockers if self.blockers is None else "",
        )

    def take(self, answer: GraphAnswer) -> None:
        """Take what an answer has; what it lacks, the searches themselves will tell what is wrong with."""
        if changes := _all_of(answer, "changes"):
            with suppress(BadAnswer):
                self.changed = tuple(parse.read(ChangedNode, node) for node in changes.nodes)
        if blockers := _all_of(answer, "blockers"):
            with suppress(RemoteError):
                self.blockers = blockers_of(blockers)


def _all_of(answer: GraphAnswer, name: str) -> SearchPage | None:
    """Give all that a search found; None where some of it is missing."""
    told = answer.data.get(name)
    if told is None or answer.errors_at(name):
        return None
    try:
        page = parse.read(SearchPage, told)
    except BadAnswer:
        return None
    return page if len(page.nodes) == page.issue_count else None
