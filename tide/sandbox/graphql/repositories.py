"""Repositories as GraphQL shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from tide.sandbox.branch_rules import ruleset_rules
from tide.sandbox.graphql.accounts import AccountView
from tide.sandbox.graphql.commits import CommitView, RefView, git_object
from tide.sandbox.graphql.connections import Connection, Paging, paged_by_key
from tide.sandbox.graphql.errors import not_found
from tide.sandbox.graphql.pulls import PullView

if TYPE_CHECKING:
    from typing import Unpack

    from tide.sandbox.graphql.reading import Reading
    from tide.sandbox.model import PullRequest, Repository

HEADS = "refs/heads/"


class Order(TypedDict):
    """``IssueOrder``."""

    field: str
    direction: str


class Selection(Paging, total=False):
    """The arguments of ``pullRequests``."""

    states: list[str] | None
    order_by: Order | None


@dataclass(frozen=True)
class RepositoryView:
    """A ``Repository``."""

    reading: Reading
    repo: Repository

    @property
    def id(self) -> str:
        """The node id."""
        return self.repo.node_id

    @property
    def name(self) -> str:
        """The name."""
        return self.repo.name

    @property
    def name_with_owner(self) -> str:
        """``owner/name``."""
        return self.repo.full_name

    @property
    def owner(self) -> AccountView:
        """The organization or user it belongs to."""
        return AccountView(self.reading.forge.accounts[self.repo.owner])

    def ref(self, qualified_name: str) -> RefView | None:
        """A branch by its full or short name."""
        name = qualified_name.removeprefix(HEADS)
        return RefView(self.reading, self.repo, name) if name in self.repo.branches else None

    def merge_queue(self, branch: str | None = None) -> MergeQueueView | None:
        """The queue of a branch, None where no rule asks for one."""
        name = branch or self.repo.default_branch
        rules = ruleset_rules(self.reading.forge, self.repo, name, None)
        return MergeQueueView(f"MQ_{self.repo.id}_{name}") if rules.merge_queue else None

    async def object(self, oid: str | None = None) -> CommitView | None:
        """A commit by its SHA."""
        return await git_object(self.repo, oid) if oid else None

    async def pull_request(self, number: int) -> PullView:
        """One pull request.

        Raises:
            GithubError: there is none of that number.
        """
        pull = self.repo.pulls.get(number)
        if pull is None:
            raise not_found(f"Could not resolve to a PullRequest with the number of {number}.")
        await self.reading.prepare(self.repo, [pull])
        return self._pull(pull)

    async def pull_requests(self, **selection: Unpack[Selection]) -> Connection:
        """The pull requests in these states."""
        states = selection.get("states")
        pulls = self.repo.pulls.values()
        page = self._ordered_page([pull for pull in pulls if not states or self._pull(pull).state in states], selection)
        await self.reading.prepare(self.repo, page.page)
        return page

    def _ordered_page(self, pulls: list[PullRequest], selection: Selection) -> Connection:
        """Return a page in the order asked for (by creation without one); cursors name the place, not the position."""
        order = selection.get("order_by") or Order(field="CREATED_AT", direction="ASC")

        def key(pull: PullRequest) -> str:
            moment = pull.created_at if order["field"] == "CREATED_AT" else pull.updated_at
            return f"{moment:%Y%m%d%H%M%S%f}:{pull.number:010}"

        ordered = sorted(pulls, key=key, reverse=order["direction"] == "DESC")
        return paged_by_key(ordered, selection, self._pull, key)

    def _pull(self, pull: PullRequest) -> PullView:
        return PullView(self.reading, self.repo, pull)


@dataclass(frozen=True)
class MergeQueueView:
    """A ``MergeQueue``; it is there, and merges nothing."""

    id: str
