import pytest

from tests.builders import make_pull
from tide.domain.pulls import ReviewDecision
from tide.domain.rules import Query
from tide.policy.queries import CriterionKind, criteria, meets, meets_any, weight

PLAIN = Query(0, orgs=("acme",))


def asks(**fields: object) -> Query:
    return Query(0, orgs=("acme",), **fields)  # type: ignore[arg-type]  # a table of fields of different types


def test_a_query_without_criteria_is_met_by_every_open_pull_request() -> None:
    assert meets(PLAIN, make_pull())
    assert not meets(PLAIN, make_pull(is_open=False))


def test_a_query_for_another_repository_is_not_met() -> None:
    assert not meets(Query(0, orgs=("other",)), make_pull())
    assert not meets(asks(excluded_repos=("acme/rocket",)), make_pull())
    assert meets(Query(0, repos=("acme/rocket",)), make_pull())


@pytest.mark.parametrize(
    ("wanted", "present", "met"),
    [
        (("lgtm",), ("lgtm",), True),
        (("lgtm", "approved"), ("lgtm",), False),
        (("lgtm,approved",), ("approved",), True),
        (("lgtm, approved",), ("approved",), True),
        (("lgtm,approved",), ("other",), False),
        (("LGTM",), ("lgtm",), True),
    ],
)
def test_each_entry_of_labels_needs_one_of_its_alternatives(
    wanted: tuple[str, ...],
    present: tuple[str, ...],
    met: bool,  # noqa: FBT001 - a table
) -> None:
    assert meets(asks(labels=wanted), make_pull(labels=present)) is met


def test_none_of_the_missing_labels_may_be_present_and_commas_mean_nothing_there() -> None:
    assert not meets(asks(missing_labels=("hold",)), make_pull(labels=("Hold",)))
    assert meets(asks(missing_labels=("hold,wip",)), make_pull(labels=("hold",)))


def test_branches_are_compared_exactly() -> None:
    assert meets(asks(included_branches=("main",)), make_pull(base_branch="main"))
    assert not meets(asks(included_branches=("main",)), make_pull(base_branch="Main"))
    assert not meets(asks(excluded_branches=("main",)), make_pull(base_branch="main"))


@pytest.mark.parametrize(
    ("author", "login", "is_bot", "met"),
    [
        ("Alice", "alice", False, True),
        ("@alice", "ALICE", False, True),
        ("alice", "bob", False, False),
        ("renovate[bot]", "renovate", True, True),
        ("app/renovate", "renovate", True, True),
        ("app/renovate", "renovate[bot]", False, True),
        ("renovate[bot]", "renovate", False, False),
        ("renovate", "renovate", True, False),
    ],
)
def test_a_bot_is_the_same_however_it_is_written_and_never_a_person(
    author: str,
    login: str,
    is_bot: bool,  # noqa: FBT001 - a table
    met: bool,  # noqa: FBT001 - a table
) -> None:
    assert meets(asks(author=author), make_pull(author=login, author_is_bot=is_bot)) is met


def test_the_milestone_must_be_the_one_asked_for() -> None:
    assert meets(asks(milestone="v1"), make_pull(milestone="V1"))
    assert not meets(asks(milestone="v1"), make_pull())


@pytest.mark.parametrize("decision", list(ReviewDecision))
def test_only_an_approval_counts_where_one_is_asked_for(decision: ReviewDecision) -> None:
    pull = make_pull(review_decision=decision)
    assert meets(asks(review_approved_required=True), pull) is (decision is ReviewDecision.APPROVED)
    assert meets(PLAIN, pull)


def test_one_query_met_is_enough() -> None:
    assert meets_any([asks(labels=("x",)), PLAIN], make_pull())
    assert not meets_any([], make_pull())


def test_the_criteria_are_all_met_exactly_when_the_query_is() -> None:
    query = asks(
        labels=("lgtm",), missing_labels=("hold",), author="bob", milestone="v1", review_approved_required=True
    )
    good = make_pull(author="bob", milestone="v1", review_decision=ReviewDecision.APPROVED)
    assert meets(query, good)
    assert weight(criteria(query, good)) == 0
    poor = make_pull(labels=("hold",), base_branch="main")
    unmet = [one.kind for one in criteria(query, poor) if not one.met]
    assert unmet == [
        CriterionKind.AUTHOR,
        CriterionKind.MILESTONE,
        CriterionKind.LABEL,
        CriterionKind.FORBIDDEN_LABEL,
        CriterionKind.REVIEW,
    ]
    assert weight(criteria(query, poor)) == 1000 + 100 + 1 + 1 + 50


def test_a_wrong_branch_weighs_most() -> None:
    assert weight(criteria(asks(excluded_branches=("main",)), make_pull())) == 2000
