"""The root of all queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tide.sandbox.faults import striking
from tide.sandbox.graphql.accounts import AccountView
from tide.sandbox.graphql.connections import Connection, Paging, paged
from tide.sandbox.graphql.errors import GithubError, not_found, something_went_wrong
from tide.sandbox.graphql.issues import IssueView
from tide.sandbox.graphql.pulls import PullView
from tide.sandbox.graphql.repositories import RepositoryView
from tide.sandbox.graphql.search import search_issues
from tide.sandbox.graphql.search_syntax import SearchSyntaxError
from tide.sandbox.model import Issue, PullRequest
from tide.sandbox.registry import NoSuchRepositoryError

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Unpack

    from tide.sandbox.graphql.reading import Reading
    from tide.sandbox.model import Repository


class SearchArguments(Paging):
    """The arguments of ``search`` beside its string."""

    kind: str


@dataclass(frozen=True)
class QueryView:
    """``Query``."""

    reading: Reading

    @property
    def viewer(self) -> AccountView:
        """Whom the token speaks for."""
        return AccountView(self.reading.forge.account(self.reading.login))

    @property
    def rate_limit(self) -> RateLimitView:
        """What this request took and left."""
        return RateLimitView(self.reading)

    def repository(self, *, owner: str, name: str) -> RepositoryView:
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

    async def nodes(self, *, ids: list[str]) -> list[object]:
        """Issues and pull requests by their node ids, in that order; an error stands where there is none."""
        found = [_located(self.reading, self.reading.forge.nodes.get(node_id)) for node_id in ids]
        await self.reading.prepare_all(filter(None, found))
        return [
            _view(self.reading, *each)
            if each
            else not_found(f"Could not resolve to a node with the global id of '{node_id}'")
            for node_id, each in zip(ids, found, strict=True)
        ]

    async def search(self, *, query: str, **arguments: Unpack[SearchArguments]) -> SearchConnection:
        """Answer a search for issues and pull requests.

        Raises:
            GithubError: the search string is not one that can be answered.
        """
        try:
            found = search_issues(self.reading.index, query, self.reading.caller.sees)
        except SearchSyntaxError as error:
            raise GithubError("UNPROCESSABLE", str(error)) from error
        pairs = [(document.repository, document.record) for document in found.reachable]
        page = paged(pairs, arguments, lambda pair: _view(self.reading, *pair))
        await self.reading.prepare_all(page.page)
        return SearchConnection(
            page.items,
            page.start,
            page.end,
            page.view,
            page.cursor,
            issue_count=found.total,
            shown=len(page.page) // 2 if striking("partial_page") else None,
        )


@dataclass(frozen=True, kw_only=True)
class SearchConnection(Connection):
    """A page of search results with how many there are in truth.

    Under the fault ``partial_page`` it breaks off after ``shown`` nodes.
    """

    issue_count: int
    shown: int | None

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

    @property
    def cost(self) -> int:
        """The points of this request."""
        return self.reading.cost.points

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


def _located(reading: Reading, record: Issue | None) -> tuple[Repository, Issue] | None:
    """Return an issue or a pull request with its repository; None for none, and where the caller does not see it."""
    if record is None:
        return None
    repositories = filter(reading.caller.sees, reading.forge.repositories.values())
    return next(((each, record) for each in repositories if each.issue_or_pull(record.number) is record), None)


def _view(reading: Reading, repository: Repository, record: Issue) -> IssueView:
    if isinstance(record, PullRequest):
        return PullView(reading, repository, record)
    return IssueView(reading, repository, record)
