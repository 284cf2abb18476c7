"""Repositories as GraphQL shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict

from tide.sandbox.branch_rules import ruleset_rules
from tide.sandbox.graphql.accounts import AccountView
from tide.sandbox.graphql.commits import CommitView, RefView, git_object
from tide.sandbox.graphql.connections import Connection, Paging, paged_by_key
from tide.sandbox.graphql.errors import not_found
from tide.sandbox.graphql.issues import IssueView
from tide.sandbox.graphql.pulls import PullView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from typing import Unpack

    from tide.sandbox.graphql.reading import Reading
    from tide.sandbox.model import Issue, PullRequest, Repository

HEADS = "refs/heads/"


class Selection(Paging, total=False):
    """The arguments of ``pullRequests`` and ``issues``."""

    states: list[str] | None
    labels: list[str] | None
    order_by: dict[str, str] | None
    base_ref_name: str | None
    head_ref_name: str | None


@dataclass(frozen=True)
class RepositoryView:
    """A ``Repository``."""

    reading: Reading
    repo: Repository
    typename: ClassVar[str] = "Repository"

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
    def description(self) -> str | None:
        """What it is."""
        return self.repo.description

    @property
    def owner(self) -> AccountView:
        """The organization or user it belongs to."""
        return AccountView(self.reading, self.reading.forge.accounts[self.repo.owner])

    @property
    def url(self) -> str:
        """The page."""
        return f"{self.reading.url}/{self.repo.full_name}"

    @property
    def created_at(self) -> datetime:
        """When it was made."""
        return self.repo.created_at

    @property
    def updated_at(self) -> datetime:
        """When it last changed."""
        return self.repo.updated_at or self.repo.created_at

    @property
    def is_archived(self) -> bool:
        """Whether it is archived."""
        return self.repo.settings.archived

    @property
    def is_private(self) -> bool:
        """Whether it is private."""
        return self.repo.settings.private

    @property
    def merge_commit_allowed(self) -> bool:
        """Whether pull requests may be merged with a merge commit."""
        return self.repo.settings.allow_merge_commit

    @property
    def squash_merge_allowed(self) -> bool:
        """Whether they may be squashed."""
        return self.repo.settings.allow_squash_merge

    @property
    def rebase_merge_allowed(self) -> bool:
        """Whether they may be rebased."""
        return self.repo.settings.allow_rebase_merge

    @property
    def delete_branch_on_merge(self) -> bool:
        """Whether a merged head branch is deleted."""
        return self.repo.settings.delete_branch_on_merge

    @property
    def viewer_default_merge_method(self) -> str:
        """The first method allowed, in the order of GitHub's button."""
        settings = self.repo.settings
        if settings.allow_merge_commit:
            return "MERGE"
        return "SQUASH" if settings.allow_squash_merge else "REBASE"

    @property
    def default_branch_ref(self) -> RefView | None:
        """The default branch; None in an empty repository."""
        return self._branch(self.repo.default_branch)

    def ref(self, qualified_name: str) -> RefView | None:
        """A branch by its full or short name."""
        return self._branch(qualified_name.removeprefix(HEADS))

    def merge_queue(self, branch: str | None = None) -> MergeQueueView | None:
        """The queue of a branch, None where no rule asks for one."""
        name = branch or self.repo.default_branch
        rules = ruleset_rules(self.reading.forge, self.repo, name, None)
        return MergeQueueView(f"MQ_{self.repo.id}_{name}") if rules.merge_queue else None

    def _branch(self, name: str) -> RefView | None:
        return RefView(self.reading, self.repo, name) if name in self.repo.branches else None

    async def object(self, oid: str | None = None, expression: str | None = None) -> CommitView | None:
        """A commit by its SHA, or by a branch's name; other expressions are not simulated and find nothing."""
        name = expression.removeprefix(HEADS) if expression else ""
        sha = oid or self.repo.branches.get(name, name)
        return await git_object(self.reading, self.repo, sha) if sha else None

    async def pull_request(self, number: int) -> PullView:
        """One pull request.

        Raises:
            GithubError: there is none of that number.
        """
        pull = self.repo.pulls.get(number)
        if pull is None:
            raise not_found(f"Could not resolve to a PullRequest with the number of {number}.")
        await self.reading.prepare(self.repo, [pull])
        return PullView(self.reading, self.repo, pull)

    def issue(self, number: int) -> IssueView:
        """One issue.

        Raises:
            GithubError: there is none of that number.
        """
        found = self.repo.issues.get(number)
        if found is None:
            raise not_found(f"Could not resolve to an Issue with the number of {number}.")
        return IssueView(self.reading, self.repo, found)

    async def pull_requests(self, **selection: Unpack[Selection]) -> Connection:
        """The pull requests with these states, labels and branches."""
        wanted = [pull for pull in self.repo.pulls.values() if _is_wanted_pull(pull, selection)]
        page = _ordered_page(wanted, selection, lambda pull: PullView(self.reading, self.repo, pull))
        await self.reading.prepare(self.repo, page.page)
        return page

    def issues(self, **selection: Unpack[Selection]) -> Connection:
        """The issues with these states and labels."""
        wanted = [issue for issue in self.repo.issues.values() if _is_wanted(issue, issue.state.upper(), selection)]
        return _ordered_page(wanted, selection, lambda issue: IssueView(self.reading, self.repo, issue))


@dataclass(frozen=True)
class MergeQueueView:
    """A ``MergeQueue``; it is there, and merges nothing."""

    id: str
    typename: ClassVar[str] = "MergeQueue"


def _is_wanted(record: Issue, state: str, selection: Selection) -> bool:
    states, labels = selection.get("states"), selection.get("labels")
    names = {name.lower() for name in record.labels}
    # GitHub takes the labels of these two connections as alternatives.
    return (not states or state in states) and (not labels or any(label.lower() in names for label in labels))


def _is_wanted_pull(pull: PullRequest, selection: Selection) -> bool:
    state = "MERGED" if pull.merged else pull.state.upper()
    base, head = selection.get("base_ref_name"), selection.get("head_ref_name")
    has_branches = (not base or pull.base_ref == base) and (not head or pull.head_ref == head)
    return has_branches and _is_wanted(pull, state, selection)


class Order(TypedDict):
    """``IssueOrder``."""

    field: str
    direction: str


def _ordered_page(records: Iterable[Issue], selection: Selection, view: Callable[[Any], Any]) -> Connection:
    """Return a page in the order asked for (by creation without one); cursors name the place, not the position."""
    order = selection.get("order_by") or {"field": "CREATED_AT", "direction": "ASC"}
    keys: dict[str, Callable[[Issue], str]] = {
        "CREATED_AT": lambda record: f"{record.created_at:%Y%m%d%H%M%S%f}:{record.number:010}",
        "UPDATED_AT": lambda record: f"{record.updated_at:%Y%m%d%H%M%S%f}:{record.number:010}",
        "COMMENTS": lambda record: f"{len(record.comments):010}:{record.number:010}",
    }
    key = keys[order["field"]]
    ordered = sorted(records, key=key, reverse=order["direction"] == "DESC")
    return paged_by_key(ordered, selection, view, key)
