"""The root of all queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tide.sandbox.faults import striking
from tide.sandbox.graphql.accounts import AccountView
from tide.sandbox.graphql.connections import Connection, Paging, paged
from tide.sandbox.graphql.errors import GithubError, not_found, something_went_wrong
from tide.sandbox.graphql.issues import IssueView
from tide.sandbox.graphql.pulls import PullView
from tide.sandbox.graphql.repositories import RepositoryView
from tide.sandbox.graphql.search import search_issues, search_repositories
from tide.sandbox.graphql.search_syntax import SearchSyntaxError
from tide.sandbox.model import Account, Issue, PullRequest, Repository
from tide.sandbox.registry import NoSuchRepositoryError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Unpack

    from tide.sandbox.graphql.reading import Reading


@dataclass(frozen=True)
class QueryView:
    """``Query``."""

    reading: Reading
    typename: ClassVar[str] = "Query"

    @property
    def viewer(self) -> AccountView:
        """Whom the token speaks for."""
        return AccountView(self.reading, self.reading.forge.account(self.reading.login))

    def rate_limit(self, **_: bool) -> RateLimitView:
        """What this request took and left."""
        return RateLimitView(self.reading)

    def repository(self, *, owner: str, name: str, **_: bool) -> RepositoryView:
        """One repository.

        Raises:
            GithubError: there is none of that name.
        """
        nobody = not_found(f"Could not resolve to a Repository with the name '{owner}/{name}'.")
        try:
            found = self.reading.forge.repository(f"{owner}/{name}")
        except NoSuchRepositoryError:
            raise nobody from None
        if not self.reading.caller.sees(found):
            raise nobody
        return RepositoryView(self.reading, found)

    async def node(self, *, node_id: str) -> object:
        """One object by its node id.

        Raises:
            GithubError: there is none.
        """
        (found,) = await self.nodes(ids=[node_id])
        if isinstance(found, GithubError):
            raise found
        return found

    async def nodes(self, *, ids: list[str]) -> list[object]:
        """Objects by their node ids, in that order; an error stands where there is none."""
        records = [(repository_of(self.reading, each), each) for each in map(self.reading.forge.nodes.get, ids)]
        await self.reading.prepare_all((repo, record) for repo, record in records if repo is not None)
        return [
            node_view(self.reading, repo, record)
            or not_found(f"Could not resolve to a node with the global id of '{node_id}'")
            for node_id, (repo, record) in zip(ids, records, strict=True)
        ]

    async def search(self, *, kind: str, query: str, **paging: Unpack[Paging]) -> SearchConnection:
        """Answer a search; users and discussions are never found.

        Raises:
            GithubError: the search string is not one that can be answered.
        """
        try:
            if kind == "ISSUE":
                found = search_issues(self.reading.index, query, self.reading.caller.sees)
                pairs = [(document.repository, document.record) for document in found.reachable]
                return await self._results(pairs, paging, issue_count=found.total)
            if kind == "REPOSITORY":
                listed = search_repositories(self.reading.forge, query, self.reading.caller.sees)
                repositories = [(repository, repository) for repository in listed.reachable]
                return await self._results(repositories, paging, repository_count=listed.total)
        except SearchSyntaxError as error:
            raise GithubError("UNPROCESSABLE", str(error)) from error
        return await self._results([], paging)

    async def _results(
        self,
        pairs: Sequence[tuple[Repository, Any]],
        paging: Paging,
        *,
        issue_count: int = 0,
        repository_count: int = 0,
    ) -> SearchConnection:
        page = paged(pairs, paging, lambda pair: node_view(self.reading, *pair))
        await self.reading.prepare_all(page.page)
        return SearchConnection(
            page.items,
            page.start,
            page.end,
            page.view,
            page.cursor,
            issue_count=issue_count,
            repository_count=repository_count,
            shown=len(page.page) // 2 if striking("partial_page") else None,
        )


@dataclass(frozen=True, kw_only=True)
class SearchConnection(Connection):
    """A page of search results with how many there are in truth.

    Under the fault ``partial_page`` it breaks off after ``shown`` nodes.
    """

    issue_count: int = 0
    repository_count: int = 0
    shown: int | None = None
    code_count: ClassVar[int] = 0
    discussion_count: ClassVar[int] = 0
    user_count: ClassVar[int] = 0
    wiki_count: ClassVar[int] = 0

    @property
    def nodes(self) -> list[Any]:
        """The results; where the page breaks off, errors instead of the rest."""
        views = [self.view(item) for item in self.page]
        if self.shown is None:
            return views
        return [view if place < self.shown else something_went_wrong("8A1C:0001") for place, view in enumerate(views)]


@dataclass(frozen=True)
class RateLimitView:
    """``RateLimit``."""

    reading: Reading
    typename: ClassVar[str] = "RateLimit"

    @property
    def cost(self) -> int:
        """The points of this request."""
        return self.reading.cost.points

    @property
    def node_count(self) -> int:
        """The most nodes that it could have returned."""
        return self.reading.cost.nodes

    @property
    def limit(self) -> int:
        """The points of an hour."""
        return self.reading.standing.limit

    @property
    def remaining(self) -> int:
        """The points left."""
        return self.reading.standing.remaining

    @property
    def used(self) -> int:
        """The points taken."""
        return self.reading.standing.used

    @property
    def reset_at(self) -> datetime:
        """When all are there again."""
        return self.reading.standing.reset


def repository_of(reading: Reading, record: object) -> Repository | None:
    """Return the repository that a record is in, or is; None also for one that the caller does not see."""
    if isinstance(record, Repository):
        return record if reading.caller.sees(record) else None
    if not isinstance(record, Issue):
        return None
    repositories = filter(reading.caller.sees, reading.forge.repositories.values())
    return next((each for each in repositories if each.issue_or_pull(record.number) is record), None)


def node_view(reading: Reading, repository: Repository | None, record: object) -> object | None:
    """Return the view of a record, None for what the sandbox shows by no node id."""
    if isinstance(record, Account):
        return AccountView(reading, record)
    if repository is None:
        return None
    if isinstance(record, PullRequest):
        return PullView(reading, repository, record)
    if isinstance(record, Issue):
        return IssueView(reading, repository, record)
    return RepositoryView(reading, repository)
