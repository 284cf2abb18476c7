from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.adapters.github import nodes
from tide.adapters.github import parse
from tide.adapters.github.parse import ContextPage, Contexts, IssueNode, PullNode
from tide.domain.errors import BadAnswer
from tide.domain.keys import PullKey
from tide.domain.pulls import ContextSource, ContextState, Mergeable, MergeState, Pull, ReviewDecision


def contexts_of(*listed: nodes.Node | None) -> Contexts:
    return parse.contexts(parse.read(ContextPage, nodes.page(listed)).nodes or ())


def pull_of(contexts: Contexts | None = None, *, is_whole: bool = True, **changes: Any) -> Pull:
    node = parse.read(PullNode, nodes.pull(7, **changes))
    return parse.pull(node, contexts or Contexts(), is_whole=is_whole)


def test_a_pull_request_is_read_whole() -> None:
    pull = pull_of(
        body="why",
        isDraft=True,
        labels=nodes.labels("lgtm", "approved"),
        milestone={"title": "v1"},
        reviewDecision="APPROVED",
        mergeable="CONFLICTING",
        mergeStateStatus="DIRTY",
        canBeRebased=False,
    )
    assert pull == Pull(
        key=PullKey("acme", "rocket", 7),
        title="Change 7",
        body="why",
        author="alice",
        base_branch="main",
        head_branch="change-7",
        head_sha=nodes.HEAD,
        updated_at=datetime(2026, 1, 2, tzinfo=UTC),
        is_draft=True,
        mergeable=Mergeable.CONFLICTING,
        merge_state=MergeState.DIRTY,
        can_be_rebased=False,
        review_decision=ReviewDecision.APPROVED,
        labels=("approved", "lgtm"),
        milestone="v1",
    )


@pytest.mark.parametrize(
    ("author", "login", "is_bot"),
    [
        (None, "ghost", False),
        ({"__typename": "Bot", "login": "renovate"}, "renovate", True),
        ({"__typename": "User", "login": "bob"}, "bob", False),
    ],
)
def test_an_author_may_be_gone_or_a_bot(author: nodes.Node | None, login: str, *, is_bot: bool) -> None:
    pull = pull_of(author=author)
    assert (pull.author, pull.author_is_bot) == (login, is_bot)


def test_a_deleted_base_branch_is_no_obstacle() -> None:
    assert pull_of(baseRef=None).base_branch == "main"


@pytest.mark.parametrize(
    ("state", "is_open", "is_merged"), [("OPEN", True, False), ("CLOSED", False, False), ("MERGED", False, True)]
)
def test_open_closed_and_merged_are_told_apart(state: str, *, is_open: bool, is_merged: bool) -> None:
    pull = pull_of(state=state)
    assert (pull.is_open, pull.is_merged) == (is_open, is_merged)


def test_unheard_of_values_are_taken_for_the_least_favourable() -> None:
    pull = pull_of(mergeable="PERHAPS", mergeStateStatus="ODD", reviewDecision="HALF")
    assert pull.mergeable is Mergeable.UNKNOWN
    assert pull.merge_state is MergeState.UNKNOWN
    assert pull.review_decision is ReviewDecision.REVIEW_REQUIRED
    assert contexts_of(nodes.status("ci", "ODD")).found[0].state is ContextState.ERROR


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": None},
        {"labels": nodes.labels("a", has_more=True)},
        {"labels": {"pageInfo": {"hasNextPage": False}, "nodes": [None]}},
    ],
)
def test_labels_that_were_not_all_read_hold_the_pull_request(changes: nodes.Node) -> None:
    assert not pull_of(**changes).contexts_known


def test_an_error_in_the_node_holds_the_pull_request() -> None:
    assert not pull_of(is_whole=False).contexts_known
    assert pull_of().contexts_known


@pytest.mark.parametrize("changes", [{"updatedAt": "lately"}, {"headRefOid": None}, {"repository": None}])
def test_a_node_of_another_form_is_refused(changes: nodes.Node) -> None:
    with pytest.raises(BadAnswer, match="PullNode is not as described"):
        pull_of(**changes)


@pytest.mark.parametrize(
    ("progress", "conclusion", "state"),
    [
        ("QUEUED", None, ContextState.PENDING),
        ("IN_PROGRESS", None, ContextState.PENDING),
        ("WAITING", "SUCCESS", ContextState.PENDING),
        ("COMPLETED", "SUCCESS", ContextState.SUCCESS),
        ("COMPLETED", "NEUTRAL", ContextState.SUCCESS),
        ("COMPLETED", "SKIPPED", ContextState.SUCCESS),
        ("COMPLETED", "FAILURE", ContextState.FAILURE),
        ("COMPLETED", "CANCELLED", ContextState.FAILURE),
        ("COMPLETED", "ACTION_REQUIRED", ContextState.FAILURE),
        ("COMPLETED", "TIMED_OUT", ContextState.FAILURE),
        ("COMPLETED", "STALE", ContextState.FAILURE),
        ("COMPLETED", "UNHEARD_OF", ContextState.FAILURE),
        ("COMPLETED", None, ContextState.FAILURE),
    ],
)
def test_a_check_run_counts_as_a_context(progress: str, conclusion: str | None, state: ContextState) -> None:
    (context,) = contexts_of(nodes.check_run("build", conclusion, progress)).found
    assert (context.name, context.state, context.source) == ("build", state, ContextSource.CHECK_RUN)
    assert (context.description, context.target_url) == ("", "https://ci.example/build")


def test_a_check_run_without_a_name_is_ignored() -> None:
    assert contexts_of(nodes.check_run("")).found == ()


PASSED, FAILED, RUNNING = ("SUCCESS", "COMPLETED"), ("FAILURE", "COMPLETED"), (None, "QUEUED")
STATES = {PASSED: ContextState.SUCCESS, FAILED: ContextState.FAILURE, RUNNING: ContextState.PENDING}


@pytest.mark.parametrize("one", [PASSED, FAILED, RUNNING])
@pytest.mark.parametrize("other", [PASSED, FAILED, RUNNING])
def test_check_runs_of_one_name_in_several_suites_all_count(
    one: tuple[str | None, str], other: tuple[str | None, str]
) -> None:
    runs = (
        nodes.check_run("build", *one, suite="CS_1", number=2),
        nodes.check_run("build", *other, suite="CS_2", number=1),
    )
    found = contexts_of(*runs).found
    assert [(context.suite, context.state) for context in found] == [("CS_1", STATES[one]), ("CS_2", STATES[other])]
    assert contexts_of(*reversed(runs)).found == found


@pytest.mark.parametrize("first", [PASSED, FAILED, RUNNING])
@pytest.mark.parametrize("again", [PASSED, FAILED, RUNNING])
def test_what_was_run_again_in_its_suite_does_not_count(
    first: tuple[str | None, str], again: tuple[str | None, str]
) -> None:
    runs = nodes.check_run("build", *first, number=9), nodes.check_run("build", *again, number=10)
    assert [context.state for context in contexts_of(*runs).found] == [STATES[again]]
    assert [context.state for context in contexts_of(*reversed(runs)).found] == [STATES[again]]


def test_check_runs_of_which_it_is_not_told_which_replaced_which_all_count() -> None:
    runs = nodes.check_run("build", *PASSED), nodes.check_run("build", *FAILED)
    for lacking in ({"checkSuite": None}, {"databaseId": None}):
        found = contexts_of(*(run | lacking for run in runs)).found
        assert {context.state for context in found} == {ContextState.SUCCESS, ContextState.FAILURE}


@pytest.mark.parametrize(
    ("reviews", "decision"),
    [
        (None, ReviewDecision.NONE),
        (nodes.reviews(), ReviewDecision.NONE),
        (nodes.reviews("DISMISSED"), ReviewDecision.NONE),
        (nodes.reviews("DISMISSED", "APPROVED"), ReviewDecision.APPROVED),
        (nodes.reviews("APPROVED", "CHANGES_REQUESTED"), ReviewDecision.CHANGES_REQUESTED),
        (nodes.reviews("APPROVED", has_more=True), ReviewDecision.NONE),
        (nodes.reviews("CHANGES_REQUESTED", has_more=True), ReviewDecision.CHANGES_REQUESTED),
        (nodes.reviews("APPROVED") | {"nodes": [{"state": "APPROVED"}, None]}, ReviewDecision.NONE),
        (nodes.reviews("UNHEARD_OF"), ReviewDecision.NONE),
    ],
)
def test_where_a_branch_asks_for_no_review_those_there_are_are_summed_up(
    reviews: nodes.Node | None, decision: ReviewDecision
) -> None:
    assert pull_of(latestOpinionatedReviews=reviews).review_decision is decision
    theirs = pull_of(latestOpinionatedReviews=reviews, reviewDecision="REVIEW_REQUIRED")
    assert theirs.review_decision is ReviewDecision.REVIEW_REQUIRED, "GitHub knows what the branch asks for"


def test_a_status_and_a_check_run_of_one_name_are_both_kept() -> None:
    found = contexts_of(nodes.status("ci", "FAILURE"), nodes.check_run("ci")).found
    assert [(context.source, context.state) for context in found] == [
        (ContextSource.CHECK_RUN, ContextState.SUCCESS),
        (ContextSource.STATUS, ContextState.FAILURE),
    ]


def test_contexts_are_sorted_whatever_their_order() -> None:
    listed = [nodes.status("b"), nodes.check_run("c"), nodes.status("a", description=None)]
    assert contexts_of(*listed) == contexts_of(*reversed(listed))
    assert [context.name for context in contexts_of(*listed).found] == ["a", "b", "c"]


def test_a_context_that_may_not_be_seen_makes_them_incomplete() -> None:
    contexts = contexts_of(nodes.status("a"), None)
    assert not contexts.is_complete
    assert not pull_of(contexts).contexts_known


def test_the_contexts_of_another_commit_are_not_the_heads() -> None:
    listed = {"nodes": [{"commit": nodes.commit([nodes.status("a")], oid="f" * 40)}]}
    assert parse.read(PullNode, nodes.pull(commits=listed)).head_commit is None


def test_an_issue_knows_its_repository() -> None:
    issue = parse.read(IssueNode, nodes.issue(3, "Broken branch:main"))
    assert str(issue.repo) == "acme/rocket"
