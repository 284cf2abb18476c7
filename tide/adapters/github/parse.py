"""Turn GraphQL nodes into values of the domain.

The models say what we rely on (the documents in `documents/` ask for it); whatever else is there is ignored. New
values of GitHub's enums are taken for the least favourable ones that we know, so that they never merge anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from tide.domain.errors import BadAnswer
from tide.domain.keys import PullKey, RepoKey
from tide.domain.pulls import (
    Context,
    ContextSource,
    ContextState,
    Mergeable,
    MergeState,
    Pull,
    ReviewDecision,
)

GHOST = "ghost"
"""The account that GitHub shows in place of a deleted one."""

_State = TypeVar("_State", bound=StrEnum)
_Model = TypeVar("_Model", bound=BaseModel)


class _Node(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)


class PageInfo(_Node):
    """Where a page ends; `end_cursor` is what comes next is asked with."""

    has_next_page: bool
    end_cursor: str | None = None

    @model_validator(mode="after")
    def _goes_on_somewhere(self) -> Self:
        # Or what is missing would be taken for not being there.
        if self.has_next_page and not self.end_cursor:
            raise ValueError("there is a next page, but no cursor to it")
        return self

    @property
    def next(self) -> str | None:
        """The cursor of the next page, None on the last one."""
        return self.end_cursor if self.has_next_page else None


class _CheckSuite(_Node):
    id: str


class CheckRunNode(_Node):
    """A check run on a commit; of several, the one with the highest `database_id` was made last."""

    typename: Literal["CheckRun"] = Field(alias="__typename")
    database_id: int | None = None
    name: str
    status: str
    conclusion: str | None = None
    details_url: str | None = None
    check_suite: _CheckSuite | None = None


class StatusNode(_Node):
    """A commit status, the newest of its context."""

    typename: Literal["StatusContext"] = Field(alias="__typename")
    context: str
    state: str
    description: str | None = None
    target_url: str | None = None


ContextNode = Annotated[CheckRunNode | StatusNode, Field(discriminator="typename")]


class ContextPage(_Node):
    """A page of the contexts of a commit; a null is one that may not be seen."""

    page_info: PageInfo
    nodes: tuple[ContextNode | None, ...] | None = None

    @property
    def listed(self) -> tuple[CheckRunNode | StatusNode | None, ...]:
        """The contexts of the page; a page that may not be seen counts as one such context."""
        return (None,) if self.nodes is None else self.nodes


class RollupNode(_Node):
    """The contexts of a commit, and the state that they sum up to; there is none on a commit without any."""

    contexts: ContextPage
    state: str = ""


class CommitNode(_Node):
    """A commit with the first page of its contexts."""

    oid: str
    status_check_rollup: RollupNode | None = None


class _CommitEdge(_Node):
    commit: CommitNode


class _Commits(_Node):
    nodes: tuple[_CommitEdge | None, ...] | None = None


class _Actor(_Node):
    typename: str = Field(alias="__typename")
    login: str


class _Label(_Node):
    name: str


class _End(_Node):
    has_next_page: bool


class _Labels(_Node):
    # No cursor is asked for: whoever has more than a page of labels is held.
    page_info: _End
    nodes: tuple[_Label | None, ...] | None = None


class _Milestone(_Node):
    title: str


class _Owner(_Node):
    login: str


class _Repository(_Node):
    name: str
    owner: _Owner


class _Review(_Node):
    state: str


class _Reviews(_Node):
    # No cursor is asked for: of one with more than a page of reviewers it is not known that nobody objects.
    page_info: _End
    nodes: tuple[_Review | None, ...] | None = None


class WorkedOut(_Node):
    """What GitHub works out itself about a pull request."""

    mergeable: str
    merge_state_status: str
    can_be_rebased: bool
    review_decision: str | None = None


class PullNode(WorkedOut):
    """A pull request as `pull_fields.graphql` asks for it."""

    id: str
    number: int
    title: str
    body: str | None = None
    state: str
    is_draft: bool
    created_at: datetime
    updated_at: datetime
    author: _Actor | None = None
    base_ref_name: str
    head_ref_name: str
    head_ref_oid: str
    labels: _Labels | None = None
    milestone: _Milestone | None = None
    repository: _Repository
    commits: _Commits | None = None
    latest_opinionated_reviews: _Reviews | None = None

    @property
    def repo(self) -> RepoKey:
        """The repository that the pull request is in."""
        return RepoKey(self.repository.owner.login, self.repository.name)

    @property
    def head_commit(self) -> CommitNode | None:
        """The head as listed among the commits, None where GitHub lists another one (after a forced push)."""
        listed = self.commits.nodes if self.commits and self.commits.nodes else ()
        return next((edge.commit for edge in listed if edge and edge.commit.oid == self.head_ref_oid), None)

    @property
    def has_all_labels(self) -> bool:
        """Whether the labels were read, and all of them."""
        return self.labels is not None and self.labels.nodes is not None and not self.labels.page_info.has_next_page

    @property
    def reviews_sum(self) -> ReviewDecision:
        """What the last word of each reviewer with write access comes to; NONE where that is not known.

        GitHub docs: Searching issues and pull requests, "Search by pull request review status": approved is what a
        reviewer has approved.
        """
        reviews = self.latest_opinionated_reviews
        listed = reviews.nodes if reviews and reviews.nodes else ()
        states = {review.state for review in listed if review}
        if ReviewDecision.CHANGES_REQUESTED in states:
            return ReviewDecision.CHANGES_REQUESTED
        is_whole = reviews is not None and not reviews.page_info.has_next_page and None not in listed
        return ReviewDecision.APPROVED if is_whole and ReviewDecision.APPROVED in states else ReviewDecision.NONE


class _Status(_Node):
    contexts: tuple[StatusNode, ...]


class _GlancedCommit(_Node):
    oid: str
    status: _Status | None = None


class GlancedRollup(_Node):
    """The state of all contexts of a head, and of these the statuses; `contexts` only where they were asked for."""

    state: str
    commit: _GlancedCommit | None = None
    contexts: ContextPage | None = None

    @property
    def statuses(self) -> tuple[StatusNode, ...]:
        """The statuses on the head."""
        return self.commit.status.contexts if self.commit and self.commit.status else ()


class _Target(_Node):
    oid: str


class _GlancedBase(_Node):
    target: _Target | None = None


class GlanceNode(WorkedOut):
    """A pull request as `glance_fields.graphql` asks for it."""

    updated_at: datetime
    state: str
    base_ref_name: str
    base_ref: _GlancedBase | None = None
    head_ref_oid: str
    status_check_rollup: GlancedRollup | None = None

    @property
    def branch_head(self) -> str:
        """Where the branch is that it is to be merged into, "" where that is not told."""
        return self.base_ref.target.oid if self.base_ref and self.base_ref.target else ""


class ChangedNode(_Node):
    """A pull request that was found, as `glance.graphql` and `list_pulls.graphql` ask for it."""

    id: str
    number: int
    updated_at: datetime
    repository: _Repository

    @property
    def key(self) -> PullKey:
        """Which one it is."""
        return PullKey(self.repository.owner.login, self.repository.name, self.number)


class ChangedPage(_Node):
    """A page of a list of pull requests, as `list_pulls.graphql` asks for it."""

    page_info: PageInfo
    nodes: tuple[ChangedNode, ...]


class SearchPage(_Node):
    """A page of a search; `issue_count` is how many results there are in all, each node is yet to be read."""

    issue_count: int
    page_info: PageInfo
    nodes: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Contexts:
    """The contexts of one head as far as they were read; `is_complete` is False where some may be missing."""

    found: tuple[Context, ...] = ()
    is_complete: bool = True


class IssueNode(_Node):
    """An issue as `search_blockers.graphql` asks for it."""

    typename: Literal["Issue"] = Field(alias="__typename")
    number: int
    title: str
    url: str
    state: str
    repository: _Repository

    @property
    def repo(self) -> RepoKey:
        """The repository that the issue is in."""
        return RepoKey(self.repository.owner.login, self.repository.name)


def read(model: type[_Model], node: object) -> _Model:
    """Validate a node.

    Raises:
        BadAnswer: It lacks what was asked for, or has it in another form.
    """
    try:
        return model.model_validate(node)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise BadAnswer(f"GraphQL: {model.__name__} is not as described: {place}: {first['msg']}") from None


def pull(node: PullNode, contexts: Contexts, *, is_whole: bool = True) -> Pull:
    """Give the pull request of a node.

    Args:
        node: What GitHub told.
        contexts: Those of its head.
        is_whole: False when an error belongs to the node: a null in it may then hide something. Such a pull request
            counts as one whose contexts are not known, which is never merged.
    """
    labels = node.labels.nodes if node.labels and node.labels.nodes else ()
    known = Pull(
        key=PullKey(node.repo.org, node.repo.name, node.number),
        title=node.title,
        body=node.body or "",
        author=node.author.login if node.author else GHOST,
        base_branch=node.base_ref_name,
        head_branch=node.head_ref_name,
        head_sha=node.head_ref_oid,
        updated_at=node.updated_at,
        author_is_bot=node.author is not None and node.author.typename == "Bot",
        is_open=node.state == "OPEN",
        is_merged=node.state == "MERGED",
        is_draft=node.is_draft,
        labels=tuple(sorted(label.name for label in labels if label)),
        milestone=node.milestone.title if node.milestone else "",
        contexts_known=contexts.is_complete and is_whole and node.has_all_labels and None not in labels,
    )
    return renewed(known, node, contexts.found, node.reviews_sum)


def renewed(kept: Pull, node: WorkedOut, found: Sequence[Context], reviews_sum: ReviewDecision) -> Pull:
    """Give a pull request with what is new of it: what the code host works out itself, and the contexts.

    Args:
        kept: The pull request as it was.
        node: What GitHub told.
        found: The contexts of its head.
        reviews_sum: What its reviews come to, for a branch that asks for none: GitHub sums them up for the others only.
    """
    return replace(
        kept,
        mergeable=_member(Mergeable, node.mergeable, Mergeable.UNKNOWN),
        merge_state=_member(MergeState, node.merge_state_status, MergeState.UNKNOWN),
        can_be_rebased=node.can_be_rebased,
        review_decision=_review(node.review_decision) or reviews_sum,
        contexts=tuple(found),
    )


def closed(kept: Pull, node: GlanceNode) -> Pull:
    """Give a pull request that has been closed since it was read; what else may have changed of it is as it was."""
    is_merged = node.state == "MERGED"
    known = renewed(kept, node, kept.contexts, kept.review_decision)
    return replace(known, is_open=False, is_merged=is_merged, updated_at=node.updated_at)


def contexts(nodes: Sequence[CheckRunNode | StatusNode | None]) -> Contexts:
    """Give the contexts of a head (Prow: tide/github.go, checkRunNodesToContexts).

    A check run without a name is ignored. Two Apps, or two workflows, may have check runs of one name: all of them are
    kept, as all count for GitHub's own protection (Prow takes the best of them). Only what was run again within its
    suite is left out. A status and a check run of one name are both kept. Sorted, so that the same contexts make the
    same snapshot.
    """
    statuses = [_status(node) for node in nodes if isinstance(node, StatusNode)]
    runs = [node for node in nodes if isinstance(node, CheckRunNode) and node.name]
    found = [*statuses, *map(_check_run, _not_run_again(runs))]
    return Contexts(tuple(sorted(found, key=_place)), is_complete=None not in nodes)


_PASSING_CONCLUSIONS = frozenset({"NEUTRAL", "SKIPPED", "SUCCESS"})


def _not_run_again(runs: Sequence[CheckRunNode]) -> list[CheckRunNode]:
    """Leave out each that a later one of its name has replaced within its suite; one without a suite is kept."""
    last: dict[tuple[str, str], int] = {}
    for run in runs:
        if run.check_suite:
            key = (run.name, run.check_suite.id)
            last[key] = max(last.get(key, 0), run.database_id or 0)
    return [
        run for run in runs if run.check_suite is None or (run.database_id or 0) == last[run.name, run.check_suite.id]
    ]


def _place(context: Context) -> tuple[str, str, str, str]:
    return (context.name, context.source, context.suite, context.state)


def _check_run(node: CheckRunNode) -> Context:
    if node.status != "COMPLETED":
        state = ContextState.PENDING
    else:
        state = ContextState.SUCCESS if node.conclusion in _PASSING_CONCLUSIONS else ContextState.FAILURE
    suite = node.check_suite.id if node.check_suite else ""
    url = node.details_url or ""
    return Context(node.name, state, source=ContextSource.CHECK_RUN, target_url=url, suite=suite)


def _status(node: StatusNode) -> Context:
    state = _member(ContextState, node.state, ContextState.ERROR)
    return Context(node.context, state, node.description or "", target_url=node.target_url or "")


def _review(decision: str | None) -> ReviewDecision:
    if decision is None:
        return ReviewDecision.NONE
    return _member(ReviewDecision, decision, ReviewDecision.REVIEW_REQUIRED)


def _member(kind: type[_State], value: str, unknown: _State) -> _State:
    return kind(value) if value in kind.__members__ else unknown
