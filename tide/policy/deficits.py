"""What a pull request lacks to fulfil a query, in Tide's words."""

from collections.abc import Iterable, Sequence

from tide.domain.pulls import Pull
from tide.domain.rules import Query
from tide.policy.queries import Criterion, CriterionKind, admits_branch, criteria, weight
from tide.policy.reviews import review_remedy
from tide.policy.wording import listed

# Each for one name, and for several.
_TEXTS = {
    CriterionKind.BRANCH: ("Merging to branch {} is forbidden.",) * 2,
    CriterionKind.AUTHOR: ("Must be by author {}.",) * 2,
    CriterionKind.MILESTONE: ("Must be in milestone {}.",) * 2,
    CriterionKind.LABEL: ("Needs {} label.", "Needs {} labels."),
    CriterionKind.FORBIDDEN_LABEL: ("Should not have {} label.", "Should not have {} labels."),
    CriterionKind.REVIEW: ("PullRequest is missing sufficient approving GitHub review(s)",) * 2,
}

_REMEDIES = {
    CriterionKind.BRANCH: "Choose another base branch: no query lets anything merge into {}.",
    CriterionKind.AUTHOR: "Have {} propose it: only their changes may merge here.",
    CriterionKind.MILESTONE: "Have a maintainer put it into the milestone {}.",
    CriterionKind.LABEL: "Have a maintainer set the label {}.",
    CriterionKind.FORBIDDEN_LABEL: "Have the label {} removed by whoever set it.",
}


def worth_telling(queries: Iterable[Query], pull: Pull) -> Sequence[Query]:
    """Choose the queries that a pull request could come to fulfil: those for its branch, without any the first."""
    covering = sorted((query for query in queries if query.covers(pull.key.repository)), key=lambda one: one.index)
    fitting = [query for query in covering if admits_branch(query, pull.base_branch)]
    return fitting or covering[:1]


def nearest(queries: Iterable[Query], pull: Pull) -> tuple[Criterion, ...]:
    """Give what is lacking for the query that lacks least, of equals the first (Prow: status.go expectedStatus)."""
    asked = [criteria(query, pull) for query in worth_telling(queries, pull)]
    return tuple(criterion for criterion in min(asked, key=weight, default=()) if not criterion.met)


def lacking_by_query(queries: Iterable[Query], pull: Pull) -> tuple[tuple[Criterion, ...], ...]:
    """Give what is lacking for each query that is for its branch, in their order (Prow: status.go expectedStatus)."""
    covering = sorted((query for query in queries if query.covers(pull.key.repository)), key=lambda one: one.index)
    return tuple(
        tuple(criterion for criterion in criteria(query, pull) if not criterion.met)
        for query in covering
        if admits_branch(query, pull.base_branch)
    )


def told(lacking: Sequence[Criterion], branch: str) -> str:
    """Tell the first kind of thing that is lacking (Prow: status.go requirementDiff).

    Args:
        lacking: what is lacking for one query.
        branch: the base branch, which is to blame when nothing is.
    """
    if not lacking:
        return f"No Tide query for branch {branch} found."
    kind = lacking[0].kind
    return listed((criterion.subject for criterion in lacking if criterion.kind is kind), *_TEXTS[kind])


def alternatively(texts: Sequence[str]) -> str:
    """Join what is told of several queries, of which one is enough (Prow: status.go expectedStatus)."""
    *others, last = texts
    return " OR ".join((*(text.removesuffix(".") for text in others), last))


def remedy(lacking: Criterion) -> str:
    """Say in a sentence what would help, and who can do it where that is not the author."""
    if lacking.kind is CriterionKind.REVIEW:
        return review_remedy(lacking.found)
    return _REMEDIES[lacking.kind].format(lacking.subject)
