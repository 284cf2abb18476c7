"""Whether a pull request, by its own fields as read, opts in to merging."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from tide.domain.pulls import Pull, ReviewDecision
from tide.domain.rules import Query
from tide.policy.labels import alternatives, folded, satisfies


class CriterionKind(StrEnum):
    """What a query can ask for, in the order in which deficits are told (Prow: status.go requirementDiff)."""

    BRANCH = "branch"
    AUTHOR = "author"
    MILESTONE = "milestone"
    LABEL = "label"
    FORBIDDEN_LABEL = "forbidden label"
    REVIEW = "review"


# Prow: status.go requirementDiff; the query with the smallest sum is the one that is told.
_WEIGHTS = {
    CriterionKind.BRANCH: 2000,
    CriterionKind.AUTHOR: 1000,
    CriterionKind.MILESTONE: 100,
    CriterionKind.LABEL: 1,
    CriterionKind.FORBIDDEN_LABEL: 1,
    CriterionKind.REVIEW: 50,
}


class Criterion(NamedTuple):
    """One thing that a query asks for.

    `subject` is what is asked for, as people read it; `found` what the pull request has instead, where that says more.
    """

    kind: CriterionKind
    subject: str
    met: bool
    found: str = ""


def meets(query: Query, pull: Pull) -> bool:
    """Tell whether an open pull request fulfils a query that covers its repository.

    Labels and milestones are compared without regard to case, as GitHub's search does.
    """
    is_reviewed = not query.review_approved_required or pull.review_decision is ReviewDecision.APPROVED
    return is_reviewed and _meets_but_for_reviews(query, pull)


def _meets_but_for_reviews(query: Query, pull: Pull) -> bool:
    if not (pull.is_open and admits_branch(query, pull.base_branch) and query.covers(pull.key.repository)):
        return False
    labels = folded(pull.labels)
    return (
        satisfies(labels, query.labels)
        and labels.isdisjoint(folded(query.missing_labels))
        and (not query.author or _is_author(query, pull))
        and (not query.milestone or _is_in_milestone(query, pull))
    )


def meets_any(queries: Iterable[Query], pull: Pull) -> bool:
    """Tell whether a pull request fulfils one of the queries."""
    return any(meets(query, pull) for query in queries)


def needs_only_reviews(queries: Iterable[Query], pull: Pull) -> bool:
    """Tell whether a pull request fulfils one of the queries but for reviews, whatever these come to."""
    return any(_meets_but_for_reviews(query, pull) for query in queries)


def ask_for_reviews(queries: Iterable[Query]) -> bool:
    """Tell whether any query asks for an approval, whatever the branch asks for."""
    return any(query.review_approved_required for query in queries)


def admits_branch(query: Query, branch: str) -> bool:
    """Tell whether a query lets pull requests into `branch` merge."""
    if query.included_branches and branch not in query.included_branches:
        return False
    return branch not in query.excluded_branches


def criteria(query: Query, pull: Pull) -> tuple[Criterion, ...]:
    """Give everything that a query asks for, met or not, in the order in which deficits are told."""
    found = [Criterion(CriterionKind.BRANCH, pull.base_branch, admits_branch(query, pull.base_branch))]
    if query.author:
        found.append(Criterion(CriterionKind.AUTHOR, _plain(query.author), _is_author(query, pull), pull.author))
    if query.milestone:
        inside = _is_in_milestone(query, pull)
        found.append(Criterion(CriterionKind.MILESTONE, query.milestone, inside, pull.milestone))
    present = folded(pull.labels)
    found += [
        Criterion(CriterionKind.LABEL, _readable(entry), not present.isdisjoint(alternatives(entry)))
        for entry in query.labels
    ]
    found += [
        Criterion(CriterionKind.FORBIDDEN_LABEL, label, present.isdisjoint(folded((label,))))
        for label in query.missing_labels
    ]
    if query.review_approved_required:
        approved = pull.review_decision is ReviewDecision.APPROVED
        found.append(Criterion(CriterionKind.REVIEW, "approved", approved, pull.review_decision))
    return tuple(found)


def weight(asked: Iterable[Criterion]) -> int:
    """Say how far a pull request is from fulfilling a query; 0 means that it does."""
    return sum(_WEIGHTS[criterion.kind] for criterion in asked if not criterion.met)


@dataclass(frozen=True, slots=True)
class _Login:
    name: str
    is_bot: bool

    @classmethod
    def of(cls, text: str, *, is_bot: bool = False) -> "_Login":
        """Read a login as written in a query, in REST (`x[bot]`), in GraphQL (`x` of type Bot) or in a search."""
        name = _plain(text)
        plain = name.removeprefix("app/").removesuffix("[bot]")
        return cls(plain, is_bot or plain != name)


def _plain(login: str) -> str:
    """Write a login as all of them are compared (Prow: github.NormLogin)."""
    return login.strip().lower().removeprefix("@")


def _is_author(query: Query, pull: Pull) -> bool:
    return _Login.of(query.author) == _Login.of(pull.author, is_bot=pull.author_is_bot)


def _is_in_milestone(query: Query, pull: Pull) -> bool:
    return query.milestone.strip().lower() == pull.milestone.strip().lower()


@lru_cache(maxsize=4096)
def _readable(entry: str) -> str:
    return " or ".join(part.strip() for part in entry.split(","))
